/* spool_internal.h: shared by the files of the spool: the open spool and its table of segments.
 * Only spool*.c include it. Lock order: keeper.lock, then shared.lock, which is a leaf. */
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

struct batch;
struct retirement;

#define SPOOL_DIR_BYTES 4096
#define SPOOL_IOV_MAX   1024

/* A segment file, up to its last durable record. */
struct spool_segment {
    uint64_t first_position; /* the file's name */
    uint64_t tag;
    uint64_t file_bytes;     /* allocated on disk */
    uint64_t end;            /* offset after the last durable record */
    uint64_t oldest, newest; /* positions of its records; 0: it has none */
    uint64_t records;        /* number of records */
    uint64_t events_before;  /* from its header */
    int64_t oldest_ns;       /* ingested_ns of the oldest; 0: it has none */
    int64_t newest_ns;       /* ingested_ns of the newest, or when the file was created */
    bool indexed;            /* its index describes it */
    bool no_index;           /* none can be made: it is damaged, or there was no room */
    bool index_failed;       /* no_index, but not for damage: another attempt may succeed */
};

/* The end of the log: where the next record goes and what it continues. */
struct spool_tail {
    uint64_t offset; /* in the active segment */
    uint64_t position;
    uint64_t events;
    uint64_t leaves; /* leaf index of the next record */
    uint8_t chain[SHA256_BYTES];
};

struct spool_cursor {
    char name[SPOOL_CURSOR_NAME_BYTES];
    atomic_uint_fast64_t position;
    bool open; /* opened since start */
};

#define SPOOL_MAGIC 0x53504f4cU

/* Read by other threads, under `lock`. Only the writer changes segments and events; the keeper only
 * indexed and no_index. */
struct spool_shared {
    pthread_mutex_t lock;
    pthread_cond_t grown;           /* monotonic clock: position or woken has changed */
    struct spool_segment *segments; /* ascending; the last one is the one being written */
    size_t segment_count, segment_room;
    uint64_t events; /* durable */
    uint64_t leaves; /* leaf index of the next record */
    uint64_t woken;
    struct spool_cursor cursors[SPOOL_CURSOR_MAX]; /* their positions without the lock, too */
    unsigned cursor_count;
    bool settled;
    uint64_t corrupt_segments;
    uint64_t evidence_bytes; /* of segments that all cursors have passed, at the last check */
};

/* Read by any thread without the lock. */
struct spool_now {
    atomic_uint_least64_t position; /* durable; moved under the lock, with `grown` */
    atomic_bool full, failed, started;
    atomic_int full_for; /* enum spool_full, as of when it became full; stored before full */
    atomic_bool cursors_moved;
    atomic_int_least64_t
        disk_since_ns; /* monotonic: start of the writer's wait for the disk; 0: none */
    atomic_size_t queued_batches, queued_bytes;
};

/* Owned by the writer thread; before its start and after its end, by the spool's owner. */
struct spool_writer {
    int fd; /* of the active segment; -1: none, the next record creates one */
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
    int64_t seen_wall_ns, seen_ns; /* both clocks at the last check; 0: none yet */
    int64_t clock_set_ns;          /* monotonic: the wall clock has not been set since then */
    uint64_t evicted_to;           /* newest position on record as evicted */
    bool evidence_warned;
    bool removal_refused; /* reported: a removal can't be put on record */
    bool spare_wanted;    /* the keeper was asked for the segment after the active one */
};

/* The index of a removed segment, kept for the keys in it. */
struct spool_keys {
    uint64_t first, newest; /* name; position of its last record */
};

/* The file that becomes the next segment. */
enum spool_spare {
    SPOOL_SPARE_NONE,   /* there is none; the writer creates a segment itself */
    SPOOL_SPARE_WANTED, /* the active segment is half full */
    SPOOL_SPARE_MAKING,
    SPOOL_SPARE_READY, /* spare_fd */
};

struct spool_keeper {
    struct thread thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* monotonic clock: there is work, or it ends */
    pthread_cond_t done;  /* an index was made, or could not be */
    bool work, ending;
    enum spool_spare spare;
    int spare_fd;
    struct spool_keys *keys; /* ascending */
    size_t key_count, key_room;
    uint64_t keys_from; /* keys of older positions are not needed; UINT64_MAX: none are */
};

struct spool_metrics {
    metric_t commit_seconds, roll_seconds, upkeep_seconds, commits, events_total, bytes_gauge,
        segments_gauge, position_gauge, full_gauge, evicted_batches, retired_records;
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
    struct spool_guard guard; /* begin may be NULL */
    struct spool_tree tree;   /* newest_head may be NULL */

    bool recovered; /* the table describes the directory */
    struct mailbox inbox, recalls;
    struct mailbox own; /* records that the writer thread itself adds come back here */
    struct thread thread, recall_thread;
    struct spool_keeper keeper;
    struct spool_shared shared;
    struct spool_now now;
    struct spool_writer writer;
};

OBJECT_CAST(spool, SPOOL_MAGIC)

/* First line of what belongs to the writer: the writer thread, or, before its start, whoever opens
 * the spool. */
static inline void spool_assert_writer(const struct spool *spool)
{
    ensure(spool->magic == SPOOL_MAGIC);
    if (atomic_load_explicit(&spool->now.started, memory_order_relaxed))
        thread_assert(THREAD_WRITER);
}

/* spool_writer.c: the writer thread. */
void spool_writer_run(void *spool);
/* Room at the end of each segment that only records of removals use: so a full disk can be emptied.
 */
uint64_t spool_room_for_removals(const struct spool *spool);
/* Position of the next record. Thread: writer, between two groups. */
uint64_t spool_next_position(struct spool *spool);
/* Adds a record of another kind than a batch and syncs it, between two groups; *batch becomes NULL.
 * NO_SPACE, NO_MEMORY; other: failed. Thread: writer. */
enum status spool_append_own(struct spool *spool, struct batch **batch) must_check;
/* index/spool_recall.c: the thread that reads for spool_recall. */
void spool_recall_run(void *spool);

/* recover/spool_recover.c: start-up of a spool directory: scan, cut, set aside, salvage. Thread:
 * the one that opens. */
/* Fills spool's segments, uid, tail, corrupt_segments, stored cursors and cursor_fd from the
 * directory (spool->dir_fd, locked by the caller), repairing it on the way; opens the last segment
 * for writing when it can be continued, else spool->writer.fd stays -1. Calls scan for each intact
 * record. VERSION, IO, NO_MEMORY; reason names the action to take. Segments that can't be repaired
 * stay unchanged.
 */
enum status spool_recover(struct spool *spool, spool_scan_fn scan, void *scan_arg,
                          struct problem *problem) must_check;

/* index/spool_keeper.c: the thread beside the writer, for work on segments that no batch waits for:
 * it makes the indexes of sealed segments, and removes kept keys that the window no longer needs.
 */
void spool_keeper_init(struct spool_keeper *keeper);
void spool_keeper_fini(struct spool_keeper *keeper);
/* Starts the thread. */
enum status spool_keeper_start(struct spool *spool) must_check;
/* Finishes the indexes of the segments that were just sealed, within limits, and joins. */
void spool_keeper_stop(struct spool *spool);
/* There is something to do. Thread: any. */
void spool_keeper_wake(struct spool *spool);
/* Adds an index that is kept without its segment. NO_MEMORY. Thread: opener, writer, keeper. */
enum status spool_keeper_add_keys(struct spool *spool, uint64_t first, uint64_t newest) must_check;
/* First position of the kept keys that may have this position; 0: none. Thread: any. */
uint64_t spool_keeper_keys_of(struct spool *spool, uint64_t position);
/* The next segment will be needed soon: has space allocated for it, if there is plenty. Thread:
 * writer. */
void spool_keeper_want_spare(struct spool *spool);
/* Takes the spare file of options.segment_bytes, open; -1: there is none. Thread: writer. */
int spool_keeper_take_spare(struct spool *spool);
/* Bytes that the spare file takes. Thread: any. */
uint64_t spool_keeper_spare_bytes(struct spool *spool);
/* Removes the spare file: its space is needed. Thread: writer; the one that closes. */
void spool_keeper_drop_spare(struct spool *spool);
/* Before the oldest segment is removed: keeps its index while keys in it are needed; waits for one
 * that is being made. False: none is kept, and the caller forgets it (spool_keeper_forget) once
 * the segment is out of the table: until then the keeper may make one. Thread: writer. */
bool spool_keeper_release(struct spool *spool) must_check;
/* Removes the index of a segment that is out of the table. Thread: writer. */
void spool_keeper_forget(struct spool *spool, uint64_t first);
/* The last segment gets no more records in this process: makes its index. Thread: the one that
 * closes. */
void spool_keeper_close(struct spool *spool);

/* spool_roll.c: creates segments. Thread: writer. */
/* Adds a segment at the end of the table. spool->shared.lock is held, or nobody else has the spool
 * yet. NO_MEMORY. */
enum status spool_segment_append(struct spool *spool,
                                 const struct spool_segment *segment) must_check;
/* Makes room for a record of record_bytes in a new active segment, or in an empty one. NO_SPACE;
 * other: failed. */
enum status spool_roll(struct spool *spool, uint32_t record_bytes) must_check;
/* The same for a record of a removal: if there is no room for a whole segment, a small one that
 * spool.max_bytes and spool.reserve_bytes do not count. */
enum status spool_roll_for_removal(struct spool *spool, uint32_t record_bytes) must_check;
/* The active segment gets no more records: frees its unused space. An empty one stays the active
 * one. */
void spool_seal_active(struct spool *spool);

/* spool_removal.c: what is said of a segment before it goes. Thread: writer. */
/* Describes the oldest segment. False: its header or that of the next one can't be read. */
bool spool_removal_describe(struct spool *spool, struct retirement *out) must_check;
/* Puts the removal on record, durably, unless it is already. False: it must not be removed now. */
bool spool_removal_record(struct spool *spool, struct retirement *retirement) must_check;

/* spool_retain.c: removes segments. Thread: writer. */
/* Stores changed cursors, then removes segments that neither cursors nor the evidence settings
 * keep. */
void spool_retire(struct spool *spool);
/* False: evidence within its retention has used up evidence.max_bytes and must not be evicted, so
 * no new segment is created. */
bool spool_evidence_allows(struct spool *spool);
/* Evicts passed segments until there is room for bytes, if the settings allow it. */
void spool_evict_for(struct spool *spool, uint64_t bytes);
/* Stores cursors that changed after the writer stopped. Thread: the one that closes. */
void spool_keep_cursors(struct spool *spool);

/* Enclose the writer's disk operations, for spool_disk_wait_ns; may be nested. Pass the result of
 * begin to end. */
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

/* spool_room.c: space used and free. Thread: writer; at open the opener's. */
/* True if a new segment of this size fits under max_bytes and leaves the reserve. */
bool spool_has_room(struct spool *spool, uint64_t bytes);
/* True if there is room for two more segments: then one may be allocated ahead. Thread: any. */
bool spool_has_plenty(struct spool *spool);
/* Gauges of segments and bytes. */
void spool_show(struct spool *spool);
/* Batches are refused from now on: determines why a file of this size can't be created and logs it
 * once. */
void spool_become_full(struct spool *spool, uint64_t bytes);
/* Time for people: RFC 3339. */
#define SPOOL_TIME_BYTES 40
void spool_time_text(int64_t ns, char text[SPOOL_TIME_BYTES]);
/* Warns at start if the file system can't hold what the settings allow. */
void spool_warn_of_room(struct spool *spool);

#endif
