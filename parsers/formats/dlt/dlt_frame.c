/* dlt_frame.c: reads the headers of DLT messages, protocol version 1 (AUTOSAR PRS Log and Trace),
 * and finds the next one after broken bytes. Pure, any thread. Does not read payloads. */
#include "parsers/formats/dlt/dlt_frame.h"
#include "core/reasons/record_code.h"
#include "core/reader.h"

#define STANDARD_BYTES 4

enum dlt_magic dlt_magic_at(struct slice body, size_t at)
{
    struct slice m = slice_sub(body, at, DLT_MAGIC_BYTES);
    if (m.size < DLT_MAGIC_BYTES)
        return DLT_MAGIC_NONE;
    if (!memcmp(m.data, "DLT\x01", DLT_MAGIC_BYTES))
        return DLT_MAGIC_STORAGE;
    if (!memcmp(m.data, "DLS\x01", DLT_MAGIC_BYTES))
        return DLT_MAGIC_SERIAL;
    return memcmp(m.data, "DLT\x02", DLT_MAGIC_BYTES) ? DLT_MAGIC_NONE : DLT_MAGIC_STORAGE_V2;
}

size_t dlt_magic_next(struct slice body, size_t from, size_t to)
{
    while (from < to) {
        const uint8_t *found = memchr(body.data + from, 'D', to - from);
        if (!found)
            return to;
        from = (size_t)(found - body.data);
        if (dlt_magic_at(body, from) != DLT_MAGIC_NONE)
            return from;
        from++;
    }
    return to;
}

static size_t bytes_before(enum dlt_magic magic)
{
    if (magic == DLT_MAGIC_NONE)
        return 0;
    return magic == DLT_MAGIC_SERIAL ? DLT_MAGIC_BYTES : DLT_STORAGE_BYTES;
}

static void read_optional(struct reader *r, struct dlt_frame *frame)
{
    if (frame->htyp & DLT_HAS_ECU)
        frame->ecu = reader_bytes(r, 4);
    if (frame->htyp & DLT_HAS_SESSION)
        frame->session = (uint32_t)reader_uint_be(r, 4);
    if (frame->htyp & DLT_HAS_UPTIME)
        frame->uptime = (uint32_t)reader_uint_be(r, 4);
    if (frame->htyp & DLT_HAS_EXTENDED) {
        frame->msin = reader_u8(r);
        frame->argument_count = reader_u8(r);
        frame->app = reader_bytes(r, 4);
        frame->context = reader_bytes(r, 4);
    }
}

const struct dlt_problem *dlt_frame_read(struct slice body, size_t at, struct dlt_frame *frame)
{
    static const struct dlt_problem version_2 = {RECORD_unsupported_version,
                                                 "DLT protocol version 2 is not decoded"},
                                    version = {RECORD_unsupported_version,
                                               "no DLT message of protocol version 1 starts here"},
                                    truncated = {RECORD_truncated,
                                                 "the message runs past the end of the batch"},
                                    length = {RECORD_bad_length,
                                              "the length is shorter than the message's headers"};
    struct dlt_frame f = {.start = at, .magic = dlt_magic_at(body, at)};
    size_t header = at + bytes_before(f.magic);
    if (f.magic == DLT_MAGIC_STORAGE_V2)
        return &version_2;
    struct reader r = reader_make(slice_sub(body, header, STANDARD_BYTES));
    f.htyp = reader_u8(&r);
    f.counter = reader_u8(&r);
    size_t size = (size_t)reader_uint_be(&r, 2);
    if (r.in.size && DLT_VERSION(f.htyp) != DLT_VERSION_1)
        return &version;
    if (r.status != STATUS_OK || size > body.size - header)
        return &truncated;
    r = reader_make(slice_sub(body, header, size));
    (void)reader_bytes(&r, STANDARD_BYTES);
    read_optional(&r, &f);
    if (r.status != STATUS_OK)
        return &length;
    f.payload = header + r.offset;
    f.end = header + size;
    *frame = f;
    return NULL;
}
