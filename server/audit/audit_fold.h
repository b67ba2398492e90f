/* audit_fold.h: a bounded table that folds refusals by sender and reason with exact counts. */
#ifndef VSOC_SERVER_AUDIT_FOLD_H
#define VSOC_SERVER_AUDIT_FOLD_H

#include <stdbool.h>
#include <stdint.h>
#include "server/audit/audit_refusal.h"

/* One sender and reason. */
struct audit_folded {
    enum audit_kind kind;
    char action[24], code[48], address[64], tenant[132], credential[128], serial[64], vehicle[72];
    int status;
    uint64_t count;            /* since the last record of this sender */
    int64_t first_ns, last_ns; /* wall clock, of that count */
    int64_t written_ns;        /* when the last record was written; 0: never */
    unsigned part;             /* of the table; set by audit_fold_next */
};

struct audit_fold;

/* NULL: no memory. */
struct audit_fold *audit_fold_create(void);
void audit_fold_destroy(struct audit_fold *fold);
/* Counts refusal->count of them, at least one. When the table is full, senders of one reason share
 * a record whose address is "(others)", so that the sums stay exact. Thread: any. */
void audit_fold_add(struct audit_fold *fold, const struct audit_refusal *refusal, int64_t now_ns);

/* A walk over the table: zeroed at its start. */
struct audit_fold_walk {
    size_t part, at;
};
/* Copies the next record that is due at now_ns: never written, or a minute after its last one; with
 * `all`, each with a count. It keeps its count until audit_fold_settle. False: there is no other.
 * Thread: one. */
bool audit_fold_next(struct audit_fold *fold, struct audit_fold_walk *walk, int64_t now_ns,
                     bool all, struct audit_folded *out);
/* The copy is durable: subtracts its count; more may have been counted meanwhile. */
void audit_fold_settle(struct audit_fold *fold, const struct audit_folded *written, int64_t now_ns);
/* After a walk: removes records that have counted nothing for a minute. */
void audit_fold_forget_idle(struct audit_fold *fold, int64_t now_ns);

#endif
