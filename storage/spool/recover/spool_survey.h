/* spool_survey.h: the contents of one segment file: its intact records and its damaged ranges.
 * Reads only; spool_recover.c repairs. */
#ifndef VSOC_STORAGE_SPOOL_SURVEY_H
#define VSOC_STORAGE_SPOOL_SURVEY_H

#include "storage/spool/spool_internal.h"
#include "storage/spool/recover/spool_salvage.h"
#include "storage/spool/spool_scan.h"

/* What damage destroyed: records between two intact ones. */
struct spool_loss {
    uint64_t first, last;   /* lost positions; some may never have been assigned */
    uint64_t events;        /* and rejects in them; 0: not known */
    int64_t from_ns, to_ns; /* when the records around them were written */
    unsigned places;        /* number of places that this sums up */
};

struct spool_survey {
    struct spool_segment_header header;
    struct spool_segment
        segment;            /* the caller sets first_position; end: after the last intact record */
    uint64_t used_end;      /* after the last non-zero byte */
    bool damaged;           /* something before the last intact record has changed */
    struct spool_loss loss; /* of all damage in it; places 0: none is known */
    const char *reason;     /* why the header is not of a segment of this spool, static */
    struct spool_range *good; /* intact records, adjacent ones joined */
    size_t good_count, good_room;
};

void spool_survey_fini(struct spool_survey *survey);
/* Reads the header; if both copies are lost, rebuilds it from the first record and from tail, the
 * end of the log before this segment. CORRUPT: not a readable segment of the spool uid. IO. */
enum status spool_survey_header(struct spool_survey *survey, int fd, const uint8_t uid[UUID_BYTES],
                                const struct spool_tail *tail) must_check;
/* Walks all records: advances *tail (except its offset) past each intact one and calls fn for it,
 * if fn is not NULL. Logs damage with file and offset. NO_MEMORY. */
enum status spool_survey_records(struct spool_survey *survey, struct spool_scan *scan, int fd,
                                 struct spool_tail *tail, spool_scan_fn fn, void *arg) must_check;
/* Maximum number of records that the bytes between end and used_end may have held. NO_MEMORY. */
enum status spool_survey_torn(struct spool_survey *survey, struct spool_scan *scan,
                              uint64_t *records) must_check;
/* Counts what is missing after tail and the segment's newest record and before `next`, whose record
 * or segment was written at next_ns after events_before events, and logs it as an error. */
void spool_survey_lose(struct spool_survey *survey, const char *message, uint64_t offset,
                       uint64_t bytes, const struct spool_tail *tail, uint64_t next,
                       uint64_t events_before, int64_t next_ns);
/* Logs damage of a segment. */
void spool_survey_log(const char *message, uint64_t first_position, uint64_t offset,
                      uint64_t bytes);

#endif
