/* pg_thread.c: starts, pauses and stops a thread that works on the database in addition to the
 * lanes. Its waits run on that thread, start and stop on its owner's. Knows no statement. */
#include "storage/sinks/postgres/jobs/pg_thread.h"

#include "core/clock.h"
#include "core/wait/condition.h"

#define CONNECT_TIMEOUT_MS 2500u

static void fini(struct pg_thread *t)
{
    pg_connection_destroy(t->connection);
    t->connection = NULL;
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

enum status pg_thread_start(struct pg_thread *t, const struct pg_thread_options *options)
{
    struct pg_error error;
    *t = (struct pg_thread){0};
    pthread_mutex_init(&t->lock, NULL);
    condition_init(&t->changed);
    enum status status =
        pg_connection_create(options->dsn, options->application, &t->connection, &error);
    if (status == STATUS_OK) {
        pg_connection_set_timeout(t->connection, options->timeout_ms);
        status = thread_start(&t->thread, THREAD_JOBS, options->name, options->run, options->arg);
    }
    if (status != STATUS_OK)
        fini(t);
    return status;
}

void pg_thread_stop(struct pg_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    pg_connection_interrupt(t->connection);
    thread_join(&t->thread);
    fini(t);
}

enum status pg_thread_connect(struct pg_thread *t, struct pg_error *error)
{
    thread_assert(THREAD_JOBS);
    return pg_connection_open(t->connection, CONNECT_TIMEOUT_MS, error);
}

bool pg_thread_wait(struct pg_thread *t, int64_t until_ns)
{
    thread_assert(THREAD_JOBS);
    int64_t end_ns = condition_end_ns(until_ns - clock_monotonic_ns());
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && condition_wait(&t->changed, &t->lock, end_ns))
        ;
    bool go_on = !t->stopping;
    pthread_mutex_unlock(&t->lock);
    return go_on;
}

bool pg_thread_is_stopping(struct pg_thread *t)
{
    thread_assert(THREAD_JOBS);
    pthread_mutex_lock(&t->lock);
    bool stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}
