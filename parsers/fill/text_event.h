/* text_event.h: common to parsers of text lines: columns of limited size, attributes with unique
 * keys, notes. One owner, one record. */
#ifndef VSOC_PARSERS_TEXT_EVENT_H
#define VSOC_PARSERS_TEXT_EVENT_H

#include "core/reasons/record_code.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/json/json_record.h"
#include "parsers/read/json/json_repair.h"
#include "parsers/read/key_list.h"
#include "parsers/parser.h"

struct text_event {
    const struct parser_context *context;
    struct event event;
    struct json_object attributes;
    struct key_list keys;
    bool is_full;     /* more keys than are decoded; noted once */
    bool is_repaired; /* noted once */
    bool failed;      /* out of memory */
};

void text_event_init(struct text_event *t, const struct parser_context *context);
/* Replaces what a text must not contain (text_repair), and adds one note per event. */
void text_event_repair(struct text_event *t, struct slice *record);
/* Reads the record, a JSON object, with context->json. What a text must not contain, including an
 * escaped U+0000, becomes U+FFFD and is noted; so are duplicate keys
 * (parsers/read/json/json_repair.h). False: *outcome has the reason. names may be NULL. */
bool text_event_read_json(struct text_event *t, const struct json_names *names,
                          const struct json_repair_rules *rules, struct slice record,
                          struct json_document *document, struct parser_outcome *outcome);
/* Note; the event's parse_status becomes partial. */
void text_event_partial(struct text_event *t, enum record_code code, const char *detail);
/* The same for a record inside this one that its parser refused; otherwise: the sentence when the
 * outcome has none. */
void text_event_partial_inner(struct text_event *t, const struct parser_outcome *inner,
                              const char *otherwise);
/* Notes, once, that only the first keys are decoded. */
void text_event_note_full(struct text_event *t);
/* Sets a TEXT field. False, and nothing set, when it is set already, or value is empty or longer
 * than the field allows */
bool text_event_set(struct text_event *t, enum event_field field, struct slice value);
/* The same with the letters A to Z as a to z. */
bool text_event_set_lower(struct text_event *t, enum event_field field, struct slice value);
/* Sets an INET field unless it is set or value is not an IPv4 or IPv6 address. */
bool text_event_set_address(struct text_event *t, enum event_field field, struct slice value);
/* The same for an address in brackets or with a zone (%eth0), which is removed. */
bool text_event_find_address(struct text_event *t, enum event_field field, struct slice value);
/* Sets an INT field unless it is set or value is outside its range. */
bool text_event_set_int(struct text_event *t, enum event_field field, int64_t value);
/* The same for a number in decimal digits. */
bool text_event_set_decimal(struct text_event *t, enum event_field field, struct slice value);
/* Sets transport by a protocol's name or number unless it is set or value names no protocol;
 * *is_whole: the column holds all of value. */
bool text_event_set_transport(struct text_event *t, struct slice value, bool *is_whole);
/* Sets a TEXT field; a text that is too long is cut at a character's end, with a note. */
void text_event_set_cut(struct text_event *t, enum event_field field, struct slice text);
/* Sets message, cut at a character's end when it is too long. */
void text_event_set_message(struct text_event *t, struct slice text);
/* Removes escapes from a value: the characters in `escaped` lose the backslash before them, n and r
 * become line ends when `line_ends`. */
struct slice text_event_plain(struct text_event *t, struct slice value, const char *escaped,
                              bool line_ends);
/* Keeps a value that has no column in attributes. Empty values are omitted. */
void text_event_keep(struct text_event *t, struct slice key, struct slice value);
/* Severity of syslog (0 to 7) as severity_id and severity_source. */
void text_event_set_syslog_severity(struct text_event *t, int severity);
/* Catalogue id of a security product's event: vendor|product|id. */
void text_event_set_catalog_id(struct text_event *t, struct slice vendor, struct slice product,
                               struct slice id);
/* Sets the event's attributes. False, with MALFORMED: out of memory. */
bool text_event_complete(struct text_event *t, struct parser_outcome *outcome);
/* Emits the event. MALFORMED: out of memory. */
void text_event_emit(struct text_event *t, struct parser_outcome *outcome);

#endif
