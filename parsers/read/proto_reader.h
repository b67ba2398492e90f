/* proto_reader.h: the fields of one Protocol Buffers message, one after the other, without a
 * schema. Thread: any, one owner. */
#ifndef VSOC_PARSERS_PROTO_READER_H
#define VSOC_PARSERS_PROTO_READER_H

#include "parsers/read/work.h"

enum proto_type { PROTO_VARINT, PROTO_FIXED64, PROTO_BYTES, PROTO_FIXED32 };

struct proto_field {
    uint32_t number;
    enum proto_type type;
    uint64_t value;     /* of numbers */
    struct slice bytes; /* of PROTO_BYTES: text, bytes or a message; points into the message */
    size_t offset;      /* of the field's first byte in the message */
};

struct proto_reader {
    struct slice message;
    size_t at;   /* next byte; of a broken message the start of the field that can't be read */
    bool broken; /* sticky */
    struct work *work; /* set by the caller; when it is stopped, the message is broken. NULL: never
                          pauses */
};

static inline struct proto_reader proto_reader_make(struct slice message)
{
    return (struct proto_reader){.message = message};
}

/* False at the end, and when what follows is no field. */
bool proto_next(struct proto_reader *reader, struct proto_field *field);

#endif
