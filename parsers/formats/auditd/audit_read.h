/* audit_read.h: one line of a Linux audit log → header and fields, as written. Thread: any. */
#ifndef VSOC_PARSERS_AUDIT_READ_H
#define VSOC_PARSERS_AUDIT_READ_H

#include "core/slice.h"

struct audit_header {
    struct slice node; /* of node=NAME, may be empty */
    struct slice type; /* as written */
    struct slice time; /* SECONDS.MMM, as written */
    int64_t time_ns;
    int64_t serial;
    bool has_serial;   /* else the record is an event of its own, and its head is missing */
    bool has_time;     /* Android writes 0 */
    struct slice text; /* what follows the header */
};

/* Reads "[node=NAME ][audit: ][type=TYPE ][msg=]audit(SECONDS.MMM:SERIAL):", or the rest of a
 * record whose header a log has removed: "AVC avc: denied …", "avc: denied …". False when the line
 * is neither. */
bool audit_header_read(struct slice line, struct audit_header *out);

/* Two records are of one event. */
static inline bool audit_header_is_same(const struct audit_header *a, const struct audit_header *b)
{
    return a->has_serial && b->has_serial && a->serial == b->serial && a->time_ns == b->time_ns &&
           slice_equal(a->node, b->node);
}

/* "avc: denied { read } for" at the head. */
bool audit_bare_is_denial(struct slice text);

struct audit_field {
    struct slice key;   /* empty: value is a word without = */
    struct slice value; /* without its quotes */
    uint8_t quote;      /* ", ' or 0 */
};

/* Walks the text: *at starts at 0. False after the last field. */
bool audit_field_next(struct slice text, size_t *at, struct audit_field *out);

/* Takes "avc:  denied  { read write } for" off the text, when it starts with it. */
bool audit_avc_take(struct slice *text, struct slice *result, struct slice *permissions);

/* Decodes a value that the kernel has written as hex because it contains a control byte, a space, a
 * quote or a byte above 7E: value.size / 2 bytes to out. False when it is plain text. */
bool audit_hex_decode(struct slice value, uint8_t *out);

#endif
