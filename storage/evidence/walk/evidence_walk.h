/* evidence_walk.h: walks over all evidence of a data directory, of a running server or of none:
 * each record against its leaf and its commitments, the tree against its leaves, each head against
 * the tree and the log's key. Takes no lock, changes nothing. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_WALK_H
#define VSOC_STORAGE_EVIDENCE_WALK_H

#include "core/log/problem.h"
#include "storage/evidence/formats/note.h"
#include "storage/evidence/formats/merkle.h"
#include "storage/evidence/retired.h"
#include "storage/spool/batch.h"
#include "storage/spool/seal/seal_keys.h"

enum evidence_finding {
    EVIDENCE_FINDING_BYTES,      /* damaged bytes in the spool: no record is read there */
    EVIDENCE_FINDING_LEAF,       /* the tree has another leaf for this record */
    EVIDENCE_FINDING_NO_LEAF,    /* the tree, as large as a signed head, ends before this record */
    EVIDENCE_FINDING_COMMITMENT, /* body, metadata or events are not what the leaf commits to */
    EVIDENCE_FINDING_UNOPENED,   /* its keys are not at hand or damaged: commitments not compared */
    EVIDENCE_FINDING_UNBOUND,    /* the keys of a record of the log's own were destroyed */
    EVIDENCE_FINDING_ERASED,    /* so many keys were destroyed beyond what erasures on record say */
    EVIDENCE_FINDING_GAP,       /* records are missing between this one and the one before */
    EVIDENCE_FINDING_REMOVED,   /* those before this one, and no record says that they went */
    EVIDENCE_FINDING_SHORT,     /* the spool ends at this leaf, before the newest head's size */
    EVIDENCE_FINDING_TREE,      /* a stored hash does not follow from the leaves below it */
    EVIDENCE_FINDING_HEAD,      /* a stored head has another root than the tree has at its size */
    EVIDENCE_FINDING_SIGNATURE, /* a stored head is not signed by the log's key */
};
/* Stable name of a finding, static. */
const char *evidence_finding_text(enum evidence_finding finding);

/* Where a walk was when it was interrupted: it goes on there. Zeroed: at the beginning. */
struct evidence_walk_state {
    uint64_t position;  /* all records up to it were looked at */
    uint64_t leaf_next; /* leaf index after the last of them; 0: none had one */
    uint64_t head_size; /* all heads up to this size were */
    uint64_t records, erased, heads, findings;
    uint64_t erased_parts; /* vehicles that were erased in batches of several */
    /* Vehicles that must have been erased for that, and what records of erasures say. */
    uint64_t erasures, erasures_recorded;
};

struct evidence_walk {
    const char *spool_dir, *evidence_dir;
    const struct seal_keys *keys;
    const struct note_verifier *log; /* the key that heads are signed with */
    struct evidence_walk_state state;
    void (*on_finding)(void *arg, enum evidence_finding finding, uint64_t number);
    /* Records are missing because they were removed, which a record says. */
    void (*on_retired)(void *arg, const struct retired *retired);
    /* Now and then; false ends the walk: CLOSED. May be NULL. */
    bool (*on_progress)(void *arg, const struct evidence_walk_state *state);
    void *arg;
    /* Out: the newest head, and the root that all leaves lead to. */
    uint64_t tree_size;
    uint8_t root[MERKLE_HASH_BYTES];
};

/* OK: everything was looked at; findings are in walk->state. CLOSED: on_progress ended it.
 * NOT_FOUND: no spool or no tree; CORRUPT: the heads can't be read to their end; IO, NO_MEMORY.
 * *problem says why. */
enum status evidence_walk_all(struct evidence_walk *walk, struct problem *problem) must_check;

#endif
