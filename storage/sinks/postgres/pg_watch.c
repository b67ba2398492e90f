/* pg_watch.c: asks the database every few seconds to end what takes too long (vsoc.end_overdue says
 * what that is) and logs what it ended. Runs on a thread of its own. Decides nothing itself. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/pg_watch.h"

#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "storage/sinks/postgres/client/pg_connection.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_WAIT_NS       (5 * NS_PER_S)
#define CONNECT_TIMEOUT_MS 2500u
#define CALL_TIMEOUT_MS    10000u

struct pg_watch {
    struct pg_connection *connection;
    struct thread thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    char sqlstate[6]; /* of the problem that was logged last */
    metric_t ended;
};

/* Time to the next look; false: stop. */
static bool wait_for_turn(struct pg_watch *w)
{
    int64_t end_ns = condition_end_ns(LOOK_WAIT_NS);
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && condition_wait(&w->changed, &w->lock, end_ns))
        ;
    bool go_on = !w->stopping;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void ended_row(void *arg, const char *const *cells)
{
    const struct pg_watch *w = arg;
    metric_add(w->ended, 1);
    log_warn("a session took longer than vsoc.analyst_limits allows",
             LOG_TEXT("login", cells[1] ? cells[1] : ""),
             LOG_TEXT("what", cells[2] ? cells[2] : ""), LOG_TEXT("done", cells[3] ? cells[3] : ""),
             LOG_TEXT("seconds", cells[4] ? cells[4] : ""),
             LOG_TEXT("pid", cells[0] ? cells[0] : ""));
}

/* The lanes report a server that is not there; what only concerns this is logged once a change. */
static void tell(struct pg_watch *w, enum status status, const struct pg_error *error)
{
    if (status == STATUS_OK) {
        w->sqlstate[0] = '\0';
        return;
    }
    bool known = status != STATUS_REFUSED || strcmp(w->sqlstate, error->sqlstate) == 0 ||
                 pg_error_classify(error->sqlstate) == PG_ERROR_LATER;
    if (known) {
        log_debug("overdue sessions could not be looked for", LOG_TEXT("error", error->text));
        return;
    }
    snprintf(w->sqlstate, sizeof w->sqlstate, "%s", error->sqlstate);
    log_warn("overdue sessions of analysts are not ended; `vsocd migrate` says what it needs",
             LOG_TEXT("error", error->text), LOG_TEXT("sqlstate", error->sqlstate));
}

static void look(struct pg_watch *w)
{
    struct pg_error error = {0};
    enum status status = pg_connection_open(w->connection, CONNECT_TIMEOUT_MS, &error);
    if (status != STATUS_OK) {
        log_debug("overdue sessions could not be looked for", LOG_TEXT("error", error.text));
        return;
    }
    status = pg_connection_query(w->connection,
                                 "SELECT pid, login, why, done, seconds FROM vsoc.end_overdue()",
                                 NULL, 0, ended_row, w, &error);
    tell(w, status, &error);
}

static void run(void *arg)
{
    thread_assert(THREAD_SINK);
    struct pg_watch *w = arg;
    while (wait_for_turn(w))
        look(w);
}

enum status pg_watch_start(const char *dsn, const char *instance, struct pg_watch **out)
{
    char application[64];
    struct pg_error error;
    struct pg_watch *w = calloc(1, sizeof *w);
    if (!w)
        return STATUS_NO_MEMORY;
    pthread_mutex_init(&w->lock, NULL);
    condition_init(&w->changed);
    w->ended = metric_series(METRIC_vsocd_pg_sessions_ended_total, "");
    snprintf(application, sizeof application, "vsocd watch %.40s", instance);
    enum status status = pg_connection_create(dsn, application, &w->connection, &error);
    if (status == STATUS_OK) {
        pg_connection_set_timeout(w->connection, CALL_TIMEOUT_MS);
        status = thread_start(&w->thread, THREAD_SINK, "pg watch", run, w);
    }
    if (status != STATUS_OK) {
        pg_watch_stop(w);
        return status;
    }
    *out = w;
    return STATUS_OK;
}

void pg_watch_stop(struct pg_watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (w->connection)
        pg_connection_interrupt(w->connection);
    thread_join(&w->thread);
    pg_connection_destroy(w->connection);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
