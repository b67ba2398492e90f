/* pg_watch.h: ends statements and transactions of people that take longer than vsoc.analyst_limits
 * allows: a login can disable its own statement_timeout. It has its own thread and connection, so
 * that it works while loads wait or run. */
#ifndef VSOC_STORAGE_PG_WATCH_H
#define VSOC_STORAGE_PG_WATCH_H

#include "core/status.h"

struct pg_watch;

/* Starts it for the database of dsn (copied). It connects and reconnects by itself. Statuses of
 * pg_connection_create; BUSY: no thread available. Thread: the first lane's. */
enum status pg_watch_start(const char *dsn, const char *instance, struct pg_watch **out) must_check;
/* Stops thread and connection, within a few seconds whatever the server does. NULL is allowed. */
void pg_watch_stop(struct pg_watch *w);

#endif
