/* spool_index.h: the index of a segment that gets no more records: what a start needs to know of
 * it, and the places and reports of its batches. A hint: it is compared with the segment's file
 * before it is used, and made again from the segment when it is missing. After its segment was
 * removed by retention it answers repeats of the batches that were in it. Bytes:
 * docs/spool-format.md §9. Thread: any, each file one at a time. */
#ifndef VSOC_STORAGE_SPOOL_INDEX_H
#define VSOC_STORAGE_SPOOL_INDEX_H

#include "storage/spool/batch.h"
#include "storage/spool/spool_internal.h"

/* An index has the version of its segment. */
#define SPOOL_INDEX_VERSION SPOOL_FORMAT_VERSION

/* Which of the two names of an index. */
enum spool_index_kind {
    SPOOL_INDEX_SEGMENT, /* NUMBER.idx: its segment is there */
    SPOOL_INDEX_KEYS,    /* NUMBER.keys: its segment was removed, or is about to be */
};

struct spool_index {
    enum spool_index_kind kind; /* the name it was read under */
    struct spool_segment_header header;
    struct spool_segment segment;
    struct spool_tail tail; /* after its last record */
    int64_t modified_ns;    /* of the segment's file */
    bool plain_keys;        /* some of its keys are of an earlier build */
    uint32_t places_crc;
    uint64_t text_bytes;
};

/* Writes the index of the segment that fd reads: reads its record headers and texts, not events and
 * bodies. `segment` must describe it: CORRUPT if the file does not agree, then there is no index.
 * Syncs the segment's file first, so that its time of change survives a crash. NO_SPACE, IO,
 * NO_MEMORY: nothing of it is left. */
enum status spool_index_write(int dir_fd, int fd, const struct spool_segment *segment) must_check;
/* Reads the head of the index of a segment, under either name. NOT_FOUND: there is none. CORRUPT:
 * damaged, of another spool or segment, of a newer version, or the segment's file has changed
 * since; *why says which. IO. `uid` may be NULL. */
enum status spool_index_read(int dir_fd, uint64_t first_position, struct spool_index *index,
                             const char **why) must_check;
/* The same for an index without a segment: kept keys. */
enum status spool_index_read_keys(int dir_fd, uint64_t first_position, struct spool_index *index,
                                  const char **why) must_check;
/* Calls fn for each batch of the index, in order. CORRUPT: the places are damaged, fn was not
 * called. IO, NO_MEMORY. */
enum status spool_index_places(int dir_fd, const struct spool_index *index, spool_scan_fn fn,
                               void *arg) must_check;
/* Fills recall's record and report from the index of the segment with this first position; the
 * errors are copied into arena. NOT_FOUND: no index, or no such position in it. CORRUPT, IO,
 * NO_MEMORY. */
enum status spool_index_recall(int dir_fd, uint64_t first_position, struct batch_recall *recall,
                               struct arena *arena) must_check;
/* The index of a segment that is about to be removed becomes the keys that are kept. OK also if it
 * already is. */
enum status spool_index_keep(int dir_fd, uint64_t first_position) must_check;
/* Removes it under both names. OK also if there was none. */
enum status spool_index_remove(int dir_fd, uint64_t first_position);
/* First positions of all kept keys, ascending, malloc'ed; removes unfinished files and indexes
 * whose segment (one of `firsts`) is gone without having been removed by retention. IO, NO_MEMORY.
 */
enum status spool_index_list_keys(int dir_fd, const uint64_t *firsts, size_t first_count,
                                  uint64_t **keys, size_t *count) must_check;

#endif
