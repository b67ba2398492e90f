/* fuzz_spool_frame.c: bytes as a spool record, its magic and CRCs mended so that the rest is looked
 * at. What is taken must lie within the bytes and survive being written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include "core/thread.h"
#include "storage/spool/spool_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void mend(uint8_t *bytes, size_t size)
{
    size_t header = bytes[13] == 1 ? SPOOL_RECORD_HEADER_MIN : SPOOL_RECORD_HEADER_BYTES;
    if (size < header)
        return;
    size_t keys = bytes[13] == 1 ? 0 : (size_t)get_le(bytes + 272, 4);
    if (keys > size - header)
        return;
    put_le(bytes, SPOOL_RECORD_MAGIC, 4);
    put_le(bytes + 188, crc32c(0, slice_make(bytes + header + keys, size - header - keys)), 4);
    put_le(bytes + 4, crc32c(0, slice_make(bytes + 8, header - 8)), 4);
    if (keys >= SEAL_AREA_HEAD_BYTES)
        seal_area_finish(bytes + header, keys, (uint32_t)get_le(bytes + header + 12, 4));
}

static void ensure_within(struct slice s, struct slice all)
{
    ensure(s.size <= all.size);
    ensure(!s.size || (s.data >= all.data && s.data + s.size <= all.data + all.size));
}

static void write_again(const struct batch_record *r)
{
    struct batch *b = batch_create(r->body.size + r->events.size + 65536);
    struct spool_frame frame;
    struct batch_record again;
    uint8_t chain[SHA256_BYTES] = {0};
    struct sha256 *hash = sha256_create();
    ensure(b && hash);
    b->meta = r->meta;
    struct slice body = r->body;
    b->body = &body;
    b->body_count = 1;
    writer_add_slice(&b->events, r->events);
    enum status status = spool_frame_prepare(b, NULL);
    ensure(status == STATUS_OK);
    spool_frame_seal(b, 42, hash, chain);
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    writer_add_slice(&w, writer_slice(&b->frame));
    writer_add_slice(&w, writer_slice(&b->events));
    writer_add_slice(&w, body);
    writer_add_slice(&w, spool_frame_padding(b));
    ensure(w.size == spool_frame_bytes(b));
    ensure(spool_frame_decode_header(writer_slice(&w), 42, &frame) == STATUS_OK);
    ensure(spool_frame_decode(&frame, writer_slice(&w), &again) == STATUS_OK);
    ensure(slice_equal(again.body, r->body) && slice_equal(again.events, r->events));
    ensure(slice_equal(again.meta.sender, r->meta.sender));
    ensure(slice_equal(again.meta.report_errors, r->meta.report_errors));
    ensure(again.meta.position == r->meta.position);
    writer_fini(&w);
    sha256_destroy(hash);
    batch_destroy(b);
}

/* The table of a batch of several vehicles: each run is of a part, and within the events. */
static void read_table(const struct batch_record *r)
{
    struct seal_table table = {0};
    size_t size;
    if (seal_table_read(r->events, &table, &size) == STATUS_OK) {
        ensure(size <= r->events.size && table.parts >= SEAL_PART_FIRST_VEHICLE);
        ensure(table.first[table.parts] == table.runs);
        for (size_t i = 0; i < table.runs; i++)
            ensure(table.order[i] < table.runs);
        struct writer w;
        writer_init(&w, SIZE_MAX / 2);
        seal_table_write(&w, &table);
        ensure(w.size == size);
        writer_fini(&w);
    }
    seal_table_fini(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool_frame frame;
    struct batch_record record;
    if (size < SPOOL_RECORD_HEADER_MIN)
        return spool_frame_decode_header(slice_make(data, size), 0, &frame) == STATUS_OK;
    uint8_t *bytes = malloc(size);
    ensure(bytes);
    memcpy(bytes, data, size);
    mend(bytes, size);
    struct slice all = slice_make(bytes, size);
    uint64_t tag = get_le(bytes + 16, 8);
    ensure(spool_frame_decode_header(all, tag + 1, &frame) != STATUS_OK);
    if (spool_frame_decode_header(all, tag, &frame) == STATUS_OK &&
        spool_frame_decode(&frame, all, &record) == STATUS_OK) {
        ensure_within(record.body, all);
        ensure_within(record.events, all);
        ensure_within(record.meta.tenant, all);
        ensure_within(record.meta.report_errors, all);
        read_table(&record);
        write_again(&record);
    }
    free(bytes);
    return 0;
}
