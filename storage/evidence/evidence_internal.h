/* evidence_internal.h: the parts of evidence*.c. Nobody else includes it. */
#ifndef VSOC_STORAGE_EVIDENCE_INTERNAL_H
#define VSOC_STORAGE_EVIDENCE_INTERNAL_H

#include <pthread.h>

#include "core/metrics/metrics.h"
#include "core/object.h"
#include "storage/evidence/evidence.h"
#include "storage/evidence/last_head.h"
#include "storage/evidence/restart.h"
#include "storage/evidence/tree.h"
#include "storage/spool/spool.h"

#define EVIDENCE_MAGIC 0x45564944U

/* A head found elsewhere that the thread is to compare. */
struct evidence_sighting {
    bool waits;
    struct evidence_head head; /* its note is not kept */
    char where[128];
};

struct evidence {
    unsigned magic; /* EVIDENCE_MAGIC */

    /* Constant. */
    char dir[4200];
    struct evidence_signer *signer;
    struct spool *spool;
    uint8_t spool_uid[UUID_BYTES];
    struct evidence_restart restart;

    /* The evidence thread's; before its start and after its end the owner's. */
    struct evidence_tree *tree;
    struct evidence_heads *heads;
    struct last_head place;
    struct last_head reported; /* what others found elsewhere */
    struct spool_reader *reader;
    spool_cursor_t cursor;
    uint64_t position;  /* of the last record that was taken */
    uint64_t head_size; /* of the newest head */
    bool joined;   /* the record of the last leaf was seen: the spool goes on where the tree ends */
    bool rewound;  /* the reader has begun at the oldest record */
    bool compared; /* with the second place and the spool's end, since the start */
    bool refused;  /* an operator decides */
    int64_t signed_ns; /* monotonic, of the last signature */
    struct writer note;
    struct thread thread;

    /* Under lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic clock: a new head, a wake, an end */
    bool ending;
    uint64_t woken;
    struct evidence_state state;
    struct writer shown;                  /* the newest head, with what witnesses added */
    uint8_t head_root[MERKLE_HASH_BYTES]; /* its root */
    struct evidence_sighting sighting;

    metric_t refusal, heads_total, lost_leaves;
};

OBJECT_CAST(evidence, EVIDENCE_MAGIC)

/* evidence_follow.c: records to leaves. */
/* Takes records up to the last durable one, or enough of them. OK: there are more; END: it has all;
 * REFUSED: spool and tree do not belong together; IO, NO_SPACE, NO_MEMORY, CORRUPT. Thread:
 * evidence. */
enum status evidence_follow(struct evidence *evidence, struct problem *problem) must_check;

/* evidence_sign.c: from leaves to a head that is shown. */
/* Compares the tree with the head in the second place. OK, REFUSED, IO. Thread: evidence. */
enum status evidence_compare(struct evidence *evidence, struct problem *problem) must_check;
/* Signs the tree as it is, if it has grown. OK: nothing is left to do. Thread: evidence. */
enum status evidence_sign(struct evidence *evidence, struct problem *problem) must_check;

#endif
