/* pg_dsn.h: splits a libpq connection string into one attempt per host, so that each host can have
 * its own deadline (libpq's polling calls have none). Thread: one owner. */
#ifndef VSOC_STORAGE_PG_DSN_H
#define VSOC_STORAGE_PG_DSN_H

#include "core/log/problem.h"
#include <stddef.h>

#include "core/status.h"

struct pg_dsn;

/* Parses the string (keywords or URI). CONFIG with a reason in problem, which contains nothing of
 * the string that could be secret; NO_MEMORY. */
enum status pg_dsn_parse(const char *dsn, const char *application, struct pg_dsn **out,
                         struct problem *problem) must_check;
void pg_dsn_destroy(struct pg_dsn *d);
/* Hosts to try, at least 1. */
size_t pg_dsn_hosts(const struct pg_dsn *d);
/* Keywords and values for PQconnectStartParams that reach host number i; NULL-terminated, valid
 * until the next call. Adds parameters that the string does not set: keepalives, tcp_user_timeout,
 * client_encoding, application name, and target_session_attrs=read-write with several hosts. */
void pg_dsn_attempt(struct pg_dsn *d, size_t i, const char *const **keywords,
                    const char *const **values);

#endif
