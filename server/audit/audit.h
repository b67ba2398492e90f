/* audit.h: the audit log: records of kind 2 (of the clock: 5) in the spool, so in its hash chain
 * and tree, and in the sinks. One JSON object a record; kinds and fields:
 * core/reasons/audit_kinds.def, docs/audit.md.
 *
 * Records do not depend on log.level or on a reader of stderr. While the spool takes none, they
 * wait in memory, and refusals keep being counted. One audit log per process. */
#ifndef VSOC_SERVER_AUDIT_H
#define VSOC_SERVER_AUDIT_H

#include <stdint.h>
#include "core/log/problem.h"
#include "core/status.h"
#include "server/audit/audit_field.h"
#include "server/audit/audit_refusal.h"

struct mail;
struct mailbox;
struct spool;

/* Records one refusal. Refusals are folded by sender and reason: the first one is written within a
 * second, later ones of the same sender once a minute, with the exact number since the record
 * before. Each AUDIT_refused is a line of the log as well, which is rate-limited. Thread: any;
 * never waits. */
void audit_refused(const struct audit_refusal *refusal);
/* Records something, within a second. count: AUDIT_FIELDS_MAX at most. Also before audit_start: it
 * is written then. Thread: any; never waits for the disk. */
void audit_record(enum audit_kind kind, const struct audit_field *fields, size_t count);
/* Records something and waits until it is durable: OK, and only then the caller acts. NO_SPACE,
 * BUSY, IO, CLOSED, TIMEOUT (the disk does not respond), NO_MEMORY: the caller does not act;
 * *problem says so. Thread: any but a worker. */
enum status audit_require(enum audit_kind kind, const struct audit_field *fields, size_t count,
                          struct problem *problem) must_check;
/* The same without waiting: a batch that comes back through reply_to with its verdict. The caller
 * gets owner in its `owner`. On any status but OK nothing comes back. */
enum status audit_begin(enum audit_kind kind, const struct audit_field *fields, size_t count,
                        struct mailbox *reply_to, void *owner, struct problem *problem) must_check;

/* Starts the thread that writes. The spool is started, and outlives audit_stop. BUSY: no thread;
 * NO_MEMORY. Thread: main. */
enum status audit_start(struct spool *spool, const char *instance,
                        struct problem *problem) must_check;
/* Writes what waits, and all pending counts, once more; then only the log gets refusals. Does
 * nothing if not started. Before spool_stop. Thread: the one that stops the parts. */
void audit_stop(void);
/* Frees the rest. After spool_stop, when no other thread records any more. */
void audit_fini(void);

#endif
