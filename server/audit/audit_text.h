/* audit_text.h: an audit record as JSON, and fields read back from JSON. Pure; thread: any. */
#ifndef VSOC_SERVER_AUDIT_TEXT_H
#define VSOC_SERVER_AUDIT_TEXT_H

#include "core/log/problem.h"
#include "core/status.h"
#include "core/uuid7.h"
#include "core/writer.h"
#include "server/audit/audit_field.h"

struct audit_head {
    uint8_t uid[UUID_BYTES]; /* of the record in the spool too */
    int64_t time_ns;         /* wall clock of what is recorded */
    const char *instance;
    enum audit_kind kind;
};

/* The text as it is stored, at most AUDIT_TEXT_BYTES: bytes that are not UTF-8 and control
 * characters become '?'; 17 letters and digits that have the form of a VIN become (VIN), also where
 * the text is cut, and inside longer words if the last four are digits. Never longer than the text.
 * The result is in out. */
struct slice audit_text_clean(struct slice text, uint8_t out[AUDIT_TEXT_BYTES]);
/* Appends the record as one JSON object, its texts cleaned; hashes, serial numbers and pseudonyms
 * stay if they have the form. */
void audit_text_write(struct writer *w, const struct audit_head *head,
                      const struct audit_field *fields, size_t count);

/* Reads {"kind":…,FIELD:…} as a command posts it: a kind that commands record, with `actor`. Texts
 * point into json, which must be followed by JSON_PADDING bytes, or into memory of *arena.
 * MALFORMED, NO_MEMORY: *problem. */
struct arena;
enum status audit_text_read(struct slice json, struct arena *arena, enum audit_kind *kind,
                            struct audit_field fields[AUDIT_FIELDS_MAX], size_t *count,
                            struct problem *problem) must_check;
/* Appends what audit_text_read reads. */
void audit_text_request(struct writer *w, enum audit_kind kind, const struct audit_field *fields,
                        size_t count);

#endif
