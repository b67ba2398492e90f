/* leef_read.h: one LEEF record → header fields and attributes, as written. Thread: any. */
#ifndef VSOC_PARSERS_LEEF_READ_H
#define VSOC_PARSERS_LEEF_READ_H

#include "core/reasons/record_code.h"
#include "parsers/formats/cef_leef/leef_record.h"

/* Where and why a record is no LEEF. */
struct leef_error {
    size_t offset;
    enum record_code code;
    const char *detail;
};

/* Splits a record, which starts with "LEEF:"; false with *error. */
bool leef_read(struct slice record, struct leef_record *out, struct leef_error *error);

/* Next piece between delimiters that is not empty: *at starts at 0. False after the last. Without
 * an = *key is empty. */
bool leef_attribute_next(const struct leef_record *record, size_t *at, struct slice *key,
                         struct slice *value);

#endif
