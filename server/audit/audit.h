/* audit.h: the audit log: refused senders with counts and reasons, in files of its own.
 *
 * Refusals are folded by sender and reason: the first one is written within a second, later ones of
 * the same sender once a minute, with the exact number since the line before. The files are synced
 * and do not depend on log.level or on a reader of stderr; each refusal is also a line in the log,
 * which is rate-limited. One audit log per process. docs/operations.md describes the lines. */
#ifndef VSOC_SERVER_AUDIT_H
#define VSOC_SERVER_AUDIT_H

#include <stdint.h>
#include "core/log/problem.h"
#include "core/status.h"
#include "server/audit/audit_refusal.h"

/* Records one refusal. Before audit_start() and after audit_stop() only the log gets it. Thread:
 * any; never waits for the disk. */
void audit_refused(const struct audit_refusal *refusal);
/* Opens the files in data_dir/audit and starts the thread that writes them. max_bytes: of all files
 * together; above it the oldest is removed, which the log and the newest file report. REFUSED,
 * NO_SPACE, IO: reason has the details; BUSY: no thread; NO_MEMORY. Thread: main. */
enum status audit_start(const char *data_dir, uint64_t max_bytes,
                        struct problem *problem) must_check;
/* Writes all pending counts and closes. Does nothing if not started. Thread: main. */
void audit_stop(void);

#endif
