/* pg_watch.c: calls vsoc.end_overdue every few seconds, which ends statements and transactions that
 * take too long, and logs them. Runs on its own thread. Decides nothing itself. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/jobs/pg_watch.h"

#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "storage/sinks/postgres/jobs/pg_thread.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_WAIT_NS    (5 * NS_PER_S)
#define CALL_TIMEOUT_MS 10000u

#define PG_WATCH_MAGIC 0x50475741U

struct pg_watch {
    unsigned magic; /* PG_WATCH_MAGIC */
    struct pg_thread thread;
    char sqlstate[6]; /* of the problem that was logged last */
    metric_t ended;
};

OBJECT_CAST(pg_watch, PG_WATCH_MAGIC)

static void ended_row(void *arg, const char *const *cells)
{
    const struct pg_watch *w = pg_watch_cast(arg);
    metric_add(w->ended, 1);
    log_warn("a session took longer than vsoc.analyst_limits allows",
             LOG_TEXT("login", cells[1] ? cells[1] : ""),
             LOG_TEXT("what", cells[2] ? cells[2] : ""), LOG_TEXT("done", cells[3] ? cells[3] : ""),
             LOG_TEXT("seconds", cells[4] ? cells[4] : ""),
             LOG_TEXT("pid", cells[0] ? cells[0] : ""));
}

/* The lanes report an unavailable server; problems of this thread only are logged once per change.
 */
static void tell(struct pg_watch *w, enum status status, const struct pg_error *error)
{
    if (status == STATUS_OK) {
        w->sqlstate[0] = '\0';
        return;
    }
    bool known = status != STATUS_REFUSED || strcmp(w->sqlstate, error->sqlstate) == 0 ||
                 pg_error_classify(error->sqlstate) == PG_ERROR_LATER;
    if (known) {
        log_debug("could not search for overdue sessions", LOG_TEXT("error", error->text));
        return;
    }
    snprintf(w->sqlstate, sizeof w->sqlstate, "%s", error->sqlstate);
    log_warn("overdue sessions of analysts are not ended; run `vsocd migrate`, which reports what "
             "is missing",
             LOG_TEXT("error", error->text), LOG_TEXT("sqlstate", error->sqlstate));
}

static void look(struct pg_watch *w)
{
    struct pg_error error = {0};
    enum status status = pg_thread_connect(&w->thread, &error);
    if (status != STATUS_OK) {
        log_debug("could not search for overdue sessions", LOG_TEXT("error", error.text));
        return;
    }
    status = pg_connection_query(w->thread.connection,
                                 "SELECT pid, login, why, done, seconds FROM vsoc.end_overdue()",
                                 NULL, 0, ended_row, w, &error);
    tell(w, status, &error);
}

static void run(void *arg)
{
    thread_assert(THREAD_JOBS);
    struct pg_watch *w = pg_watch_cast(arg);
    while (pg_thread_wait(&w->thread, clock_monotonic_ns() + LOOK_WAIT_NS))
        look(w);
}

enum status pg_watch_start(const char *dsn, const char *instance, struct pg_watch **out)
{
    char application[64];
    struct pg_watch *w = calloc(1, sizeof *w);
    if (!w)
        return STATUS_NO_MEMORY;
    w->ended = metric_series(METRIC_vsocd_pg_sessions_ended_total, "");
    w->magic = PG_WATCH_MAGIC;
    snprintf(application, sizeof application, "vsocd watch %.40s", instance);
    struct pg_thread_options options = {.dsn = dsn,
                                        .application = application,
                                        .name = "pg watch",
                                        .timeout_ms = CALL_TIMEOUT_MS,
                                        .run = run,
                                        .arg = w};
    enum status status = pg_thread_start(&w->thread, &options);
    if (status != STATUS_OK) {
        free(w);
        return status;
    }
    *out = w;
    return STATUS_OK;
}

void pg_watch_stop(struct pg_watch *w)
{
    if (!w)
        return;
    pg_thread_stop(&w->thread);
    object_end(&w->magic);
    free(w);
}
