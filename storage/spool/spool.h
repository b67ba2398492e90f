/* spool.h: the durable, hash-chained log of batches: the only spool header others use.
 * A directory of preallocated segment files, appended by one writer thread with group commit, read
 * by position. Bytes on disk: docs/spool-format.md. */
#ifndef VSOC_STORAGE_SPOOL_H
#define VSOC_STORAGE_SPOOL_H

#include "core/reasons/refusal.h"
#include "core/log/problem.h"
#include "storage/spool/batch.h"
#include "storage/spool/spool_options.h"

struct spool;
struct spool_reader;

/* Opens and locks the directory and recovers it: truncates a torn tail, sets damaged segments aside
 * (keeps the original under corrupt/ and continues with the intact records), rebuilds missing
 * files. LOCKED: another process uses it. VERSION: made by a newer version. IO, REFUSED, NO_SPACE.
 * On failure nothing is held and *problem names the action to take. */
enum status spool_open(const struct spool_options *options, spool_scan_fn scan, void *scan_arg,
                       struct spool **out, struct problem *problem) must_check;
/* Starts the threads of the spool: the writer and its helpers. */
enum status spool_start(struct spool *spool) must_check;
/* Refuses new batches, commits the queued ones, returns verdicts, stops the writer thread. */
void spool_stop(struct spool *spool);
/* Closes files and unlocks. Readers must be closed before. */
void spool_close(struct spool *spool);

/* Gives the batch to the writer; *batch becomes NULL. It comes back through batch->reply_to with
 * its verdict. On BUSY (queue full), NO_SPACE (disk or max_bytes), CLOSED, IO (the spool has
 * failed) or TOO_LARGE (over max_bytes or the format's limits) the caller keeps *batch. Digests and
 * CRC of body and events are computed here, on the caller's thread, and both are encrypted in place
 * (batch_seal.h: owners of large batches do that in pieces before). batch->events must be complete.
 * Of another kind than a batch: no events, all counts 0, meta.tenant empty for the operator's own;
 * while the spool is full, such a record goes into the room that segments keep for them. Thread:
 * any. */
enum status spool_submit(struct spool *spool, struct batch **batch) must_check;

/* Reads the record at (*batch)->recall.place into (*batch)->recall, on a thread that may wait for
 * the disk; *batch becomes NULL and comes back through batch->reply_to with recall.status. CLOSED:
 * the caller keeps *batch. If the record's segment was removed, its kept index answers. Thread:
 * any. */
enum status spool_recall(struct spool *spool, struct batch **batch) must_check;
/* The window of repeats holds no batch before this position: the keys of older ones are not kept
 * when their segments are removed. UINT64_MAX, as at first: no keys are kept. Thread: any. */
void spool_keys_needed(struct spool *spool, uint64_t from);

/* No record gets a leaf index below this one from now on: the tree has leaves of records that the
 * spool has lost. Before spool_start. */
void spool_raise_leaves(struct spool *spool, uint64_t next);

/* Sinks: a cursor is the position up to which one reader (sink and lane) has everything. Loaded
 * from disk at open; identified by name; a new one starts at the position before the oldest record.
 */
typedef unsigned spool_cursor_t;
/* TOO_LARGE: empty name or over 55 bytes. TOO_MANY. Thread: any. */
enum status spool_cursor_open(struct spool *spool, const char *name, spool_cursor_t *cursor,
                              uint64_t *position) must_check;
/* The reader has everything up to and including position. Cheap; the writer thread persists it
 * later. Thread: any. */
void spool_cursor_advance(struct spool *spool, spool_cursor_t cursor, uint64_t position);
/* The reader needs the records after position again (its store was restored from an older copy): no
 * segment after it is removed from now on. Thread: any. */
void spool_cursor_return(struct spool *spool, spool_cursor_t cursor, uint64_t position);
/* Cursors on disk that nobody has opened since start no longer hold back retention (a sink that was
 * disabled). Call once after all sinks are open. */
void spool_cursors_settle(struct spool *spool);

/* A segment that gets no more records. */
struct spool_sealed {
    uint64_t first_position; /* the name of its file */
    uint64_t newest;         /* position of its last record */
    uint64_t bytes;          /* of the file, up to the end of that record */
    uint64_t after;          /* sealed segments with records after it */
};
/* The oldest sealed segment with a record after this position. END: there is none. Thread: any, not
 * for each request. */
enum status spool_sealed_after(struct spool *spool, uint64_t position,
                               struct spool_sealed *out) must_check;

/* The guard is asked before each removal of a segment. Before spool_start. */
void spool_guard_with(struct spool *spool, const struct spool_guard *guard);
/* Removals are on record from now on. Before spool_start. */
void spool_record_removals(struct spool *spool, const struct spool_tree *tree);

/* Why there is no room for new batches. */
enum spool_full {
    SPOOL_FULL_SINKS,    /* batches that sinks do not have yet fill the spool */
    SPOOL_FULL_EVIDENCE, /* evidence within its retention does */
    SPOOL_FULL_OTHERS,   /* files that are not the spool's fill the file system */
    SPOOL_FULL_INODES,   /* the file system has no inode left */
    SPOOL_FULL_LIMIT,    /* there seems to be room: a quota, or a limit of file size */
};

struct spool_stats {
    uint8_t spool_uid[UUID_BYTES]; /* created with the directory; positions are valid only together
                                      with it */
    uint64_t first_position;       /* oldest record kept */
    uint64_t position;             /* newest durable record, 0: none */
    uint64_t events;               /* events and rejects in all records ever written */
    uint64_t leaves;               /* leaf index of the next record */
    uint64_t bytes;                /* of segment files */
    uint64_t evidence_bytes;       /* those of them that all cursors have passed */
    uint64_t segments, corrupt_segments;
    uint64_t queued_batches, queued_bytes;
    int64_t oldest_ns;        /* when the oldest record kept was written, 0: none */
    bool full;                /* batches are being refused because there is no space */
    enum spool_full full_for; /* when full */
    bool failed;              /* a write or fdatasync failed: final for this process */
};
/* How long the writer has been waiting for the disk, in one commit, new segment or removal; 0: it
 * is not waiting. A disk that hangs returns no error. Thread: any. */
int64_t spool_disk_wait_ns(struct spool *spool);
/* The current state. Thread: any, but not for each request: takes the lock that the writer takes to
 * publish, and visits every segment. */
void spool_stats(struct spool *spool, struct spool_stats *stats);
/* Single values without the lock that spool_stats takes: for the path of a request. Thread: any. */
/* True if batches are being refused because there is no room; *why: the reason, or the last one if
 * the spool is not full now. */
bool spool_is_full(const struct spool *spool, enum spool_full *why);
/* Newest durable record, 0: none. */
uint64_t spool_position(const struct spool *spool);
/* UUID_BYTES, constant while the spool is open. */
const uint8_t *spool_uid(const struct spool *spool);
/* Why the spool is full, and what to do: a constant sentence. Thread: any. */
const char *spool_full_reason(enum spool_full why);
/* The reason for answers: evidence_full or spool_full. Thread: any. */
enum refusal_reason spool_full_code(enum spool_full why);
/* Called once by the writer thread when a write or fdatasync has failed and the spool is
 * permanently closed. Set before spool_start. */
void spool_on_failure(struct spool *spool, void (*failed)(void *arg), void *arg);

/* Reads records in order from after `position`, durable ones only. One reader, one thread. */
enum status spool_reader_open(struct spool *spool, uint64_t position,
                              struct spool_reader **out) must_check;
/* The same for a spool that this process has not opened: dead, or live in another process. dir is
 * the directory with the segments. Takes no lock and changes nothing; records that another process
 * is just writing are not visible yet. NOT_FOUND, IO, NO_MEMORY. */
enum status spool_reader_open_dir(const char *dir, uint64_t position,
                                  struct spool_reader **out) must_check;
/* Keys for records of a directory; a reader of an open spool has those of its options. keys must
 * outlive the reader; NULL: none. */
void spool_reader_use_keys(struct spool_reader *reader, const struct seal_keys *keys);
/* Encrypted bodies are left out from now on: record->body is empty. */
void spool_reader_without_bodies(struct spool_reader *reader);
/* For a reader that is only asked for heads: spares reading what follows them. */
void spool_reader_heads_only(struct spool_reader *reader);
/* Next record: its meta, body and events. They are clear, or record->sealed is true and
 * record->state says why not (batch.h). END: none yet. CORRUPT: the bytes have changed on disk;
 * the reader has moved past them. IO, NO_MEMORY: the next call returns the same record (in a
 * directory, bytes that can't be read are CORRUPT). */
enum status spool_reader_next(struct spool_reader *reader, struct batch_record *record) must_check;
/* Only the header of the next record, without body and events read from disk; then
 * spool_reader_next returns the same record, or spool_reader_skip skips it. */
enum status spool_reader_peek(struct spool_reader *reader, uint64_t *position,
                              uint32_t *events) must_check;
/* After a peek: the header of that record; its texts are empty. Valid until the next call. */
const struct batch_meta *spool_reader_peeked(const struct spool_reader *reader);
/* Next record: only its header and texts, valid until the next call; events and body are not read,
 * and their CRC is not checked. Status as of spool_reader_next. */
enum status spool_reader_next_head(struct spool_reader *reader, struct batch_meta *meta) must_check;
/* After a peek: true if records between the last one and this one are missing. Positions alone do
 * not show it, because those of a torn tail are never used again. */
bool spool_reader_misses(const struct spool_reader *reader);
void spool_reader_skip(struct spool_reader *reader);
/* Waits until a record after the last read one is durable, timeout_ns passed, or spool_wake was
 * called; true when there is one. A reader of a directory does not wait: false. */
bool spool_reader_wait(struct spool_reader *reader, int64_t timeout_ns);
void spool_reader_close(struct spool_reader *reader);
/* Wakes all waiting readers (shutdown). Thread: any. */
void spool_wake(struct spool *spool);

#endif
