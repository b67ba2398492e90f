/* archive_image.c: walks the records of a segment, notes what is blanked and hashes the rest. The
 * caller's thread. Does not know where the image goes. */
#include "storage/evidence/archive/archive_image.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/spool/seal/seal_area.h"
#include "storage/spool/spool_scan.h"

#define HASH_CHUNK ((size_t)256 << 10)

#define KEY_AREA_MAGIC         UINT32_C(0x59454b56) /* "VKEY" */
#define SPOOL_RECORD_HEADER_V1 240
/* Byte offsets in a record's header. */
enum {
    AT_VERSION = 13,
    AT_HEADER_BYTES = 14,
    AT_RECEIVED = 40,
    AT_UID = 56,
    AT_KEYS = 272,
    AT_LEAF = 280
};

static enum status add_blank(struct archive_image *image, uint64_t offset, uint64_t bytes,
                             bool is_damage)
{
    if (image->blank_count == image->blank_room) {
        size_t room = image->blank_room ? image->blank_room * 2 : 256;
        struct archive_blank *grown = realloc(image->blanks, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        image->blanks = grown;
        image->blank_room = room;
    }
    image->blanks[image->blank_count++] =
        (struct archive_blank){.offset = offset, .bytes = (uint32_t)bytes, .is_damage = is_damage};
    return STATUS_OK;
}

static void put_le(uint8_t *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes; i > 0; i--)
        v = v << 8 | from[i - 1];
    return v;
}

/* From version 2 on a record has a leaf and, behind its header, a key area: docs/spool-format.md
 * §3. Read here as bytes, so that no field of a struct that somebody forgets lets keys out. */
static enum status add_keys(struct archive_image *image, uint64_t offset, struct slice header)
{
    if (header.size < SPOOL_RECORD_HEADER_V1 || header.data[AT_VERSION] < 2)
        return STATUS_OK;
    if (header.size < AT_LEAF + 8)
        return STATUS_CORRUPT;
    uint64_t leaf = get_le(header.data + AT_LEAF, 8), size = get_le(header.data + AT_KEYS, 4);
    if (!image->leaves++)
        image->first_leaf = leaf;
    if (size <= SEAL_AREA_HEAD_BYTES)
        return STATUS_OK;
    enum status status =
        add_blank(image, offset + get_le(header.data + AT_HEADER_BYTES, 2), size, false);
    if (status != STATUS_OK)
        return status;
    struct archive_blank *blank = &image->blanks[image->blank_count - 1];
    memcpy(blank->batch_uid, header.data + AT_UID, UUID_BYTES);
    blank->received_ns = (int64_t)get_le(header.data + AT_RECEIVED, 8);
    return STATUS_OK;
}

static void add_record(struct archive_image *image, const struct spool_frame *frame)
{
    const struct batch_meta *m = &frame->meta;
    if (!image->first) {
        image->first = m->position;
        image->oldest_ns = m->ingested_ns;
    }
    image->last = m->position;
    image->newest_ns = m->ingested_ns;
    image->records++;
    image->events += (uint64_t)m->accepted + m->quarantined;
    memcpy(image->chain_hash, m->chain_hash, SHA256_BYTES);
}

/* Damaged bytes may hold a key area: none of them is archived. */
static enum status pass_damage(struct archive_image *image, struct spool_scan *scan)
{
    uint64_t at = scan->offset;
    enum status status = spool_scan_resync(scan);
    if (status == STATUS_END)
        scan->offset = image->size;
    else if (status != STATUS_OK)
        return status;
    image->damaged_bytes += scan->offset - at;
    return add_blank(image, at, scan->offset - at, true);
}

static enum status walk(struct archive_image *image, struct spool_scan *scan)
{
    while (scan->offset < image->size) {
        struct spool_frame frame;
        enum status status = spool_scan_header(scan, &frame);
        if (status == STATUS_CORRUPT || status == STATUS_END) {
            status = pass_damage(image, scan);
        } else if (status == STATUS_OK) {
            struct slice header;
            status = spool_scan_header_bytes(scan, &header);
            if (status == STATUS_OK)
                status = add_keys(image, scan->offset, header);
            add_record(image, &frame);
            spool_scan_pass(scan, &frame);
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* The head of a key area of this size whose entries are all erased: magic, CRC of the rest,
 * version, parts, state. False: no area has this size. */
static bool erased_head(uint32_t bytes, uint8_t head[SEAL_AREA_HEAD_BYTES])
{
    uint8_t entry[SEAL_ENTRY_BYTES];
    if (bytes < SEAL_AREA_HEAD_BYTES || (bytes - SEAL_AREA_HEAD_BYTES) % SEAL_ENTRY_BYTES)
        return false;
    uint32_t parts = (bytes - SEAL_AREA_HEAD_BYTES) / SEAL_ENTRY_BYTES;
    memset(entry, SEAL_ERASED_BYTE, sizeof entry);
    put_le(head, KEY_AREA_MAGIC, 4);
    put_le(head + 8, 1, 2);
    put_le(head + 10, parts, 2);
    put_le(head + SEAL_AREA_STATE_AT, SEAL_AREA_ERASED, 4);
    uint32_t crc = crc32c(0, slice_make(head + 8, 8));
    for (uint32_t i = 0; i < parts; i++)
        crc = crc32c(crc, slice_make(entry, sizeof entry));
    put_le(head + 4, crc, 4);
    return true;
}

/* Bytes [from, to) of the blank; out is its byte `from`. */
static void fill_blank(const struct archive_blank *b, uint64_t from, uint64_t to, uint8_t *out)
{
    uint8_t head[SEAL_AREA_HEAD_BYTES];
    bool is_area = !b->is_damage && erased_head(b->bytes, head);
    memset(out, is_area ? SEAL_ERASED_BYTE : 0, to - from);
    for (uint64_t i = from; is_area && i < to && i < sizeof head; i++)
        out[i - from] = head[i];
}

static void apply_blanks(const struct archive_image *image, uint64_t offset, uint8_t *bytes,
                         size_t size)
{
    size_t low = 0, high = image->blank_count; /* the first blank that ends after offset */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (image->blanks[mid].offset + image->blanks[mid].bytes <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < image->blank_count && image->blanks[low].offset < offset + size; low++) {
        const struct archive_blank *b = &image->blanks[low];
        uint64_t from = b->offset > offset ? 0 : offset - b->offset;
        uint64_t end = offset + size - b->offset;
        fill_blank(b, from, end < b->bytes ? end : b->bytes, bytes + (b->offset + from - offset));
    }
}

enum status archive_image_read(const struct archive_image *image, uint64_t offset, void *bytes,
                               size_t size)
{
    size_t got;
    enum status status = spool_read_all(image->fd, bytes, size, offset, &got);
    if (status == STATUS_OK && got < size)
        status = STATUS_IO;
    if (status == STATUS_OK)
        apply_blanks(image, offset, bytes, size);
    return status;
}

static enum status hash_image(struct archive_image *image)
{
    struct sha256 *h = sha256_create();
    uint8_t *chunk = malloc(HASH_CHUNK);
    enum status status = h && chunk ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK)
        sha256_start(h);
    for (uint64_t at = 0; status == STATUS_OK && at < image->size; at += HASH_CHUNK) {
        size_t size = image->size - at < HASH_CHUNK ? (size_t)(image->size - at) : HASH_CHUNK;
        status = archive_image_read(image, at, chunk, size);
        if (status == STATUS_OK)
            sha256_update(h, slice_make(chunk, size));
    }
    if (status == STATUS_OK)
        sha256_finish(h, image->sha256);
    free(chunk);
    sha256_destroy(h);
    return status;
}

enum status archive_image_open(int dir_fd, uint64_t first_position, uint64_t size,
                               struct archive_image *image)
{
    struct archive_image made = {.fd = -1};
    struct spool_scan scan;
    struct stat st;
    enum status status = spool_segment_open(dir_fd, first_position, false, &made.fd);
    if (status != STATUS_OK)
        return status;
    spool_scan_init(&scan);
    status = spool_segment_read_header(made.fd, &made.header);
    if (status == STATUS_OK && fstat(made.fd, &st) != 0)
        status = status_from_errno(errno);
    if (status == STATUS_OK) {
        made.size = size ? size : (uint64_t)st.st_size;
        memcpy(made.chain_hash, made.header.chain_before, SHA256_BYTES);
        spool_scan_start(&scan, made.fd, made.header.tag, made.size);
        scan.ahead = SPOOL_SCAN_HEADS;
        status = walk(&made, &scan);
    }
    spool_scan_fini(&scan);
    if (status == STATUS_OK)
        status = hash_image(&made);
    if (status == STATUS_OK)
        *image = made;
    else
        archive_image_close(&made);
    return status;
}

void archive_image_close(struct archive_image *image)
{
    if (image->fd >= 0)
        close(image->fd);
    free(image->blanks);
    *image = (struct archive_image){.fd = -1};
}
