/* event_json.h: event → JSON, one object, keys in table order (docs/formats.md describes it). Unset
 * fields are omitted. BIG is a number up to 2^53-1, else a decimal string; TIME is RFC 3339 with
 * µs, HEX is lower-case, BASE64 is padded. time_event_ns is always a decimal string, preceded by
 * time_event in RFC 3339; severity_id is preceded by severity, its name; time_event_raw is text
 * when it was text. server/commands/reference/reference_schema_out.c has all that as JSON Schema.
 */
#ifndef VSOC_CORE_EVENT_JSON_H
#define VSOC_CORE_EVENT_JSON_H

#include "core/event.h"
#include "core/writer.h"

/* Starts of times that were written, for events of one batch: most have the same second. Zeroed by
 * its owner; one thread at a time. */
struct event_json_memo {
    struct {
        int64_t second;
        bool known;
        char text[21]; /* quote, date, T, time, point */
    } times[4];
};

/* What of an event is written. */
struct event_json_style {
    uint64_t fields[EVENT_SET_WORDS]; /* bit n: field n, if it is set */
    bool companions;                  /* time_event and severity, too */
};

/* Everything. */
extern const struct event_json_style event_json_whole;

/* Appends the event as one JSON object without a line end. Errors are sticky in w->status. Thread:
 * any. */
void event_json_write_styled(struct writer *w, const struct event *event,
                             const struct event_json_style *style, struct event_json_memo *memo);
/* Appends the value of a field that is set. Thread: any. */
void event_json_write_value(struct writer *w, const struct event *event, enum event_field field,
                            struct event_json_memo *memo);
/* The same, all of it, without a memo. Thread: any. */
void event_json_write(struct writer *w, const struct event *event);
/* Appends a reject as one JSON object: index, raw_offset, raw_size, parser, code, detail, raw
 * (base64; not when raw.data is NULL: a reference). Leads with the members of extra, a text of
 * complete JSON members like
 * "\"batch_uid\":\"…\"," or empty. Thread: any. */
void event_json_write_reject(struct writer *w, struct slice extra,
                             const struct event_reject *reject);
/* Word of an OCSF severity. Static. Thread: any. */
const char *event_json_severity(int64_t severity_id);
/* Appends an RFC 3339 time in UTC with µs, between quotes. Thread: any. */
void event_json_write_time(struct writer *w, int64_t ns);
/* The same, with a memo. */
void event_json_write_time_with(struct writer *w, int64_t ns, struct event_json_memo *memo);
/* Appends 16 bytes as a UUID text without quotes. Thread: any. */
void event_json_write_uuid(struct writer *w, const uint8_t uuid[16]);

#endif
