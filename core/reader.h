/* reader.h: bounded reader over a slice with a sticky error. Read straight through, test once at
 * the end. After the first read past the end every later read returns zeros and status stays
 * TRUNCATED. */
#ifndef VSOC_CORE_READER_H
#define VSOC_CORE_READER_H

#include "core/slice.h"
#include "core/status.h"

struct reader {
    struct slice in;
    size_t offset; /* of the next byte */
    enum status status;
};

static inline struct reader reader_make(struct slice in)
{
    return (struct reader){in, 0, STATUS_OK};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->in.size - r->offset;
}

/* The next size bytes, without a copy; empty and sticky TRUNCATED if there are fewer. */
static inline struct slice reader_bytes(struct reader *r, size_t size)
{
    if (r->status != STATUS_OK || size > reader_left(r)) {
        if (r->status == STATUS_OK)
            r->status = STATUS_TRUNCATED;
        return SLICE_EMPTY;
    }
    struct slice s = slice_sub(r->in, r->offset, size); /* data may be NULL */
    r->offset += size;
    return s;
}

static inline uint64_t reader_uint_be(struct reader *r, size_t bytes)
{
    struct slice s = reader_bytes(r, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < s.size; i++)
        v = v << 8 | s.data[i];
    return v;
}

static inline uint64_t reader_uint_le(struct reader *r, size_t bytes)
{
    struct slice s = reader_bytes(r, bytes);
    uint64_t v = 0;
    for (size_t i = s.size; i > 0; i--)
        v = v << 8 | s.data[i - 1];
    return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_uint_be(r, 1);
}

/* LEB128, at most 10 bytes; MALFORMED when it does not fit 64 bits. */
static inline uint64_t reader_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (r->status != STATUS_OK || r->offset >= r->in.size)
            break;
        uint8_t b = r->in.data[r->offset++];
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    if (r->status == STATUS_OK)
        r->status = r->offset >= r->in.size ? STATUS_TRUNCATED : STATUS_MALFORMED;
    return 0;
}

#endif
