/* retired.h: which record of the spool says that older ones were removed. Thread: any that may wait
 * for the disk. */
#ifndef VSOC_STORAGE_EVIDENCE_RETIRED_H
#define VSOC_STORAGE_EVIDENCE_RETIRED_H

#include "core/writer.h"
#include "storage/spool/retire/retirement.h"

struct retired {
    struct retirement what;
    uint64_t position; /* of the record that says so, 0: there is none */
};

struct retired_question {
    const char *spool_dir; /* with the segments */
    const char *tree_dir;  /* data_dir/evidence/tree; NULL, or not there: no roots are compared */
    uint64_t leaf;         /* of the first record that is there after the missing ones */
    uint64_t after;        /* position of the record before them that was read; 0: of none */
};

/* The newest removal whose range of leaves ends at `leaf` or before, searched from the newest
 * segment back, because removals are on record at the end of the log. Removals take the oldest
 * records: none (position 0) while the record `after` is in the spool. The root that it names must
 * be that of a tree beside the spool; its chain hash, if it took all before the oldest segment,
 * must be the one that this segment continues. IO, NO_MEMORY, NOT_FOUND: no spool. */
enum status retired_before(const struct retired_question *question, struct retired *out) must_check;
/* First leaf that it does not cover, of those up to `leaf`. Removals take the oldest records, so
 * all before its range went earlier. */
static inline uint64_t retired_end(const struct retired *retired)
{
    return retired->position ? retired->what.first_leaf + retired->what.leaves : 0;
}
/* Appends what the record covers, as a line for people or as a JSON object. */
void retired_write_text(struct writer *w, const struct retired *retired);
void retired_write_json(struct writer *w, const struct retired *retired);

#endif
