/* app_stop.c: stops a running server: signals, drain, then the parts one after the other. Main
 * thread, whose loop answers probes until the very end: code that waits for other threads runs in a
 * thread of its own. Nothing acknowledged depends on an orderly stop. */
#include "server/daemon/app_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/clock.h"
#include "core/exit_status.h"
#include "server/forward/forward.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"
#include "core/disk/fault.h"

void app_stop_begin(struct app *app, int64_t deadline_ns)
{
    thread_assert(THREAD_MAIN);
    ensure(!app->stopping);
    app->stopping = true;
    app->drain_deadline_ns = deadline_ns;
    atomic_store(&app->shared.draining, true);
    /* The workers have duplicates, and close them when they have served the queued connections. If
     * this one stayed open, the kernel would queue connections that nobody accepts. */
    if (app->ingest_fd >= 0)
        close(app->ingest_fd);
    app->ingest_fd = -1;
    for (size_t i = 0; i < app->worker_count; i++)
        worker_drain(app->workers[i]);
    fault_point(stop_begun);
}

/* Ends the process immediately; by the signal itself if requests are over. */
static void stop_now(struct app *app, int number)
{
    log_warn("second signal, stopping now", LOG_I64("signal", number));
    log_flush();
    if (!app->ending)
        _exit(EXIT_FAILED);
    event_del(number == SIGINT ? app->on_int : app->on_term);
    (void)raise(number);
}

void app_on_stop_signal(evutil_socket_t number, short what, void *arg)
{
    struct app *app = app_cast(arg);
    (void)what;
    if (app->stopping) {
        if (app->exit_status == EXIT_DONE ||
            !app->ending) /* otherwise the failure's status counts */
            stop_now(app, (int)number);
        return;
    }
    log_info("stopping: finishing requests and sinks", LOG_I64("signal", number),
             LOG_I64("deadline_ms", app->config->timeout_drain / NS_PER_MS));
    app_stop_begin(app, clock_monotonic_ns() + app->config->timeout_drain);
}

/* Stops all parts with threads; any part may be missing. Runs beside the main loop, or on the main
 * thread if there is no loop. */
static void end_parts(void *arg)
{
    struct app *app = app_cast(arg);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_stop(app->workers[i]);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_join(app->workers[i]);
    fault_point(stop_workers_joined);
    app_audit_stop(app);
    if (app->shared.spool)
        spool_stop(app->shared.spool);
    app_remote_stop(app);
    app_evidence_stop(app);
    fault_point(stop_spool_stopped);
    if (app->holds)
        hold_guard_stop(app->holds);
    if (app->archiver)
        archiver_stop(app->archiver);
    if (!app->stopping) /* the start failed: sinks deliver nothing more, but get time to stop */
        app->drain_deadline_ns = clock_monotonic_ns();
    forward_stop(app->forward, app->drain_deadline_ns);
    app->forward = NULL;
    app->sinks_ended = app_sinks_stop(app, app->drain_deadline_ns);
    fault_point(stop_sinks_stopped);
    atomic_store(&app->parts_ended, true);
}

static bool is_drained(const struct app *app)
{
    for (size_t i = 0; i < app->worker_count; i++)
        if (!worker_is_drained(app->workers[i]))
            return false;
    return true;
}

void app_stop_tick(struct app *app)
{
    thread_assert(THREAD_MAIN);
    if (!app->stopping)
        return;
    if (atomic_load(&app->parts_ended)) {
        event_base_loopbreak(app->base);
    } else if (!app->ending &&
               (is_drained(app) || clock_monotonic_ns() >= app->drain_deadline_ns)) {
        fault_point(stop_drained);
        app->ending = true;
        if (thread_start(&app->ender, THREAD_NONE, "vsoc-end", end_parts, app) != STATUS_OK)
            event_base_loopbreak(app->base); /* app_stop completes it, without answering probes */
    }
}

int app_exit_status(enum status s)
{
    switch (s) {
    case STATUS_OK:
        return EXIT_DONE;
    case STATUS_CONFIG:
        return EXIT_CONFIG;
    case STATUS_IO:
    case STATUS_NO_SPACE:
    case STATUS_CORRUPT:
    case STATUS_LOCKED:
    case STATUS_VERSION:
        return EXIT_DISK;
    case STATUS_UNAVAILABLE:
        return EXIT_UNAVAILABLE;
    default:
        return EXIT_FAILED;
    }
}

void app_stop(struct app *app)
{
    thread_assert(THREAD_MAIN);
    if (app->ender.started)
        thread_join(&app->ender);
    else
        end_parts(app);
    http_server_destroy(app->admin);
    app_audit_end(app);
    if (!app->sinks_ended) {
        log_error("the process exits although its sinks have not stopped; the spool has the "
                  "batches that they miss, and the next start delivers them");
        log_flush();
        _exit(EXIT_FAILED);
    }
    archiver_destroy(app->archiver);
    hold_guard_destroy(app->holds);
    app_sinks_destroy(app);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_destroy(app->workers[i]);
    app_remote_destroy(app);
    app_evidence_close(app);
    if (app->shared.spool)
        spool_close(app->shared.spool);
    fault_point(stop_spool_closed);
}
