/* leef_record.h: the parts of one LEEF record, as written. Plain data, any thread. */
#ifndef VSOC_PARSERS_LEEF_RECORD_H
#define VSOC_PARSERS_LEEF_RECORD_H

#include "core/slice.h"

enum leef_header_field {
    LEEF_VENDOR,
    LEEF_PRODUCT,
    LEEF_PRODUCT_VERSION,
    LEEF_EVENT_ID,
    LEEF_HEADER_FIELDS,
};

struct leef_record {
    struct slice header[LEEF_HEADER_FIELDS]; /* with escapes */
    uint8_t delimiter[4];                    /* between attributes; UTF-8 */
    size_t delimiter_size;
    bool bad_delimiter; /* 2.0: the field is not a delimiter; a tab was used instead */
    /* The delimiter is not in the attributes: another one was taken, or, when none fits, they are
     * one. */
    bool is_guessed;
    bool is_declared; /* the record declares its delimiter: only a tab may replace it */
    bool is_blank;    /* a blank and the next key part them */
    struct slice attributes;
};

#endif
