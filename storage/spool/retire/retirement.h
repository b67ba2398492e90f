/* retirement.h: the body of a record of kind 3: which records a removal took, why, and what commits
 * to them. One JSON object; its members are those of the audit kinds evidence_retired and
 * evidence_evicted. Thread: any. */
#ifndef VSOC_STORAGE_SPOOL_RETIREMENT_H
#define VSOC_STORAGE_SPOOL_RETIREMENT_H

#include "core/hash.h"
#include "core/status.h"
#include "core/uuid7.h"
#include "core/writer.h"

enum retirement_cause {
    RETIREMENT_AGE,       /* evidence.retention is over */
    RETIREMENT_MAX_BYTES, /* evidence.max_bytes, before it is over */
    RETIREMENT_ROOM,      /* new batches needed the room, before it is over */
};
#define RETIREMENT_CAUSES 3

struct retirement {
    enum retirement_cause cause;
    uint64_t first, last;        /* positions of the records; 0: none was left */
    uint64_t first_leaf, leaves; /* their leaf indexes; records of version 1 have none */
    uint64_t records, events;
    uint64_t file_bytes;
    int64_t oldest_ns, newest_ns; /* when the first and the last were written; not read back */
    bool holds_checked;           /* and none of `holds`, those in force, names a record */
    uint64_t holds;
    uint64_t tree_size;               /* of the newest signed head: it covers the leaves */
    uint8_t root[SHA256_BYTES];       /* of the tree at that size */
    uint8_t chain_hash[SHA256_BYTES]; /* of the last record */
};

struct retirement_head {
    uint8_t uid[UUID_BYTES]; /* of the record */
    int64_t time_ns;
    const char *instance;
};

/* Name of a cause, static. */
const char *retirement_cause_text(enum retirement_cause cause);
/* Appends the object. */
void retirement_write(struct writer *w, const struct retirement_head *head,
                      const struct retirement *retirement);
/* MALFORMED: it is not such an object, or its ranges are impossible. NO_MEMORY. */
enum status retirement_read(struct slice json, struct retirement *out) must_check;

#endif
