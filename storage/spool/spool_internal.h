/* spool_internal.h: what the files of the spool share: the open spool and its table of segments.
 * Only spool*.c include it. Lock order: spool->shared.lock is a leaf. */
#ifndef VSOC_STORAGE_SPOOL_INTERNAL_H
#define VSOC_STORAGE_SPOOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "core/object.h"
#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/log/problem.h"
#include "core/hash.h"
#include "core/thread.h"
#include "core/wait/mailbox.h"
#include "storage/spool/spool_cursor.h"
#include "storage/spool/spool_eviction.h"
#include "storage/spool/spool_options.h"
#include "storage/spool/spool_segment.h"

#define SPOOL_DIR_BYTES 4096
#define SPOOL_IOV_MAX   1024

/* A segment file as far as its records are durable. */
struct spool_segment {
    uint64_t first_position; /* the file's name */
    uint64_t tag;
    uint64_t file_bytes;     /* taken on disk */
    uint64_t end;            /* offset behind the last durable record */
    uint64_t oldest, newest; /* positions of its records; 0: it has none */
    uint64_t records;        /* so many */
    uint64_t events_before;  /* as its header says */
    int64_t oldest_ns;       /* ingested_ns of the oldest; 0: it has none */
    int64_t newest_ns;       /* ingested_ns of the newest, or when the file was made */
};

/* Where the log ends: where the next record goes and what it continues. */
struct spool_tail {
    uint64_t offset; /* in the active segment */
    uint64_t position;
    uint64_t events;
    uint8_t chain[SHA256_BYTES];
};

struct spool_cursor {
    char name[SPOOL_CURSOR_NAME_BYTES];
    atomic_uint_fast64_t position;
    bool open; /* opened since start */
};

#define SPOOL_MAGIC 0x53504f4cU

/* What other threads look at, under `lock`. The writer alone changes segments and events. */
struct spool_shared {
    pthread_mutex_t lock;
    pthread_cond_t grown;           /* monotonic clock: position moved or woken changed */
    struct spool_segment *segments; /* ascending; the last one is the one being written */
    size_t segment_count, segment_room;
    uint64_t events; /* durable */
    uint64_t woken;
    struct spool_cursor cursors[SPOOL_CURSOR_MAX]; /* their positions without the lock, too */
    unsigned cursor_count;
    bool settled;
    uint64_t corrupt_segments;
    uint64_t evidence_bytes; /* of segments that all cursors have passed, as of the last look */
};

/* What any thread reads without the lock. */
struct spool_now {
    atomic_uint_least64_t position; /* durable; moved under the lock, with `grown` */
    atomic_bool full, failed, started;
    atomic_int full_for; /* enum spool_full, as of when it became full; stored before full */
    atomic_bool cursors_moved;
    atomic_int_least64_t disk_since_ns; /* monotonic: the writer waits for the disk; 0: not now */
    atomic_size_t queued_batches, queued_bytes;
};

/* The writer thread's own; before it starts and after its end, the owner's. */
struct spool_writer {
    int fd; /* of the active segment; -1: none, the next record makes one */
    uint64_t tag, file_bytes;
    struct spool_tail durable, staged;
    struct sha256 *hash;
    struct spool_cursor_table stored;     /* as last written */
    struct mail *pending, **pending_last; /* sealed, not yet durable */
    struct iovec iov[SPOOL_IOV_MAX];
    int iov_count;
    uint64_t iov_bytes;       /* in iov */
    uint64_t write_offset;    /* where they go */
    enum status write_status; /* sticky for the group */
    int64_t last_sync_end_ns, last_tick_ns;
    int64_t seen_wall_ns, seen_ns; /* both clocks at the last look; 0: none yet */
    int64_t clock_set_ns;          /* monotonic: since then the wall clock has not been set */
    uint64_t evicted_to;           /* newest position on record as evicted */
    bool evidence_warned;
};

struct spool_metrics {
    metric_t commit_seconds, commits, events_total, bytes_gauge, segments_gauge, position_gauge,
        full_gauge, evicted_batches;
};

struct spool {
    unsigned magic; /* SPOOL_MAGIC */

    /* Set when it is opened, constant until it is closed. */
    struct spool_options options;
    char dir[SPOOL_DIR_BYTES];
    int dir_fd, lock_fd, cursor_fd;
    int eviction_fd; /* -1 unless options.evict */
    uint8_t uid[UUID_BYTES];
    struct spool_metrics metrics;
    void (*on_failure)(void *arg);
    void *on_failure_arg;

    struct mailbox inbox;
    struct thread thread;
    struct spool_shared shared;
    struct spool_now now;
    struct spool_writer writer;
};

OBJECT_CAST(spool, SPOOL_MAGIC)

/* spool_writer.c: the writer thread. */
void spool_writer_run(void *spool);

/* spool_recover.c: start-up of a spool directory: scan, cut, set aside, salvage. Thread: the one
 * that opens. */
/* Fills spool's segments, uid, tail, corrupt_segments, stored cursors and cursor_fd from the
 * directory (spool->dir_fd, locked by the caller), repairing it on the way; opens the last segment
 * for writing when it can be continued, else spool->writer.fd stays -1. Calls scan for each whole
 * record. VERSION, IO, NO_MEMORY; reason says what to do. Segments that can't be repaired stay as
 * they are.
 */
enum status spool_recover(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                          struct problem *problem) must_check;

/* spool_roll.c: segments made. Thread: writer. */
/* Adds a segment at the end of the table. spool->shared.lock is held, or nobody else has the spool
 * yet. NO_MEMORY. */
enum status spool_segment_append(struct spool *spool,
                                 const struct spool_segment *segment) must_check;
/* Makes room for a record of record_bytes in a new active segment, or in an empty one. NO_SPACE;
 * other: failed. */
enum status spool_roll(struct spool *spool, uint32_t record_bytes) must_check;
/* The active segment gets no more records: its unused room is given back. An empty one stays the
 * active one. */
void spool_seal_active(struct spool *spool);

/* spool_retain.c: segments removed. Thread: writer. */
/* Stores moved cursors, then removes segments that all cursors and the evidence settings let go. */
void spool_retire(struct spool *spool);
/* False: evidence inside its retention has evidence.max_bytes, and is not to be evicted: no new
 * segment is made. */
bool spool_evidence_allows(struct spool *spool);
/* Evicts passed segments until there is room for bytes, if that is what the settings say. */
void spool_evict_for(struct spool *spool, uint64_t bytes);
/* Stores cursors that moved after the writer ended. Thread: the one that closes. */
void spool_keep_cursors(struct spool *spool);

/* Around what the writer does to the disk, for spool_disk_wait_ns; may be nested. begin's answer
 * goes to end. */
static inline int64_t spool_disk_begin(struct spool *spool)
{
    int64_t before = atomic_load(&spool->now.disk_since_ns);
    if (!before)
        atomic_store(&spool->now.disk_since_ns, clock_monotonic_ns());
    return before;
}

static inline void spool_disk_end(struct spool *spool, int64_t before)
{
    if (!before)
        atomic_store(&spool->now.disk_since_ns, 0);
}

/* spool_room.c: room taken and left. Thread: writer; at open the opener's. */
/* True when a new segment of bytes fits under max_bytes and over the reserve. */
bool spool_has_room(struct spool *spool, uint64_t bytes);
/* Gauges of segments and bytes. */
void spool_show(struct spool *spool);
/* Batches are refused from now on: finds out why a file of bytes can't be made and logs it once. */
void spool_become_full(struct spool *spool, uint64_t bytes);
/* Time for people: RFC 3339. */
#define SPOOL_TIME_BYTES 40
void spool_time_text(int64_t ns, char text[SPOOL_TIME_BYTES]);
/* Says at start when the file system can't hold what the settings allow. */
void spool_warn_of_room(struct spool *spool);

#endif
