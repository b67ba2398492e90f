/* pg_dsn_flaw.h: explains what is wrong with a connection string without showing any part that
 * could be a password. Thread: any. */
#ifndef VSOC_STORAGE_PG_DSN_FLAW_H
#define VSOC_STORAGE_PG_DSN_FLAW_H

#include "core/log/problem.h"
#include <stdbool.h>
#include <stddef.h>

/* True if libpq would interpret the string differently from what its author means: a part of the
 * password as host, port or database, which its messages then show. problem gets a sentence. Call
 * before libpq reads it. */
bool pg_dsn_is_misread(const char *dsn, struct problem *problem);
/* A sentence about a string that libpq can't read. Its own message quotes the string. */
void pg_dsn_tell_unreadable(const char *dsn, struct problem *problem);
/* True when one value of a parameter that was read shows that the string was misread. */
bool pg_dsn_value_is_misread(const char *keyword, const char *value, struct problem *problem);

#endif
