/* proto_reader.c: reads Protocol Buffers fields of unusual form with nanopb. Pure, any thread.
 * Knows no message types. Groups, which proto3 does not have, make a message malformed. */
#include "parsers/read/proto_reader.h"

#include <pb_decode.h>

static bool read_value(pb_istream_t *stream, pb_wire_type_t wire, struct proto_field *field)
{
    uint32_t fixed32, size;
    switch (wire) {
    case PB_WT_VARINT:
        field->type = PROTO_VARINT;
        return pb_decode_varint(stream, &field->value);
    case PB_WT_64BIT:
        field->type = PROTO_FIXED64;
        return pb_decode_fixed64(stream, &field->value);
    case PB_WT_32BIT:
        field->type = PROTO_FIXED32;
        if (!pb_decode_fixed32(stream, &fixed32))
            return false;
        field->value = fixed32;
        return true;
    case PB_WT_STRING:
        field->type = PROTO_BYTES;
        if (!pb_decode_varint32(stream, &size) || size > stream->bytes_left)
            return false;
        field->bytes.size = size;
        return true;
    default:
        return false;
    }
}

bool proto_next_slow(struct proto_reader *reader, struct proto_field *field)
{
    struct slice rest = slice_sub(reader->message, reader->at, reader->message.size);
    pb_wire_type_t wire;
    bool eof;
    pb_istream_t stream = pb_istream_from_buffer(rest.data, rest.size);
    if (!pb_decode_tag(&stream, &wire, &field->number, &eof) || !field->number ||
        !read_value(&stream, wire, field)) {
        reader->broken = true;
        return false;
    }
    field->offset = reader->at;
    reader->at = reader->message.size - stream.bytes_left;
    if (field->type == PROTO_BYTES) {
        field->bytes.data = reader->message.data + reader->at;
        reader->at += field->bytes.size;
    }
    return true;
}
