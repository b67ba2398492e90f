/* inflate_zstd_frame.c: walks through Zstandard frames without decoding them. Runs on a worker.
 * libzstd compares the declared content size only for some ways to split its input, and does not
 * report how many blocks it has read: this file knows both. */
#include "server/inflate/inflate_zstd_frame.h"

enum {
    PART_MAGIC,
    PART_DESCRIPTOR,
    PART_HEADER, /* window, dictionary, content size */
    PART_BLOCK_HEADER,
    PART_BLOCK,
    PART_CHECKSUM,
    PART_SKIP_SIZE,
    PART_SKIP,
    PART_END,
};

enum { BLOCK_RAW, BLOCK_RUN, BLOCK_COMPRESSED, BLOCK_RESERVED };

#define MAGIC           0xFD2FB528u
#define MAGIC_SKIPPABLE 0x184D2A50u /* and the fifteen behind it */
#define BLOCK_BYTES_MAX ((size_t)128 << 10)

static void begin(struct zstd_frame *f, unsigned part, uint64_t size)
{
    f->part = part;
    f->left = size;
    f->have = 0;
}

void zstd_frame_start(struct zstd_frame *f)
{
    *f = (struct zstd_frame){.part = PART_MAGIC};
    begin(f, PART_MAGIC, 4);
}

static uint64_t little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* ---- frame header, §3.1.1.1 ---- */

static size_t dictionary_bytes(uint8_t descriptor)
{
    static const uint8_t sizes[] = {0, 1, 2, 4};
    return sizes[descriptor & 3];
}

static size_t content_size_bytes(uint8_t descriptor)
{
    static const uint8_t sizes[] = {0, 2, 4, 8};
    bool single_segment = descriptor & 0x20;
    return descriptor >> 6 ? sizes[descriptor >> 6] : single_segment;
}

/* The descriptor was kept as bytes[0]. */
static enum status read_descriptor(struct zstd_frame *f)
{
    uint8_t descriptor = f->bytes[0];
    if (descriptor & 0x08) /* reserved */
        return STATUS_MALFORMED;
    size_t size =
        !(descriptor & 0x20) + dictionary_bytes(descriptor) + content_size_bytes(descriptor);
    f->has_checksum = descriptor & 0x04;
    f->part = PART_HEADER;
    f->left = size;
    return STATUS_OK;
}

static uint64_t window_of(uint8_t descriptor)
{
    uint64_t base = UINT64_C(1) << (10 + (descriptor >> 3));
    return base + base / 8 * (descriptor & 7);
}

static enum status read_header(struct zstd_frame *f)
{
    uint8_t descriptor = f->bytes[0];
    bool single_segment = descriptor & 0x20;
    size_t size = content_size_bytes(descriptor);
    f->declares_size = size > 0;
    f->content_bytes = little_endian(f->bytes + f->have - size, size) + (size == 2 ? 256 : 0);
    uint64_t window = single_segment ? f->content_bytes : window_of(f->bytes[1]);
    if (window > ZSTD_FRAME_WINDOW_MAX)
        return STATUS_OUT_OF_RANGE;
    begin(f, PART_BLOCK_HEADER, 3);
    return STATUS_OK;
}

/* ---- blocks, §3.1.1.2 ---- */

static enum status read_block_header(struct zstd_frame *f)
{
    uint64_t header = little_endian(f->bytes, 3), size = header >> 3;
    unsigned type = header >> 1 & 3;
    if (type == BLOCK_RESERVED || (type != BLOCK_RUN && size > BLOCK_BYTES_MAX))
        return STATUS_MALFORMED;
    f->is_last_block = header & 1;
    begin(f, PART_BLOCK, type == BLOCK_RUN ? 1 : size);
    return STATUS_OK;
}

static void end_frame(struct zstd_frame *f)
{
    f->ended++;
    begin(f, PART_END, 0);
}

static void end_block(struct zstd_frame *f)
{
    f->ended++;
    if (!f->is_last_block)
        begin(f, PART_BLOCK_HEADER, 3);
    else if (f->has_checksum)
        begin(f, PART_CHECKSUM, 4);
    else
        end_frame(f);
}

/* ---- parts ---- */

static enum status read_magic(struct zstd_frame *f)
{
    uint64_t magic = little_endian(f->bytes, 4);
    f->is_skippable = (magic & ~UINT64_C(15)) == MAGIC_SKIPPABLE;
    if (f->is_skippable)
        begin(f, PART_SKIP_SIZE, 4);
    else
        begin(f, PART_DESCRIPTOR, 1);
    return f->is_skippable || magic == MAGIC ? STATUS_OK : STATUS_MALFORMED;
}

/* All of the part is there. */
static enum status end_part(struct zstd_frame *f)
{
    switch (f->part) {
    case PART_MAGIC:
        return read_magic(f);
    case PART_DESCRIPTOR:
        return read_descriptor(f);
    case PART_HEADER:
        return read_header(f);
    case PART_BLOCK_HEADER:
        return read_block_header(f);
    case PART_BLOCK:
        end_block(f);
        return STATUS_OK;
    case PART_SKIP_SIZE:
        begin(f, PART_SKIP, little_endian(f->bytes, 4));
        return STATUS_OK;
    default: /* checksum, skipped bytes */
        end_frame(f);
        return STATUS_OK;
    }
}

static bool is_kept(unsigned part)
{
    return part != PART_BLOCK && part != PART_CHECKSUM && part != PART_SKIP;
}

enum status zstd_frame_feed(struct zstd_frame *f, struct slice in, size_t *consumed)
{
    *consumed = 0;
    if (f->part == PART_END)
        zstd_frame_start(f);
    f->ended = 0;
    while (f->part != PART_END) {
        if (f->ended)
            return STATUS_END;
        size_t there = in.size - *consumed, n = f->left < there ? (size_t)f->left : there;
        if (is_kept(f->part)) {
            memcpy(f->bytes + f->have, in.data + *consumed, n);
            f->have += n;
        }
        *consumed += n;
        f->left -= n;
        if (f->left)
            return STATUS_END;
        enum status status = end_part(f);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
