/* spool_index_format.h: sizes and names of an index file, for the files that write and read it.
 * Private to spool_index*.c. Bytes: docs/spool-format.md §9. */
#ifndef VSOC_STORAGE_SPOOL_INDEX_FORMAT_H
#define VSOC_STORAGE_SPOOL_INDEX_FORMAT_H

#include "storage/spool/index/spool_index.h"

#define INDEX_MAGIC        "VSOCIDX1"
#define INDEX_HEAD_BYTES   256
#define INDEX_PLACE_BYTES  32
#define INDEX_REPORT_BYTES 100
#define INDEX_PRINT_BYTES  8
/* Texts of errors in one index; the reports of further batches have only their counts. */
#define INDEX_TEXT_BYTES_MAX (UINT64_C(16) << 20)

/* Flags of a report. */
#define INDEX_HAS_CONTENT 1u
#define INDEX_PLAIN_KEY   2u

/* Name of an index: NUMBER.idx, NUMBER.keys; and while it is written NUMBER.idx.new. */
void spool_index_name(uint64_t first_position, enum spool_index_kind kind,
                      char name[SPOOL_NAME_BYTES]);
void spool_index_new_name(uint64_t first_position, char name[SPOOL_NAME_BYTES]);

/* Head of the file; the CRC of its bytes is the last four. */
void spool_index_encode(struct writer *w, const struct spool_index *index);

static inline uint64_t index_reports_at(uint64_t records)
{
    return INDEX_HEAD_BYTES + records * INDEX_PLACE_BYTES;
}

static inline uint64_t index_texts_at(uint64_t records)
{
    return index_reports_at(records) + records * INDEX_REPORT_BYTES;
}

static inline int64_t index_time_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

#endif
