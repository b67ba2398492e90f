/* spool_recovery.h: the state of a recovery, shared by the files of it. Private to
 * spool_recover*.c. Thread: the opener. */
#ifndef VSOC_STORAGE_SPOOL_RECOVERY_H
#define VSOC_STORAGE_SPOOL_RECOVERY_H

#include "storage/spool/recover/spool_recover_index.h"
#include "storage/spool/recover/spool_survey.h"

struct recovery {
    struct spool *spool;
    spool_scan_fn scan_fn;
    void *scan_arg;
    struct spool_scan scan;
    struct spool_indexes indexes;
    size_t segment; /* number of the one being recovered */
    size_t read;    /* segments that were read so far */
    int64_t progress_ns;
    uint64_t floor; /* the next record's position is above this */
    struct problem *problem;
};

static inline void recovery_raise_floor(struct recovery *r, uint64_t position)
{
    if (position > r->floor)
        r->floor = position;
}

/* The statuses of a start that can't go on, with the problem's text. */
enum status recovery_refuse_version(struct recovery *r, const char *file, uint32_t found,
                                    uint32_t supported);
enum status recovery_fail_to_open(struct recovery *r, uint64_t first);
/* Not treated as damage: bytes that can't be read may hold acknowledged batches. */
enum status recovery_fail_to_read(struct recovery *r, enum status status, uint64_t first);

/* If records before it are lost, the log continues from the values in the header. */
void recovery_follow_header(struct recovery *r, const struct spool_segment_header *header);
/* Records can be added to a segment with this header. */
bool recovery_may_continue(const struct spool_segment_header *header);
/* The last segment has no record and no record can be added to it: it is left out of the table. */
bool recovery_is_vacant(const struct spool_segment_header *header,
                        const struct spool_segment *segment, uint64_t next);
/* Records between this segment, which ends after `events`, and the next are missing, and this is
 * the first start to notice. */
bool recovery_ends_early(const struct recovery *r, const struct spool_survey *s, uint64_t events,
                         uint64_t next);

/* spool_recover_uid.c: the majority of segments determines the spool's id; the cursor file decides
 * a tie. NOT_FOUND: nothing has an id. VERSION, IO. */
enum status recovery_elect_uid(struct recovery *r, const uint64_t *firsts, size_t count,
                               const struct spool_cursor_table *cursors) must_check;
/* spool_recover_take.c: takes segment number r->segment as its index describes it. next: first
 * position of the following one, 0: none. NOT_FOUND: it must be read, nothing was done. NO_MEMORY.
 */
enum status recovery_take_index(struct recovery *r, uint64_t next) must_check;

#endif
