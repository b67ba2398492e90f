/* context_layout_fields.h: a parsed layout. Private to context_layout*.c. */
#ifndef VSOC_PARSERS_CONTEXT_LAYOUT_FIELDS_H
#define VSOC_PARSERS_CONTEXT_LAYOUT_FIELDS_H

#include "core/event.h"

enum layout_kind {
    LAYOUT_NUMBER,        /* of up to 64 bits, big-endian */
    LAYOUT_LITTLE_ENDIAN, /* of whole bytes */
    LAYOUT_ADDRESS,       /* IPv4 or IPv6 by its size */
    LAYOUT_PROTOCOL,      /* IANA protocol number → its name */
    LAYOUT_TEXT,
    LAYOUT_HEX,
};

struct layout_field {
    const struct event_field_info *column; /* NULL: none */
    struct slice name;                     /* in attributes.context; both missing: skipped */
    enum layout_kind kind;
    size_t bit, bits;          /* first bit: bit 0 is the top bit of the first byte */
    bool has_none, has_needed; /* value means "not available", or is required for the layout */
    uint64_t value;
};

struct context_layout {
    const struct layout_field *fields;
    size_t count;
    size_t bytes;
    bool may_be_longer;
    int64_t version; /* -1: any */
};

#endif
