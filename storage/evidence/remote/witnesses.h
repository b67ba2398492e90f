/* witnesses.h: has the newest head cosigned by witnesses (c2sp.org/tlog-witness), and keeps it when
 * enough have: a job of the remote thread. A witness that is away is asked again after 1 s, then at
 * longer and longer intervals up to a minute; the others are asked first. */
#ifndef VSOC_STORAGE_EVIDENCE_WITNESSES_H
#define VSOC_STORAGE_EVIDENCE_WITNESSES_H

#include "storage/evidence/remote/remote.h"

#define WITNESSES_MAX 32

struct witnesses;

struct witnesses_options {
    const char *dir;                 /* data_dir/evidence; copied */
    const struct note_verifier *log; /* copied */
    /* "VERIFIER-KEY URL" each, WITNESSES_MAX at most: the key of a witness and its submission
     * prefix (http or https). */
    const char *const *items;
    size_t count;
    unsigned quorum; /* cosignatures that are enough; 0: more than half */
};

/* CONFIG: an item or the quorum; IO, CORRUPT, NO_SPACE, NO_MEMORY. *problem says what to do.
 * Thread: main. */
enum status witnesses_create(const struct witnesses_options *options, struct witnesses **out,
                             struct problem *problem) must_check;
struct remote_job witnesses_job(struct witnesses *witnesses);
void witnesses_destroy(struct witnesses *witnesses); /* NULL is allowed; the thread has ended */
/* Whether items and quorum could be used. CONFIG. Thread: any. */
enum status witnesses_check(const char *const *items, size_t count, unsigned quorum,
                            struct problem *problem) must_check;

/* For people: a line a witness, how far it has cosigned and what is wrong. Thread: any. */
void witnesses_describe(struct witnesses *witnesses, struct writer *out);

#endif
