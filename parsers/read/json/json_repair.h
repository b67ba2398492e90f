/* json_repair.h: reads records that follow JSON's syntax but that readers interpret differently: a
 * duplicate key (RFC 8259 §4), a number that no double can hold (§6). The first of equal keys keeps
 * its name, the others become KEY#2, KEY#3, …; such numbers become texts. A duplicate key that
 * identifies the event or its vehicle is refused. Thread: any, one owner. */
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
    struct slice repeated; /* the first duplicate key */
    struct slice number;   /* the first number that no double holds */
};

/* As json_record_read. A repaired record is read from a copy: its nodes do not point into record.
 */
enum status json_repair_read(const struct parser_context *context, const struct json_names *names,
                             const struct json_repair_rules *rules, struct slice record,
                             struct json_document *document, struct json_repair *repair,
                             struct parser_outcome *outcome) must_check;
/* Notes each repair; the event's parse_status becomes partial. False: out of memory. */
bool json_repair_note(const struct parser_context *context, const struct json_repair *repair,
                      struct event *event);

#endif
