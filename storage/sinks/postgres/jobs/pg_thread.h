/* pg_thread.h: a thread that works on the database in addition to the lanes, with its own
 * connection and waits that a stop interrupts. Embedded in its owner. */
#ifndef VSOC_STORAGE_PG_THREAD_H
#define VSOC_STORAGE_PG_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "core/thread.h"
#include "storage/sinks/postgres/client/pg_connection.h"

struct pg_thread {
    struct pg_connection *connection; /* the thread's; others only interrupt it */
    struct thread thread;
    pthread_mutex_t lock; /* a leaf */
    pthread_cond_t changed;
    bool stopping; /* under lock */
};

struct pg_thread_options {
    const char *dsn;         /* libpq connection string; copied */
    const char *application; /* name of the session in pg_stat_activity; copied */
    const char *name;        /* of the thread, at most 15 bytes */
    unsigned timeout_ms;     /* of one statement */
    void (*run)(void *arg);  /* returns soon after pg_thread_wait returned false */
    void *arg;
};

/* Starts a thread of role THREAD_JOBS. Statuses of pg_connection_create; BUSY: no thread available.
 * On failure there is nothing to stop. Thread: any. */
enum status pg_thread_start(struct pg_thread *t,
                            const struct pg_thread_options *options) must_check;
/* Ends the call in progress, waits for the thread's end and closes the connection: within a few
 * seconds whatever the server does. Thread: any other. */
void pg_thread_stop(struct pg_thread *t);

/* Connects when not connected, for 2.5 s at most, so that a stop need not wait longer. Statuses of
 * pg_connection_open. Thread: t's own. */
enum status pg_thread_connect(struct pg_thread *t, struct pg_error *error) must_check;
/* Waits until then (monotonic). False: end now. Thread: t's own. */
bool pg_thread_wait(struct pg_thread *t, int64_t until_ns);
/* True once a stop has begun. Thread: t's own. */
bool pg_thread_is_stopping(struct pg_thread *t);

#endif
