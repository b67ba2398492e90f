/* spool_eviction.h: the record of evidence that was removed before its retention was over: one
 * checksummed entry per segment in `evictions`, durable before the segment is unlinked. Thread: the
 * writer; at open the opener's; reading: any. */
#ifndef VSOC_STORAGE_SPOOL_EVICTION_H
#define VSOC_STORAGE_SPOOL_EVICTION_H

#include "core/hash.h"
#include "core/status.h"
#include "core/uuid7.h"

#define SPOOL_EVICTION_FILE "evictions"

enum spool_eviction_cause {
    SPOOL_EVICTED_BYTES, /* evidence.max_bytes */
    SPOOL_EVICTED_ROOM,  /* spool.max_bytes or the file system: new batches needed the room */
};

struct spool_eviction {
    uint8_t spool_uid[UUID_BYTES];
    int64_t evicted_ns;
    uint64_t first, last; /* positions of the segment's records */
    uint64_t batches, events;
    int64_t oldest_ns, newest_ns; /* when the first and the last were written */
    uint64_t file_bytes;
    enum spool_eviction_cause cause;
    uint8_t chain_hash[SHA256_BYTES]; /* of the last record: the next segment continues it */
};

/* Opens the file for appending, creates it if it is missing, and preallocates some space for a full
 * disk. *last: newest evicted position in it, 0: none. */
enum status spool_eviction_open(int dir_fd, int *fd, uint64_t *last) must_check;
/* Appends an entry and syncs it. On failure nothing may be evicted. */
enum status spool_eviction_append(int fd, const struct spool_eviction *eviction) must_check;
/* Calls fn for every intact entry, oldest first; *damaged: number of damaged entries before an
 * intact one. OK also if there is no file. */
enum status spool_eviction_read(int dir_fd,
                                void (*fn)(void *arg, const struct spool_eviction *eviction),
                                void *arg, uint64_t *damaged) must_check;
/* Name of a cause, static. */
const char *spool_eviction_cause_text(enum spool_eviction_cause cause);

#endif
