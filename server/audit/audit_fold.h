/* audit_fold.h: a bounded table that folds refusals by sender and reason with exact counts. */
#ifndef VSOC_SERVER_AUDIT_FOLD_H
#define VSOC_SERVER_AUDIT_FOLD_H

#include <stdbool.h>
#include <stdint.h>
#include "server/audit/audit_refusal.h"

/* One sender and reason. */
struct audit_record {
    char action[24], code[48], address[64], tenant[128], credential[128], serial[64], vehicle[72];
    int status;
    uint64_t count;            /* since the last line of this record */
    int64_t first_ns, last_ns; /* wall clock, of that count */
    int64_t written_ns;        /* when the last line was written; 0: never */
};

struct audit_fold;

/* NULL: no memory. */
struct audit_fold *audit_fold_create(void);
void audit_fold_destroy(struct audit_fold *fold);
/* Counts one refusal. When the table is full, senders of one reason share a record whose address is
 * "(others)", so that the sums stay exact. Thread: any. */
void audit_fold_add(struct audit_fold *fold, const struct audit_refusal *refusal, int64_t now_ns);
/* Calls write for each record whose line is due at now_ns: never written, or a minute after its
 * last line; with `all`, for each record with a count. A record is cleared if write returns true
 * and kept otherwise. It is removed when it has counted nothing for a minute. Returns false if a
 * write failed. write must not call back. Thread: one. */
bool audit_fold_flush(struct audit_fold *fold, int64_t now_ns, bool all,
                      bool (*write)(void *arg, const struct audit_record *record), void *arg);

#endif
