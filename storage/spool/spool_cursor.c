/* spool_cursor.c: the cursor file, two checksummed slots written in turn. Runs on the writer
 * thread, and at open on the opener's. Does not decide when to store cursors or what they mean.
 */
#include "storage/spool/spool_cursor.h"

#include "core/thread.h"
#include "core/disk/fault.h"
#include "storage/spool/spool_block.h"
#include "storage/spool/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CURSOR_MAGIC "VSOCCUR1"
#define SLOT_BYTES   8192
#define ENTRIES_AT   64

static enum status decode_slot(struct slice slot, struct spool_cursor_table *table)
{
    struct reader r;
    if (!spool_block_open(slot, CURSOR_MAGIC, &r))
        return STATUS_CORRUPT;
    struct spool_cursor_table t = {.version = (uint32_t)reader_uint_le(&r, 4)};
    if (t.version > SPOOL_CURSOR_VERSION) {
        table->version = t.version;
        return STATUS_VERSION;
    }
    t.count = (uint32_t)reader_uint_le(&r, 4);
    if (t.count > SPOOL_CURSOR_MAX)
        return STATUS_CORRUPT;
    t.generation = reader_uint_le(&r, 8);
    memcpy(t.spool_uid, reader_bytes(&r, UUID_BYTES).data, UUID_BYTES);
    t.floor = reader_uint_le(&r, 8);
    t.retiring = reader_uint_le(&r, 8);
    t.retirement = reader_uint_le(&r, 8);
    r.offset = ENTRIES_AT;
    for (uint32_t i = 0; i < t.count; i++) {
        memcpy(t.entries[i].name, reader_bytes(&r, SPOOL_CURSOR_NAME_BYTES).data,
               SPOOL_CURSOR_NAME_BYTES);
        t.entries[i].position = reader_uint_le(&r, 8);
        if (t.entries[i].name[SPOOL_CURSOR_NAME_BYTES - 1] != '\0')
            return STATUS_CORRUPT;
    }
    *table = t;
    return STATUS_OK;
}

uint64_t spool_cursor_missed(const struct spool_cursor_table *table)
{
    uint64_t had = 0;
    for (uint32_t i = 0; i < table->count; i++)
        if (table->entries[i].position > had)
            had = table->entries[i].position;
    return had > table->floor ? had : 0;
}

enum status spool_cursor_load(int dir_fd, struct spool_cursor_table *table)
{
    int fd = openat(dir_fd, SPOOL_CURSOR_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return status_from_errno(errno);
    enum status best = STATUS_NOT_FOUND;
    for (uint64_t slot = 0; slot < 2 && best != STATUS_VERSION; slot++) {
        uint8_t bytes[SLOT_BYTES];
        struct spool_cursor_table t;
        size_t got;
        enum status status = spool_read_all(fd, bytes, sizeof bytes, slot * SLOT_BYTES, &got);
        if (status != STATUS_OK) {
            best = status;
            break;
        }
        if (got < sizeof bytes)
            continue;
        status = decode_slot(slice_make(bytes, sizeof bytes), &t);
        if (status == STATUS_VERSION) {
            table->version = t.version;
            best = status;
        }
        if (status != STATUS_OK || (best == STATUS_OK && t.generation < table->generation))
            continue;
        *table = t;
        best = STATUS_OK;
    }
    close(fd);
    return best;
}

enum status spool_cursor_create(int dir_fd, int *fd)
{
    int opened = openat(dir_fd, SPOOL_CURSOR_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (opened < 0)
        return status_from_errno(errno);
    /* Space for both slots is allocated now, so that a full disk can't stop cursors. */
    int rc = fallocate(opened, 0, 0, 2 * SLOT_BYTES);
    if (rc != 0 && errno == EOPNOTSUPP)
        rc = ftruncate(opened, 2 * SLOT_BYTES);
    fault_point(spool_cursor_file_made);
    if (rc != 0 || fsync(opened) != 0 || fsync(dir_fd) != 0) {
        enum status status = status_from_errno(errno);
        close(opened);
        return status;
    }
    *fd = opened;
    return STATUS_OK;
}

static void encode_slot(struct writer *w, const struct spool_cursor_table *table)
{
    writer_text(w, CURSOR_MAGIC);
    writer_uint_le(w, SPOOL_CURSOR_VERSION, 4);
    writer_uint_le(w, table->count, 4);
    writer_uint_le(w, table->generation + 1, 8);
    writer_bytes(w, table->spool_uid, UUID_BYTES);
    writer_uint_le(w, table->floor, 8);
    writer_uint_le(w, table->retiring, 8);
    writer_uint_le(w, table->retirement, 8);
    ensure(w->status != STATUS_OK || w->size == ENTRIES_AT);
    for (uint32_t i = 0; i < table->count; i++) {
        writer_bytes(w, table->entries[i].name, SPOOL_CURSOR_NAME_BYTES);
        writer_uint_le(w, table->entries[i].position, 8);
    }
    spool_block_seal(w, SLOT_BYTES);
}

enum status spool_cursor_store(int fd, struct spool_cursor_table *table)
{
    ensure(table->count <= SPOOL_CURSOR_MAX);
    struct writer w;
    writer_init(&w, SLOT_BYTES);
    if (!writer_reserve(&w, SLOT_BYTES)) {
        writer_fini(&w);
        return STATUS_NO_MEMORY;
    }
    encode_slot(&w, table);
    enum status status = w.status;
    if (status == STATUS_OK)
        status = spool_write_all(fd, writer_slice(&w), (table->generation + 1) % 2 * SLOT_BYTES);
    fault_point(spool_cursors_written);
    if (status == STATUS_OK && fdatasync(fd) != 0)
        status = status_from_errno(errno);
    fault_point(spool_cursors_synced);
    if (status == STATUS_OK)
        table->generation++;
    writer_fini(&w);
    return status;
}
