/* json_repair.h: records that follow JSON's syntax but say something that readers disagree about: a
 * key that stands twice in one object (RFC 8259 §4), a number that no double holds (§6). They are
 * read with the first of equal keys under its name and the others as KEY#2, KEY#3, …, and with such
 * numbers as texts. Only keys that identify are refused. Thread: any, one owner. */
#ifndef VSOC_PARSERS_JSON_REPAIR_H
#define VSOC_PARSERS_JSON_REPAIR_H

#include "core/json/json.h"
#include "parsers/parser.h"

/* Which keys identify: `vin`, in any case and at any depth, always does. */
struct json_repair_rules {
    const char *const *own; /* keys of the record itself; NULL-terminated; NULL: none but vin */
    bool every_own;         /* all keys of the record itself, and numbers of names given */
    bool inner_ids;         /* id and source_event_id in an object of the record, too */
};

/* What was done to a record; all zero: nothing. */
struct json_repair {
    struct slice repeated; /* the first key that stood twice */
    struct slice number;   /* the first number that no double holds */
};

/* As json_record_read. A record that was repaired is read from a copy: nodes do not point into
 * record then. */
enum status json_repair_read(const struct parser_context *context, const struct json_names *names,
                             const struct json_repair_rules *rules, struct slice record,
                             struct json_document *document, struct json_repair *repair,
                             struct parser_outcome *outcome) must_check;
/* Notes what was done; the event's parse_status becomes partial. False: memory is out. */
bool json_repair_note(const struct parser_context *context, const struct json_repair *repair,
                      struct event *event);

#endif
