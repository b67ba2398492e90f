/* app_reload.c: SIGHUP: settings are read into a new object and swapped, or kept when they are
 * wrong. Main thread. */
#include "server/app_internal.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/metrics.h"

#define LOG_COMPONENT "app"
#include "core/log.h"
#include "storage/fault.h"

void app_log_problems(const struct config_problems *problems)
{
    size_t shown = problems->count < 32 ? problems->count : 32;
    for (size_t i = 0; i < shown; i++)
        log_error("setting is wrong", LOG_TEXT("source", problems->items[i].source),
                  LOG_U64("line", problems->items[i].line),
                  LOG_U64("column", problems->items[i].column),
                  LOG_TEXT("problem", problems->items[i].text));
}

void app_apply(struct app *app)
{
    const struct config *c = app->config;
    log_configure((enum log_level)c->log_level, (enum log_format)c->log_format);
    atomic_store(&app->budget.limit, c->limit_memory);
    quota_configure(app->quota, c->limit_sender_events_per_second, c->limit_sender_burst);
    metric_set(metric_series(METRIC_vsocd_config_last_reload_successful, ""), 1);
    metric_set(metric_series(METRIC_vsocd_config_last_reload_success_timestamp_seconds, ""),
               (double)clock_wall_ns() / (double)NS_PER_S);
}

static void keep_old(void)
{
    log_error("reload failed, the settings in force stay");
    metric_set(metric_series(METRIC_vsocd_config_last_reload_successful, ""), 0);
}

void app_reload_collect(struct app *app)
{
    unsigned oldest = app->generation;
    for (size_t i = 0; i < app->worker_count; i++) {
        unsigned g = worker_generation(app->workers[i]);
        oldest = g < oldest ? g : oldest;
    }
    for (struct retired_config **at = &app->retired; *at;) {
        struct retired_config *r = *at;
        if (r->generation >= oldest) {
            at = &r->next;
            continue;
        }
        *at = r->next;
        if (r->config != app->start_config)
            config_destroy(r->config);
        free(r);
    }
}

void app_reload(struct app *app)
{
    struct config *config = NULL;
    struct config_problems problems = {0};
    char reason[256];
    struct retired_config *old = calloc(1, sizeof *old);
    struct tls_context *tls = NULL;
    if (!old || config_load(app->source->path, app->source->sets, app->source->set_count, environ,
                            &config, &problems) != STATUS_OK) {
        app_log_problems(&problems);
        free(old);
        keep_old();
        return;
    }
    struct tls_settings settings = tls_settings_from_config(config);
    if (config->ingest_tls &&
        tls_context_create(&settings, &tls, reason, sizeof reason) != STATUS_OK) {
        log_error("TLS files can't be used", LOG_TEXT("problem", reason));
        config_destroy(config);
        free(old);
        keep_old();
        return;
    }
    const char *fixed = config_needs_restart(app->config, config);
    if (fixed)
        log_warn("a changed setting takes effect only after a restart", LOG_TEXT("key", fixed));
    fault_point(reload_read);
    *old = (struct retired_config){app->config, app->generation, app->retired};
    app->retired = old;
    app->config = config;
    app->generation++;
    if (tls) {
        tls_context_release(app->tls);
        app->tls = tls;
        tls_context_publish_expiry(tls);
    }
    app_apply(app);
    fault_point(reload_swapped);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_reload(app->workers[i], config, app->tls, app->generation);
    struct http_settings http = http_settings_from_config(config);
    http_server_reconfigure(app->admin, &http, NULL);
    fault_point(reload_sent);
    log_info("settings reloaded");
}
