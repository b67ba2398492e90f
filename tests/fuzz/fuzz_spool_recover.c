/* fuzz_spool_recover.c: a spool whose files were damaged as the input says. Start-up must end, give
 * out only what was put in, and be clean the second time. First byte: 0 patches a good segment, 1
 * also mends the CRCs of its records, 2 takes the rest as the segment file, 3 as the cursor file. A
 * patch is two bytes of offset (little-endian) and a byte to xor. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/log/log.h"
#include "core/thread.h"
#include "tests/support/spool_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS 6

static struct spool_fixture fixture;
static uint8_t *good; /* the bytes of its only segment */
static size_t good_size;

static void clean(void)
{
    fixture_remove_tree(fixture.dir);
}

/* Reads all; every record must be one of those put in unless CRCs were mended. */
static unsigned read_all(struct spool *spool, bool mended)
{
    struct spool_reader *reader;
    struct batch_record r;
    unsigned n = 0;
    enum status status = spool_reader_open(spool, 0, &reader);
    ensure(status == STATUS_OK);
    for (unsigned steps = 0; (status = spool_reader_next(reader, &r)) != STATUS_END; steps++) {
        ensure(steps < 10000);
        ensure(status == STATUS_OK || status == STATUS_CORRUPT);
        if (status != STATUS_OK)
            continue;
        ensure(mended || fixture_is_batch(&r, (uint64_t)r.meta.received_ns));
        n++;
    }
    spool_reader_close(reader);
    return n;
}

static struct spool *open_spool(void)
{
    struct spool *spool;
    struct problem problem;
    enum status status = spool_open(&fixture.options, NULL, NULL, &spool, &problem);
    ensure(status == STATUS_OK || status == STATUS_VERSION);
    return status == STATUS_OK ? spool : NULL;
}

static void make_good(void)
{
    void *state;
    int rc = fixture_setup(&state);
    ensure(rc == 0);
    fixture = *(struct spool_fixture *)state;
    rc = mailbox_init(&fixture.replies, false);
    ensure(rc == 0);
    fixture.options.dir = fixture.dir;
    fixture.options.segment_bytes = 12288;
    struct spool *spool = open_spool();
    ensure(spool && spool_start(spool) == STATUS_OK);
    for (uint64_t n = 1; n <= RECORDS; n++) {
        struct batch *b = fixture_batch(&fixture, n);
        enum status status = spool_submit(spool, &b);
        ensure(status == STATUS_OK);
        struct mail *mail = mailbox_wait(&fixture.replies, -1);
        batch_destroy(batch_from_mail(mail));
    }
    spool_close(spool);
    good = fixture_load(fixture_segment(&fixture, 1), &good_size);
    atexit(clean);
}

static void put_le(uint8_t *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static size_t get_size(const uint8_t *from)
{
    return (size_t)from[0] | (size_t)from[1] << 8 | (size_t)from[2] << 16 | (size_t)from[3] << 24;
}

static void mend_crcs(uint8_t *bytes, size_t size)
{
    for (size_t at = SPOOL_SEGMENT_HEADER_BYTES; at + SPOOL_RECORD_HEADER_BYTES < size;) {
        size_t record = get_size(bytes + at + 8);
        if (record < SPOOL_RECORD_HEADER_BYTES || record > size - at)
            return;
        size_t from = SPOOL_RECORD_HEADER_BYTES + get_size(bytes + at + 272);
        if (from > record)
            return;
        put_le(bytes + at + 188, crc32c(0, slice_make(bytes + at + from, record - from)), 4);
        put_le(bytes + at + 4, crc32c(0, slice_make(bytes + at + 8, SPOOL_RECORD_HEADER_BYTES - 8)),
               4);
        at += record;
    }
}

static void store_patched(struct slice patches, bool mend)
{
    uint8_t *bytes = malloc(good_size);
    ensure(bytes);
    memcpy(bytes, good, good_size);
    for (size_t i = 0; i + 3 <= patches.size; i += 3)
        bytes[(patches.data[i] | (size_t)patches.data[i + 1] << 8) % good_size] ^=
            patches.data[i + 2];
    if (mend)
        mend_crcs(bytes, good_size);
    fixture_store(fixture_segment(&fixture, 1), bytes, good_size);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good)
        make_good();
    if (!size)
        return 0;
    struct slice rest = slice_make(data + 1, size - 1);
    unsigned mode = data[0] % 4;
    char path[512];
    fixture_remove_tree(fixture.dir);
    int rc = mkdir(fixture.dir, 0750);
    ensure(rc == 0);
    fixture_store(fixture_segment(&fixture, 1), good, good_size);
    if (mode < 2)
        store_patched(rest, mode == 1);
    else if (mode == 2)
        fixture_store(fixture_segment(&fixture, 1), rest.data, rest.size);
    snprintf(path, sizeof path, "%s/cursors", fixture.dir);
    if (mode == 3)
        fixture_store(path, rest.data, rest.size);
    struct spool *spool = open_spool();
    if (!spool)
        return 0;
    unsigned n = read_all(spool, mode == 1);
    spool_close(spool);
    spool = open_spool();
    ensure(spool);
    struct spool_stats stats;
    spool_stats(spool, &stats);
    ensure(stats.corrupt_segments == 0);
    ensure(read_all(spool, mode == 1) == n);
    spool_close(spool);
    return 0;
}
