/* cef_read.h: one CEF record → header fields and extension pairs, as written. Thread: any. */
#ifndef VSOC_PARSERS_CEF_READ_H
#define VSOC_PARSERS_CEF_READ_H

#include "core/reasons/record_code.h"
#include "core/slice.h"

enum cef_header_field {
    CEF_VENDOR,
    CEF_PRODUCT,
    CEF_DEVICE_VERSION,
    CEF_CLASS_ID,
    CEF_NAME,
    CEF_SEVERITY,
    CEF_HEADER_FIELDS,
};

struct cef_record {
    unsigned version;                       /* 0 or 1 */
    struct slice header[CEF_HEADER_FIELDS]; /* with escapes */
    struct slice extension;
};

/* Where and why a record is no CEF. */
struct cef_error {
    size_t offset;
    enum record_code code;
    const char *detail;
};

/* Splits a record, which starts with "CEF:"; false with *error. */
bool cef_read(struct slice record, struct cef_record *out, struct cef_error *error);

struct cef_pair {
    struct slice key, value; /* value with escapes, without the white space before the next key */
};

/* Walks the extension: *at starts at 0. False after the last pair. A value ends where white space
 * is followed by a key and an unescaped =. */
bool cef_pair_next(struct slice extension, size_t *at, struct cef_pair *pair);

#endif
