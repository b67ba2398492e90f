/* app_sinks.c: creates the sinks that the settings enable. Main thread; runs none of them itself.
 */
#include "server/daemon/app_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"

/* From the deadline on: longer than the sinks wait for their client libraries. */
#define SINK_GIVE_UP (15 * NS_PER_S)

/* A lane has advanced: notifies the workers with waiting submissions. Thread: the sink's lane. */
static void on_advanced(void *arg, uint64_t position)
{
    struct app *app = app_cast(arg);
    (void)position;
    for (size_t i = 0; i < app->worker_count; i++)
        worker_sink_moved(app->workers[i]);
}

static enum status create_one(struct app *app, const struct sink_choice *choice)
{
    struct ack_sinks *sinks = &app->shared.sinks;
    struct sink_problem problem = {0};
    struct sink_limits limits = sink_limits_of(choice->sink, choice->settings);
    const struct sink_runner_options options = {
        .sink = choice->sink,
        .config =
            {
                .struct_size = sizeof(struct sink_config),
                .instance = app->instance,
                .spool_uid = app->spool_identity.spool_uid,
                .settings = choice->settings,
                .evidence_dir = app->evidence_dir,
            },
        .lanes = limits.lanes,
        .load_events = limits.load_events,
        .load_bytes = limits.load_bytes,
        .load_interval_ns = limits.load_interval_ns,
        .advanced = on_advanced,
        .advanced_arg = app,
        .misconfigured = app_on_misconfigured,
        .misconfigured_arg = app,
    };
    enum status s =
        sink_runner_create(&options, app->shared.spool, &sinks->runners[sinks->count], &problem);
    if (s != STATUS_OK) {
        log_error("sink could not be created", LOG_TEXT("sink", choice->sink->name),
                  LOG_TEXT("problem", problem.text), LOG_STATUS(s));
        return s;
    }
    sinks->count++;
    return STATUS_OK;
}

enum status app_sinks_load(struct app *app)
{
    thread_assert(THREAD_MAIN);
    char reason[SINK_SET_REASON];
    enum status s = sink_set_open(app->config, &app->sinks, reason);
    if (s != STATUS_OK)
        log_error("sinks can't be used", LOG_TEXT("problem", reason));
    app->sink_files = sink_set_files(&app->sinks);
    for (size_t i = 0; i < app->sinks.count; i++)
        if (app->sinks.items[i].file)
            log_info("sink plug-in loaded", LOG_TEXT("file", app->sinks.items[i].file),
                     LOG_TEXT("sink", app->sinks.items[i].sink->name),
                     LOG_TEXT("version", app->sinks.items[i].sink->version));
    return s;
}

enum status app_sinks_create(struct app *app)
{
    thread_assert(THREAD_MAIN);
    enum status status = STATUS_OK;
    spool_stats(app->shared.spool, &app->spool_identity);
    for (size_t i = 0; status == STATUS_OK && i < app->sinks.count; i++)
        if (sink_is_enabled(app->sinks.items[i].sink, app->sinks.items[i].settings))
            status = create_one(app, &app->sinks.items[i]);
    if (status == STATUS_OK)
        spool_cursors_settle(app->shared.spool);
    return status;
}

enum status app_sinks_start(struct app *app)
{
    thread_assert(THREAD_MAIN);
    for (size_t i = 0; i < app->shared.sinks.count; i++) {
        enum status s = sink_runner_start(app->shared.sinks.runners[i]);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

bool app_sinks_stop(struct app *app, int64_t deadline_ns)
{
    bool ended = true;
    for (size_t i = 0; i < app->shared.sinks.count; i++) /* in parallel */
        sink_runner_begin_stop(app->shared.sinks.runners[i], deadline_ns);
    for (size_t i = 0; i < app->shared.sinks.count; i++)
        ended &=
            sink_runner_stop(app->shared.sinks.runners[i], deadline_ns, deadline_ns + SINK_GIVE_UP);
    return ended;
}

void app_sinks_destroy(struct app *app)
{
    thread_assert(THREAD_MAIN);
    for (size_t i = 0; i < app->shared.sinks.count; i++)
        sink_runner_destroy(app->shared.sinks.runners[i]);
    app->shared.sinks.count = 0;
}

void app_sinks_unload(struct app *app)
{
    thread_assert(THREAD_MAIN);
    size_t plugins = app->sinks.plugin_count;
    sink_set_close(&app->sinks);
    if (plugins)
        log_info("sink plug-ins unloaded", LOG_U64("plugins", plugins));
}
