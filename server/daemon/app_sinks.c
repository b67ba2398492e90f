/* app_sinks.c: makes the sinks that the settings switch on. Main thread; runs none of them itself.
 */
#include "server/daemon/app_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "server/daemon/sink_config.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"

/* Encoded bytes of one load of sinks that have no such setting. */
#define LOAD_BYTES       ((uint64_t)8 << 20)
#define FILE_LOAD_EVENTS 10000
/* From the deadline on: longer than the sinks wait for their client libraries. */
#define SINK_GIVE_UP (15 * NS_PER_S)

/* A lane has moved: tell the workers that have someone waiting. Thread: the sink's lane. */
static void on_advanced(void *arg, uint64_t position)
{
    struct app *app = arg;
    (void)position;
    for (size_t i = 0; i < app->worker_count; i++)
        worker_sink_moved(app->workers[i]);
}

static enum status create_one(struct app *app, const char *name, struct sink_runner_options options)
{
    struct ack_sinks *sinks = &app->shared.sinks;
    struct sink_problem problem = {0};
    options.sink = sink_by_name(name);
    if (!options.sink) {
        log_error("this build has no such sink", LOG_TEXT("sink", name));
        return STATUS_CONFIG;
    }
    options.config = (struct sink_config){
        .struct_size = sizeof(struct sink_config),
        .instance = app->instance,
        .spool_uid = app->spool_identity.spool_uid,
        .settings = &app->sink_settings,
    };
    options.advanced = on_advanced;
    options.advanced_arg = app;
    options.misconfigured = app_on_misconfigured;
    options.misconfigured_arg = app;
    enum status s =
        sink_runner_create(&options, app->shared.spool, &sinks->runners[sinks->count], &problem);
    if (s != STATUS_OK) {
        log_error("sink could not be made", LOG_TEXT("sink", name),
                  LOG_TEXT("problem", problem.text), LOG_STATUS(s));
        return s;
    }
    sinks->count++;
    return STATUS_OK;
}

enum status app_sinks_create(struct app *app)
{
    const struct sink_settings *s = &app->sink_settings;
    enum status status = STATUS_OK;
    spool_stats(app->shared.spool, &app->spool_identity);
    sink_settings_from_config(app->config, app->kafka_properties, &app->sink_settings);
    if (s->kafka.enabled)
        status = create_one(
            app, "kafka",
            (struct sink_runner_options){.lanes = 1,
                                         .load_events = s->kafka.transaction_events,
                                         .load_bytes = s->kafka.transaction_bytes,
                                         .load_interval_ns = s->kafka.transaction_interval_ns});
    if (status == STATUS_OK && s->postgres.enabled)
        status = create_one(
            app, "postgres",
            (struct sink_runner_options){.lanes = s->postgres.connections,
                                         .load_events = s->postgres.batch_events,
                                         .load_bytes = LOAD_BYTES,
                                         .load_interval_ns = s->postgres.batch_interval_ns});
    if (status == STATUS_OK && s->file.enabled)
        status = create_one(app, "file",
                            (struct sink_runner_options){.lanes = 1,
                                                         .load_events = FILE_LOAD_EVENTS,
                                                         .load_bytes = LOAD_BYTES,
                                                         .load_interval_ns = 100 * NS_PER_MS});
    if (status == STATUS_OK)
        spool_cursors_settle(app->shared.spool);
    return status;
}

enum status app_sinks_start(struct app *app)
{
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
    for (size_t i = 0; i < app->shared.sinks.count; i++) /* side by side */
        sink_runner_begin_stop(app->shared.sinks.runners[i], deadline_ns);
    for (size_t i = 0; i < app->shared.sinks.count; i++)
        ended &=
            sink_runner_stop(app->shared.sinks.runners[i], deadline_ns, deadline_ns + SINK_GIVE_UP);
    return ended;
}

void app_sinks_destroy(struct app *app)
{
    for (size_t i = 0; i < app->shared.sinks.count; i++)
        sink_runner_destroy(app->shared.sinks.runners[i]);
    app->shared.sinks.count = 0;
}
