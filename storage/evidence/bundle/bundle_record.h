/* bundle_record.h: a record of the spool as files of a bundle (docs/evidence-bundle.md §2). Thread:
 * the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_RECORD_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_RECORD_H

#include "core/log/problem.h"
#include "storage/evidence/bundle/bundle_writer.h"
#include "storage/spool/batch.h"

/* Adds the opened record, without its proof, to the folder (with its slash). An erased record is
 * its leaf and a sentence. REFUSED: it has no leaf, or its keys are not at hand; *problem says why.
 * Else the writer's status. */
enum status bundle_record_add(struct bundle_writer *w, const char *folder,
                              const struct batch_record *record,
                              const uint8_t spool_uid[UUID_BYTES],
                              struct problem *problem) must_check;

#endif
