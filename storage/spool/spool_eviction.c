/* spool_eviction.c: the file of evictions. Appended on the writer thread. Decides and removes
 * nothing. */
#include "storage/spool/spool_eviction.h"

#include "storage/spool/spool_block.h"
#include "storage/spool/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       "VSOCEVI1"
#define ENTRY_BYTES 160
#define AHEAD_BYTES 65536

static bool decode(struct slice bytes, struct spool_eviction *e)
{
    struct reader r;
    if (!spool_block_open(bytes, MAGIC, &r))
        return false;
    memcpy(e->spool_uid, reader_bytes(&r, UUID_BYTES).data, UUID_BYTES);
    e->evicted_ns = (int64_t)reader_uint_le(&r, 8);
    e->first = reader_uint_le(&r, 8);
    e->last = reader_uint_le(&r, 8);
    e->batches = reader_uint_le(&r, 8);
    e->events = reader_uint_le(&r, 8);
    e->oldest_ns = (int64_t)reader_uint_le(&r, 8);
    e->newest_ns = (int64_t)reader_uint_le(&r, 8);
    e->file_bytes = reader_uint_le(&r, 8);
    e->cause =
        reader_uint_le(&r, 4) == SPOOL_EVICTED_ROOM ? SPOOL_EVICTED_ROOM : SPOOL_EVICTED_BYTES;
    memcpy(e->chain_hash, reader_bytes(&r, SHA256_BYTES).data, SHA256_BYTES);
    return true;
}

static void encode(struct writer *w, const struct spool_eviction *e)
{
    writer_text(w, MAGIC);
    writer_bytes(w, e->spool_uid, UUID_BYTES);
    writer_uint_le(w, (uint64_t)e->evicted_ns, 8);
    writer_uint_le(w, e->first, 8);
    writer_uint_le(w, e->last, 8);
    writer_uint_le(w, e->batches, 8);
    writer_uint_le(w, e->events, 8);
    writer_uint_le(w, (uint64_t)e->oldest_ns, 8);
    writer_uint_le(w, (uint64_t)e->newest_ns, 8);
    writer_uint_le(w, e->file_bytes, 8);
    writer_uint_le(w, e->cause, 4);
    writer_bytes(w, e->chain_hash, SHA256_BYTES);
    spool_block_seal(w, ENTRY_BYTES);
}

/* *end: after the last intact entry. A crash tore the bytes after it before their segment was
 * removed, so they are not damage. */
static enum status read_all(int fd, void (*fn)(void *arg, const struct spool_eviction *eviction),
                            void *arg, uint64_t *damaged, uint64_t *end)
{
    uint64_t torn = 0;
    *damaged = *end = 0;
    for (uint64_t at = 0;; at += ENTRY_BYTES) {
        uint8_t bytes[ENTRY_BYTES];
        struct spool_eviction e;
        size_t got;
        enum status status = spool_read_all(fd, bytes, sizeof bytes, at, &got);
        if (status != STATUS_OK || got == 0)
            return status;
        if (got < sizeof bytes || !decode(slice_make(bytes, got), &e)) {
            torn++;
            continue;
        }
        fn(arg, &e);
        *damaged += torn;
        torn = 0;
        *end = at + ENTRY_BYTES;
    }
}

static void note_last(void *arg, const struct spool_eviction *eviction)
{
    uint64_t *last = arg;
    if (eviction->last > *last)
        *last = eviction->last;
}

enum status spool_eviction_open(int dir_fd, int *fd, uint64_t *last)
{
    uint64_t damaged, end;
    int opened =
        openat(dir_fd, SPOOL_EVICTION_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (opened < 0)
        return status_from_errno(errno);
    *last = 0;
    enum status status = read_all(opened, note_last, last, &damaged, &end);
    struct stat st;
    if (status == STATUS_OK && fstat(opened, &st) != 0)
        status = STATUS_IO;
    if (status == STATUS_OK && (uint64_t)st.st_size > end && ftruncate(opened, (off_t)end) != 0)
        status = status_from_errno(errno);
    if (status == STATUS_OK) /* best effort: not every file system supports it */
        (void)!fallocate(opened, FALLOC_FL_KEEP_SIZE, 0, st.st_size + AHEAD_BYTES);
    if (status == STATUS_OK && (fsync(opened) != 0 || fsync(dir_fd) != 0))
        status = status_from_errno(errno);
    if (status != STATUS_OK) {
        close(opened);
        return status;
    }
    *fd = opened;
    return STATUS_OK;
}

enum status spool_eviction_append(int fd, const struct spool_eviction *eviction)
{
    struct writer w;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return status_from_errno(errno);
    /* After a failed append, truncate so that later entries can be found. */
    uint64_t at = ((uint64_t)st.st_size + ENTRY_BYTES - 1) / ENTRY_BYTES * ENTRY_BYTES;
    writer_init(&w, ENTRY_BYTES);
    encode(&w, eviction);
    enum status status = w.status;
    if (status == STATUS_OK)
        status = spool_write_all(fd, writer_slice(&w), at);
    if (status == STATUS_OK && fdatasync(fd) != 0)
        status = status_from_errno(errno);
    writer_fini(&w);
    return status;
}

enum status spool_eviction_read(int dir_fd,
                                void (*fn)(void *arg, const struct spool_eviction *eviction),
                                void *arg, uint64_t *damaged)
{
    *damaged = 0;
    int fd = openat(dir_fd, SPOOL_EVICTION_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? STATUS_OK : status_from_errno(errno);
    uint64_t end;
    enum status status = read_all(fd, fn, arg, damaged, &end);
    close(fd);
    return status;
}

const char *spool_eviction_cause_text(enum spool_eviction_cause cause)
{
    return cause == SPOOL_EVICTED_ROOM ? "room" : "max_bytes";
}
