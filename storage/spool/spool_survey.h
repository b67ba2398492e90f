/* spool_survey.h: what one segment file holds: its whole records, and where bytes are that are
 * none. Looks only; spool_recover.c mends. */
#ifndef VSOC_STORAGE_SPOOL_SURVEY_H
#define VSOC_STORAGE_SPOOL_SURVEY_H

#include "storage/spool/spool_internal.h"
#include "storage/spool/spool_salvage.h"
#include "storage/spool/spool_scan.h"

/* What damage took: records between two that are whole. */
struct spool_loss {
    uint64_t first, last;   /* positions that are gone; some may never have been given */
    uint64_t events;        /* and rejects in them; 0: not known */
    int64_t from_ns, to_ns; /* when the records around them were written */
    unsigned places;        /* that this is the sum of */
};

struct spool_survey {
    struct spool_segment_header header;
    struct spool_segment segment; /* first_position is set by the caller; end: behind the last whole
                                     record */
    uint64_t used_end;            /* behind the last byte that is not zero */
    bool damaged;                 /* not all before the last whole record is as it was written */
    struct spool_loss loss;       /* of all damage in it; places 0: none is known */
    const char *reason;           /* why the header is not of a segment of this spool, static */
    struct spool_range *good;     /* whole records, neighbours joined */
    size_t good_count, good_room;
};

void spool_survey_fini(struct spool_survey *survey);
/* Reads the header; when both copies are gone, rebuilds it from the first record and tail, the end
 * of the log before this segment. CORRUPT: not a segment of the spool uid that can be read at all.
 * IO. */
enum status spool_survey_header(struct spool_survey *survey, int fd, const uint8_t uid[UUID_BYTES],
                                const struct spool_tail *tail) must_check;
/* Walks all records: moves *tail (but its offset) behind each whole one and tells fn of it, when fn
 * is not NULL. Logs damage with file and offset. NO_MEMORY. */
enum status spool_survey_records(struct spool_survey *survey, struct spool_scan *scan, int fd,
                                 struct spool_tail *tail, spool_scan_fn fn, void *arg) must_check;
/* Most records that the bytes between end and used_end can have been. NO_MEMORY. */
enum status spool_survey_torn(struct spool_survey *survey, struct spool_scan *scan,
                              uint64_t *records) must_check;
/* Counts what is gone behind tail and the segment's newest record and before `next`, whose record
 * or segment was written at next_ns behind events_before events, and logs it as an error. */
void spool_survey_lose(struct spool_survey *survey, const char *message, uint64_t offset,
                       uint64_t bytes, const struct spool_tail *tail, uint64_t next,
                       uint64_t events_before, int64_t next_ns);
/* Logs damage of a segment. */
void spool_survey_log(const char *message, uint64_t first_position, uint64_t offset,
                      uint64_t bytes);

#endif
