/* inflate_gzip_header.c: the header of a gzip member. Runs on a worker. isa-l 2.30 loses its state
 * when a header with a file name arrives in two pieces; so headers are read here, and isa-l gets
 * the rest.
 */
#include "server/inflate/inflate_gzip_header.h"

#include <zlib.h>

enum { PART_FIXED, PART_EXTRA_SIZE, PART_EXTRA, PART_NAME, PART_COMMENT, PART_CRC, PART_DONE };

enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

void inflate_gzip_header_start(struct gzip_header *header)
{
    *header = (struct gzip_header){.part = PART_FIXED};
}

/* First part after `part` that the flags ask for. */
static unsigned next_part(const struct gzip_header *h)
{
    static const uint8_t wanted[] = {[PART_EXTRA_SIZE] = FLAG_EXTRA,
                                     [PART_EXTRA] = FLAG_EXTRA,
                                     [PART_NAME] = FLAG_NAME,
                                     [PART_COMMENT] = FLAG_COMMENT,
                                     [PART_CRC] = FLAG_CRC};
    for (unsigned part = h->part + 1; part < PART_DONE; part++) {
        if (part == PART_EXTRA && h->extra_bytes == 0)
            continue;
        if (h->flags & wanted[part])
            return part;
    }
    return PART_DONE;
}

/* Byte `at` of the ten that every header has: magic, method, flags, time, hints. */
static bool read_fixed(struct gzip_header *h, size_t at, uint8_t c)
{
    static const uint8_t start[] = {0x1f, 0x8b, Z_DEFLATED};
    if (at < sizeof(start))
        return c == start[at];
    if (at == sizeof(start))
        h->flags = c;
    return !(h->flags & FLAGS_RESERVED);
}

/* False: malformed. *done: c was the last byte of the part. */
static bool read_byte(struct gzip_header *h, uint8_t c, bool *done)
{
    size_t at = h->part_bytes++;
    switch (h->part) {
    case PART_FIXED:
        *done = at == 9;
        return read_fixed(h, at, c);
    case PART_EXTRA_SIZE:
        h->extra_bytes |= (size_t)c << (8 * at);
        *done = at == 1;
        return true;
    case PART_EXTRA:
        *done = at + 1 == h->extra_bytes;
        return true;
    case PART_CRC:
        h->crc_sent |= (uint32_t)c << (8 * at);
        *done = at == 1;
        return at == 0 || h->crc_sent == (h->crc & 0xffff);
    default: /* a text that ends with NUL */
        *done = c == 0;
        return true;
    }
}

enum status inflate_gzip_header_feed(struct gzip_header *h, struct slice in, size_t *consumed)
{
    for (*consumed = 0; *consumed < in.size && h->part != PART_DONE; ++*consumed) {
        bool done = false;
        if (!read_byte(h, in.data[*consumed], &done))
            return STATUS_MALFORMED;
        if (h->part != PART_CRC)
            h->crc = (uint32_t)crc32(h->crc, in.data + *consumed, 1);
        if (done) {
            h->part = next_part(h);
            h->part_bytes = 0;
        }
    }
    return h->part == PART_DONE ? STATUS_OK : STATUS_END;
}
