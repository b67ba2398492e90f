/* command_audit.h: the audit records of subcommands. Call one before the action takes effect; only
 * OK permits the action. Thread: main. */
#ifndef VSOC_SERVER_COMMAND_AUDIT_H
#define VSOC_SERVER_COMMAND_AUDIT_H

#include "core/log/problem.h"
#include "core/status.h"
#include "server/audit/audit_field.h"

struct config;

/* Records what the command is about to do with config's data_dir: through the running server, or,
 * if none runs, in the spool itself. Adds `actor` where the kind has it. OK: durable. Else nobody
 * may act, and *problem says why: UNAVAILABLE (the server can't be asked), REFUSED, NO_SPACE, IO, …
 * count: below AUDIT_FIELDS_MAX. */
enum status command_audit(const struct config *config, enum audit_kind kind,
                          const struct audit_field *fields, size_t count,
                          struct problem *problem) must_check;
/* The same where no server need ever have run: without a spool in data_dir there is no audit log
 * yet: OK without a record; *recorded tells. */
enum status command_audit_if_kept(const struct config *config, enum audit_kind kind,
                                  const struct audit_field *fields, size_t count, bool *recorded,
                                  struct problem *problem) must_check;
/* For commands that have only a directory (data_dir, or the spool in it) and no settings: through
 * the running server. If none runs: OK without a record, because the files are nobody's but their
 * reader's then; *recorded tells. */
enum status command_audit_live(const char *dir, enum audit_kind kind,
                               const struct audit_field *fields, size_t count, bool *recorded,
                               struct problem *problem) must_check;

#endif
