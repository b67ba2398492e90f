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

/* The newest removal whose range of leaves ends at `leaf` or before; searched from the newest
 * segment back, because removals are on record at the end of the log. IO, NO_MEMORY, NOT_FOUND: no
 * spool. */
enum status retired_before(const char *spool_dir, uint64_t leaf, struct retired *out) must_check;
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
