/* bundle_export.h: makes a bundle of records of a spool, in two steps: the records first, then,
 * when the export itself is in the log, heads, proofs and its record. Reads spool, tree and heads
 * of a running server or of none. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_EXPORT_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_EXPORT_H

#include "core/log/problem.h"
#include "storage/evidence/bundle/bundle_select.h"
#include "storage/evidence/bundle/bundle_writer.h"
#include "storage/evidence/formats/policy.h"
#include "storage/spool/seal/seal_keys.h"

struct bundle_export;

struct bundle_export_options {
    const char *spool_dir, *evidence_dir; /* data_dir/spool, data_dir/evidence; they outlive it */
    const struct seal_keys *keys;
    const struct policy *policy;  /* the head of the bundle satisfies it */
    struct bundle_writer *writer; /* borrowed, all of it */
    /* After every MiB or so of the spool: position reached. May be NULL. */
    void (*on_progress)(void *arg, uint64_t position);
    void *arg;
};

/* NOT_FOUND: there is no spool or no tree; IO, NO_MEMORY. *problem says why. */
enum status bundle_export_open(const struct bundle_export_options *options,
                               struct bundle_export **out, struct problem *problem) must_check;
void bundle_export_close(struct bundle_export *x);

/* Id of the spool, and the position below which it had no segment when it was opened: what is
 * older can only come from an archive. */
const uint8_t *bundle_export_spool(const struct bundle_export *x);
uint64_t bundle_export_first(const struct bundle_export *x);
/* Adds the selected records of a folder with segments that the spool does not have any more, in the
 * order of the log, before its own. As bundle_export_records. */
enum status bundle_export_archived(struct bundle_export *x, const char *dir,
                                   const struct bundle_selection *selection,
                                   struct problem *problem) must_check;
/* Adds the selected records, opened. REFUSED: one can't be (bundle_record_add); CORRUPT: the spool
 * is damaged there; UNAVAILABLE: a segment was removed meanwhile; else the status of reader or
 * writer. */
enum status bundle_export_records(struct bundle_export *x, const struct bundle_selection *selection,
                                  struct problem *problem) must_check;
size_t bundle_export_count(const struct bundle_export *x);
/* Appends the members of manifest.json that list the records: "records":[…]. */
void bundle_export_list(const struct bundle_export *x, struct writer *w);

/* Looks for the record of the export, whose body has the contents digest, behind what was read.
 * NOT_FOUND: it is not there (yet). */
enum status bundle_export_find_custody(struct bundle_export *x,
                                       const uint8_t contents[SHA256_BYTES],
                                       struct problem *problem) must_check;
/* Looks for a head that satisfies the policy and covers everything. UNAVAILABLE: there is none
 * yet; *problem says what is missing. */
enum status bundle_export_find_head(struct bundle_export *x, struct problem *problem) must_check;
/* Adds heads, time-stamp tokens, proofs and custody. CORRUPT: the tree has another leaf for a
 * record, or does not lead to the head. */
enum status bundle_export_proofs(struct bundle_export *x, struct problem *problem) must_check;

#endif
