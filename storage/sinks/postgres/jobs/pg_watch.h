/* pg_watch.h: ends statements and transactions of people that take longer than vsoc.analyst_limits
 * allows: a login can switch off its own statement_timeout. A thread and a connection of its own,
 * so that it goes on while loads wait or run. */
#ifndef VSOC_STORAGE_PG_WATCH_H
#define VSOC_STORAGE_PG_WATCH_H

#include "core/status.h"

struct pg_watch;

/* Starts it for the database of dsn (copied). It connects by itself, again and again. Statuses of
 * pg_connection_create, BUSY when the system has no thread. Thread: the first lane's. */
enum status pg_watch_start(const char *dsn, const char *instance, struct pg_watch **out) must_check;
/* Ends thread and connection, within a few seconds whatever the server does. NULL is fine. */
void pg_watch_stop(struct pg_watch *w);

#endif
