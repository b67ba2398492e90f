/* last_head.h: the second place of the newest signed head, a file on another disk
 * (evidence.last_head): read before each signature, written after it. Whoever rolls data_dir back
 * or replaces it must change this file too. */
#ifndef VSOC_STORAGE_EVIDENCE_LAST_HEAD_H
#define VSOC_STORAGE_EVIDENCE_LAST_HEAD_H

#include "core/log/problem.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/tree.h"

/* For the end of a problem that an operator decides. */
#define EVIDENCE_WHAT_TO_DO                                                                        \
    "nothing is signed; `vsocd evidence status` shows more, `vsocd evidence restart-tree` begins " \
    "a "                                                                                           \
    "tree under a new name"

struct last_head {
    char path[4200];     /* empty: there is no second place */
    unsigned generation; /* of the tree (restart.h) */
    struct writer seen;  /* what was written or checked last */
};

void last_head_init(struct last_head *place, const char *path, unsigned generation);
void last_head_fini(struct last_head *place);
/* Whether the tree continues the head that is there. OK: it does, or nothing is there; REFUSED: it
 * does not, or it is another log's; IO: it can't be read now. *problem says what to do. */
enum status last_head_check(struct last_head *place, const struct note_verifier *log,
                            const struct evidence_tree *tree, uint64_t size,
                            struct problem *problem) must_check;
/* Replaces it, durably. IO, NO_SPACE, … */
enum status last_head_write(struct last_head *place, struct slice note,
                            struct problem *problem) must_check;

/* Notes a head of this tree that was found elsewhere, in dir (data_dir/evidence): it is looked at
 * before the next signature. Thread: any. */
#define LAST_HEAD_REPORTED "seen"
enum status last_head_report(const char *dir, struct slice note) must_check;

/* Whether a tree of `size` leaves continues a head, wherever it was found. OK; REFUSED: rolled back
 * or forked; IO, CORRUPT: the tree can't be read. */
enum status evidence_continues(const struct evidence_tree *tree, uint64_t size,
                               const struct evidence_head *head, const char *where,
                               struct problem *problem) must_check;

#endif
