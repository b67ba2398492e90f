/* pg_jobs.c: the jobs thread: waits until a job is due, takes its lock, runs it step by step, and
 * reports the result. Does not know what a job does (pg_housekeeping.c).
 *
 * The lock of a job is its row of vsoc.jobs, locked FOR UPDATE by the transaction of each step.
 * Only vsoc_ingest and the owner have the right that takes, so no analyst can stop a job. An
 * advisory lock is not sufficient: unless a superuser has migrated, every login may take any
 * number, and pg_locks shows a secret number to everybody as soon as it is held. The server
 * releases the row when the connection ends, however it ends. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/jobs/pg_jobs.h"

#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "storage/sinks/postgres/jobs/pg_thread.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP_TIMEOUT_MS 60000u /* a stuck step delays the other jobs by at most this */
#define RECONNECT_NS    (5 * NS_PER_S)

static const struct pg_job *const all_jobs[] = {&pg_job_partitions, &pg_job_batch_keys,
                                                &pg_job_heads, &pg_job_holds};
#define JOB_COUNT (sizeof all_jobs / sizeof *all_jobs)

struct turn {
    const struct pg_job *job;
    int64_t due_ns; /* monotonic */
    unsigned step;  /* of the run in progress */
    bool failing;
    char sqlstate[6]; /* of the failure that was logged last */
    metric_t succeeded, failures;
};

#define PG_JOBS_MAGIC 0x50474a4fU

struct pg_jobs {
    unsigned magic; /* PG_JOBS_MAGIC */
    struct pg_thread thread;
    char *instance, *evidence_dir;
    struct pg_job_settings settings;
    struct turn turns[JOB_COUNT];
};

OBJECT_CAST(pg_jobs, PG_JOBS_MAGIC)

static void locked_row(void *arg, const char *const *cells)
{
    (void)cells;
    *(bool *)arg = true;
}

/* Begins the transaction of a step. BUSY: another server runs the job. */
static enum status lock_job(struct pg_connection *c, const struct pg_job *job,
                            struct pg_error *error)
{
    struct pg_param name = {slice_from_text(job->name), 0};
    bool locked = false;
    /* Outside the transaction, so that nobody waits for a new row. */
    enum status status =
        pg_connection_query(c, "INSERT INTO vsoc.jobs (name) VALUES ($1) ON CONFLICT DO NOTHING",
                            &name, 1, NULL, NULL, error);
    if (status == STATUS_OK)
        status = pg_connection_run(c, "BEGIN", error);
    if (status == STATUS_OK)
        status = pg_connection_query(
            c, "SELECT name FROM vsoc.jobs WHERE name = $1 FOR UPDATE SKIP LOCKED", &name, 1,
            locked_row, &locked, error);
    return status == STATUS_OK && !locked ? STATUS_BUSY : status;
}

static enum status record(const struct pg_jobs *j, const struct pg_job *job, struct pg_error *error)
{
    struct pg_param params[] = {{slice_from_text(job->name), 0}, {slice_from_text(j->instance), 0}};
    return pg_connection_query(j->thread.connection,
                               "UPDATE vsoc.jobs SET instance = $2, "
                               "time_done = clock_timestamp() WHERE name = $1",
                               params, 2, NULL, NULL, error);
}

static enum status run_step(struct pg_jobs *j, struct turn *turn, bool *more,
                            struct pg_error *error)
{
    struct pg_connection *c = j->thread.connection;
    enum status status = lock_job(c, turn->job, error);
    if (status == STATUS_OK)
        status = turn->job->step(c, &j->settings, turn->step, more, error);
    if (status == STATUS_OK && !*more)
        status = record(j, turn->job, error);
    if (status == STATUS_OK)
        return pg_connection_commit(c, error);
    if (pg_connection_is_open(c))
        pg_connection_rollback(c);
    return status;
}

static void succeed(struct turn *turn)
{
    metric_set(turn->succeeded, (double)(clock_wall_ns() / NS_PER_S));
    if (turn->failing)
        log_info("a job of the database succeeds again", LOG_TEXT("job", turn->job->name));
    turn->failing = false;
    turn->sqlstate[0] = '\0';
}

/* Log a new reason once, not each attempt. */
static void fail(struct turn *turn, enum status status, const struct pg_error *error)
{
    bool has_text = status == STATUS_REFUSED || status == STATUS_UNAVAILABLE;
    const char *reason = has_text ? error->text : status_text(status);
    bool repeats = turn->failing && strcmp(turn->sqlstate, error->sqlstate) == 0;
    metric_add(turn->failures, 1);
    turn->failing = true;
    snprintf(turn->sqlstate, sizeof turn->sqlstate, "%s", error->sqlstate);
    if (repeats) {
        log_debug("a job of the database failed again", LOG_TEXT("job", turn->job->name),
                  LOG_TEXT("error", reason));
        return;
    }
    const char *advice = pg_error_advice(error->sqlstate);
    log_warn("a job of the database failed; loading continues and the job is retried; if it keeps "
             "failing, fix the error or run the statement by hand",
             LOG_TEXT("job", turn->job->name), LOG_TEXT("error", reason),
             LOG_TEXT("sqlstate", error->sqlstate), LOG_TEXT("advice", advice ? advice : ""),
             LOG_TEXT("statement", turn->job->by_hand));
}

static void take_turn(struct pg_jobs *j, struct turn *turn)
{
    struct pg_error error = {0};
    bool more = false;
    enum status status = run_step(j, turn, &more, &error);
    int64_t wait_ns = turn->job->retry_ns;
    if (status == STATUS_OK && more) {
        turn->step++;
        turn->due_ns = clock_monotonic_ns();
        return;
    }
    turn->step = 0;
    if (status == STATUS_UNAVAILABLE && pg_thread_is_stopping(&j->thread))
        return; /* interrupted: not a failure */
    if (status == STATUS_OK) {
        succeed(turn);
        wait_ns = turn->job->period_ns;
    } else if (status == STATUS_BUSY) {
        log_debug("another server runs this job", LOG_TEXT("job", turn->job->name));
    } else {
        fail(turn, status, &error);
        wait_ns = status == STATUS_UNAVAILABLE ? RECONNECT_NS : wait_ns;
    }
    turn->due_ns = clock_monotonic_ns() + wait_ns;
}

static struct turn *next_turn(struct pg_jobs *j)
{
    struct turn *next = j->turns;
    for (struct turn *turn = j->turns + 1; turn < j->turns + JOB_COUNT; turn++)
        if (turn->due_ns < next->due_ns)
            next = turn;
    return next;
}

static void run(void *arg)
{
    thread_assert(THREAD_JOBS);
    struct pg_jobs *j = pg_jobs_cast(arg);
    struct turn *turn = next_turn(j);
    int64_t not_before_ns = 0;
    while (
        pg_thread_wait(&j->thread, turn->due_ns > not_before_ns ? turn->due_ns : not_before_ns)) {
        struct pg_error error;
        if (pg_thread_connect(&j->thread, &error) == STATUS_OK) {
            take_turn(j, turn);
            turn = next_turn(j);
        } else { /* the lanes report a server that is unavailable */
            log_debug("the jobs of the database wait for a connection",
                      LOG_TEXT("error", error.text));
            not_before_ns = clock_monotonic_ns() + RECONNECT_NS;
        }
    }
}

static void destroy(struct pg_jobs *j)
{
    object_end(&j->magic);
    free(j->instance);
    free(j->evidence_dir);
    free(j);
}

enum status pg_jobs_start(const char *dsn, const char *instance,
                          const struct pg_job_settings *settings, struct pg_jobs **out)
{
    char application[64], label[64];
    struct pg_jobs *j = calloc(1, sizeof *j);
    if (!j)
        return STATUS_NO_MEMORY;
    j->settings = *settings;
    j->magic = PG_JOBS_MAGIC;
    j->settings.instance = j->instance = strdup(instance);
    if (settings->evidence_dir)
        j->settings.evidence_dir = j->evidence_dir = strdup(settings->evidence_dir);
    for (size_t i = 0; i < JOB_COUNT; i++) {
        struct turn *turn = &j->turns[i];
        turn->job = all_jobs[i];
        snprintf(label, sizeof label, "job=\"%s\"", turn->job->name);
        turn->succeeded = metric_series(METRIC_vsocd_pg_job_success_timestamp_seconds, label);
        turn->failures = metric_series(METRIC_vsocd_pg_job_failures_total, label);
    }
    snprintf(application, sizeof application, "vsocd jobs %.40s", instance);
    struct pg_thread_options options = {.dsn = dsn,
                                        .application = application,
                                        .name = "pg jobs",
                                        .timeout_ms = STEP_TIMEOUT_MS,
                                        .run = run,
                                        .arg = j};
    bool copied = j->instance && (!settings->evidence_dir || j->evidence_dir);
    enum status status = copied ? pg_thread_start(&j->thread, &options) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        destroy(j);
        return status;
    }
    *out = j;
    return STATUS_OK;
}

void pg_jobs_stop(struct pg_jobs *j)
{
    if (!j)
        return;
    pg_thread_stop(&j->thread);
    destroy(j);
}
