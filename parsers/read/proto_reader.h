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

/* A field; its bytes are not checked here. */
#define PROTO_WORK_OF_FIELD 32

/* A field in any form, or none: at must not be the end. */
bool proto_next_slow(struct proto_reader *reader, struct proto_field *field);

/* A number of one or two bytes at *at; false: it is longer, or cut off. */
static inline bool proto_short_number(struct slice message, size_t *at, uint64_t *value)
{
    const uint8_t *p = message.data + *at;
    size_t left = message.size - *at;
    if (left && p[0] < 0x80) {
        *value = p[0];
        *at += 1;
        return true;
    }
    if (left < 2 || p[1] >= 0x80)
        return false;
    *value = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
    *at += 2;
    return true;
}

/* A field whose tag, number and size are short, as most are; false, and nothing read: another one,
 * or none. */
static inline bool proto_next_short(struct proto_reader *reader, struct proto_field *field)
{
    struct slice message = reader->message;
    size_t at = reader->at;
    uint64_t tag, value;
    if (!proto_short_number(message, &at, &tag) || tag < 8)
        return false;
    field->number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case 0:
        field->type = PROTO_VARINT;
        if (!proto_short_number(message, &at, &field->value))
            return false;
        break;
    case 1:
        field->type = PROTO_FIXED64;
        if (message.size - at < 8)
            return false;
        field->value = slice_load8(message.data + at);
        at += 8;
        break;
    case 2:
        field->type = PROTO_BYTES;
        if (!proto_short_number(message, &at, &value) || value > message.size - at)
            return false;
        field->bytes = slice_make(message.data + at, value);
        at += value;
        break;
    case 5:
        field->type = PROTO_FIXED32;
        if (message.size - at < 4)
            return false;
        field->value = slice_load4(message.data + at);
        at += 4;
        break;
    default:
        return false;
    }
    field->offset = reader->at;
    reader->at = at;
    return true;
}

/* False at the end, and when what follows is no field. */
static inline bool proto_next(struct proto_reader *reader, struct proto_field *field)
{
    if (reader->at >= reader->message.size || reader->broken)
        return false;
    if (!work_add(reader->work, PROTO_WORK_OF_FIELD)) {
        reader->broken = true;
        return false;
    }
    return proto_next_short(reader, field) || proto_next_slow(reader, field);
}

#endif
