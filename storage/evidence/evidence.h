/* evidence.h: the transparency tree of a running server: a thread follows the spool, appends a leaf
 * for each record and signs heads, at most one a second while records come.
 *
 * Order: hashes of the tree durable → head signed → head stored durably → head shown (to the second
 * place, to waiters, to readers) → cursor of the spool moved. So every head ever shown is
 * consistent with every later one, no record is without a leaf, and none has two. */
#ifndef VSOC_STORAGE_EVIDENCE_H
#define VSOC_STORAGE_EVIDENCE_H

#include "storage/evidence/evidence_signer.h"
#include "storage/evidence/heads.h"

struct evidence;
struct spool;

struct evidence_options {
    const char *dir;                /* data_dir/evidence; copied */
    const char *last_head;          /* second place of the newest head; NULL: none; copied */
    struct evidence_signer *signer; /* given away, also on failure */
    struct spool *spool;            /* open; outlives it */
};

/* Opens tree and heads and checks that they belong together: what no head covers is cut. Call
 * before spool_cursors_settle. CORRUPT: they disagree; LOCKED, IO, NO_SPACE, NO_MEMORY, TOO_MANY;
 * *problem says what to do. Thread: main. */
enum status evidence_open(const struct evidence_options *options, struct evidence **out,
                          struct problem *problem) must_check;
enum status evidence_start(struct evidence *evidence) must_check;
/* Signs what the spool still has and ends the thread: call it when the spool has stopped. */
void evidence_stop(struct evidence *evidence);
void evidence_close(struct evidence *evidence); /* NULL is allowed */

/* Why nothing is signed. */
enum evidence_trouble {
    EVIDENCE_FINE,
    EVIDENCE_WAITS,   /* a write, the signer or the second place fails; it is tried again */
    EVIDENCE_REFUSED, /* spool or tree were rolled back, replaced or forked: an operator decides */
};

struct evidence_state {
    enum evidence_trouble trouble;
    char problem[PROBLEM_BYTES]; /* what is wrong and what to do; empty when fine */
    uint64_t leaves;             /* in the tree */
    uint64_t head_size;          /* of the newest signed head, 0: none */
    int64_t head_ns;             /* wall clock when it was signed */
    uint64_t heads;              /* signed since the start */
};
/* Who signs the heads; its name is their origin. Thread: any. */
const struct note_verifier *evidence_log(const struct evidence *evidence);
/* Thread: any. */
void evidence_state(struct evidence *evidence, struct evidence_state *state);

/* Appends the newest head, a signed note, and gives its size; 0: there is none. Thread: any. */
uint64_t evidence_newest(struct evidence *evidence, struct writer *note);
/* Size of the newest head that was signed, 0: none, and its root (MERKLE_HASH_BYTES): for
 * spool_record_removals. Thread: any; does not wait. */
uint64_t evidence_newest_root(void *evidence, uint8_t *root);
/* Waits until there is a head larger than `seen`, timeout_ns passed, or evidence_wake was called.
 * Returns the size of the newest. Thread: any that may wait. */
uint64_t evidence_wait(struct evidence *evidence, uint64_t seen, int64_t timeout_ns);
/* Ends all waits (stop). Thread: any. */
void evidence_wake(struct evidence *evidence);
/* The newest head with more signatures, as witnesses give them: what is shown from now on, until a
 * newer head is signed. Not stored here. Ignored if it is not the newest. Thread: any. */
void evidence_show(struct evidence *evidence, const struct evidence_head *head);
/* A head of this tree that was found elsewhere (a database, a witness), whose signature the caller
 * has checked: if the tree does not continue it, nothing is signed any more. Thread: any. */
void evidence_seen(struct evidence *evidence, const struct evidence_head *head, const char *where);

#endif
