/* app_reload.c: SIGHUP, or a file of credentials that changed: settings are read into a new object
 * and swapped, or kept when they are wrong. Main thread. */
#include "server/daemon/config_check.h"
#include "server/daemon/app.h"
#include "core/log/problem.h"
#include "server/daemon/app_internal.h"
#include "server/ingest/dialects/hec_ack.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"
#include "core/disk/fault.h"

/* As many mistakes as are kept. */
#define PROBLEMS_SHOWN                                                                             \
    (sizeof((struct config_problems *)NULL)->items / sizeof(struct config_problem))

/* 500 ms: a change counts at the second poll that sees it. */
#define APP_WATCH_TICKS 10

void app_log_problems(const struct config_problems *problems)
{
    size_t shown = problems->count < PROBLEMS_SHOWN ? problems->count : PROBLEMS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct config_problem *p = &problems->items[i];
        if (p->line) /* 0: the problem has no place in the source */
            log_error("setting is wrong", LOG_TEXT("source", p->source), LOG_U64("line", p->line),
                      LOG_U64("column", p->column), LOG_TEXT("problem", p->text));
        else
            log_error("setting is wrong", LOG_TEXT("source", p->source),
                      LOG_TEXT("problem", p->text));
    }
}

enum status app_load_catalog(struct app *app, const struct config *config, struct catalog_set **out)
{
    thread_assert(THREAD_MAIN);
    struct config_problems problems;
    enum status s =
        catalog_set_load(&config->ingest_catalogs, app->plugins.registry, out, &problems);
    for (size_t i = 0; i < problems.count && i < PROBLEMS_SHOWN; i++)
        log_error("event catalogue is wrong", LOG_TEXT("file", problems.items[i].source),
                  LOG_U64("line", problems.items[i].line),
                  LOG_U64("column", problems.items[i].column),
                  LOG_TEXT("problem", problems.items[i].text));
    if (problems.count > PROBLEMS_SHOWN)
        log_error("event catalogues have more mistakes",
                  LOG_U64("count", problems.count - PROBLEMS_SHOWN));
    if (s != STATUS_OK && !problems.count)
        log_error("event catalogues can't be read", LOG_STATUS(s));
    return s;
}

void app_apply(struct app *app)
{
    thread_assert(THREAD_MAIN);
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
    log_error("reload failed; the old settings stay in force");
    metric_set(metric_series(METRIC_vsocd_config_last_reload_successful, ""), 0);
}

void app_reload_collect(struct app *app)
{
    thread_assert(THREAD_MAIN);
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
        catalog_set_destroy(r->catalog);
        if (r->config != app->start_config)
            config_destroy(r->config);
        free(r);
    }
}

/* The new objects of a reload, created before anything in force is changed. */
struct next {
    struct config *config;
    struct catalog_set *catalog;
    struct tls_context *tls;
    struct retired_config *old; /* room for the settings in force now */
};

static void forget(struct next *next)
{
    tls_context_release(next->tls);
    catalog_set_destroy(next->catalog);
    config_destroy(next->config);
    free(next->old);
}

static bool read_config(struct app *app, struct next *next)
{
    struct config_problems problems = {0};
    const struct app_source *source = app->source;
    if (config_load(source->path, source->sets, source->set_count, environ, &config_checks,
                    &next->config, &problems) == STATUS_OK)
        return true;
    app_log_problems(&problems);
    return false;
}

static bool read_tls(struct next *next)
{
    struct problem reason;
    struct tls_settings settings = tls_settings_from_config(next->config);
    if (!next->config->ingest_tls ||
        tls_context_create(&settings, &next->tls, &reason) == STATUS_OK)
        return true;
    log_error("TLS files can't be used", LOG_TEXT("problem", reason.text));
    return false;
}

/* Sinks and plug-ins stay those of the start, whatever the new settings are. */
static bool check_running(const struct app *app, const struct config *next)
{
    char reason[PLUGINS_REASON] = "hec.ack names a sink that runs only after a restart";
    ack_mask_t sinks;
    if (hec_ack_sinks(next, &app->shared.sinks, &sinks) == STATUS_OK &&
        plugins_check_formats(&app->plugins, &next->ingest_formats, reason) == STATUS_OK)
        return true;
    log_error("setting is wrong", LOG_TEXT("problem", reason));
    return false;
}

/* All of it or nothing. */
static bool read_next(struct app *app, struct next *next)
{
    *next = (struct next){.old = calloc(1, sizeof *next->old)};
    if (next->old && read_config(app, next) && check_running(app, next->config) && read_tls(next) &&
        app_load_catalog(app, next->config, &next->catalog) == STATUS_OK)
        return true;
    forget(next);
    return false;
}

static void put_in_force(struct app *app, const struct next *next)
{
    *next->old = (struct retired_config){app->config, app->catalog, app->generation, app->retired};
    app->retired = next->old;
    app->config = next->config;
    if (next->catalog)
        app->catalog = next->catalog;
    else
        next->old->catalog = NULL; /* it stays */
    app->generation++;
    if (!next->tls)
        return;
    tls_context_release(app->tls);
    app->tls = next->tls;
    tls_context_publish_expiry(next->tls);
}

void app_reload_watch(struct app *app)
{
    thread_assert(THREAD_MAIN);
    const struct config *c = app->config;
    bool senders = c->ingest_tls && c->tls_client_auth != CLIENT_AUTH_OFF;
    const char *const paths[] = {
        c->identity_tokens_file,
        c->identity_senders_file,
        c->ingest_tls ? c->tls_certificate : NULL,
        c->ingest_tls ? c->tls_key : NULL,
        senders ? c->tls_client_ca : NULL,
        senders ? c->tls_crl : NULL,
        senders ? c->tls_deny_list : NULL,
    };
    file_watch_set(&app->watch, paths, sizeof paths / sizeof *paths);
}

/* All workers switch to the new settings. */
static void tell_workers(struct app *app)
{
    for (size_t i = 0; i < app->worker_count; i++)
        worker_reload(app->workers[i], app->config, app->catalog->catalog, app->tls,
                      app->generation);
}

static bool read_changed(struct app *app, struct next *next)
{
    struct config_problems problems = {0};
    *next = (struct next){.old = calloc(1, sizeof *next->old)};
    if (next->old && config_renew(app->config, &next->config, &problems) == STATUS_OK &&
        read_tls(next))
        return true;
    app_log_problems(&problems);
    forget(next);
    return false;
}

void app_reload_changed(struct app *app)
{
    thread_assert(THREAD_MAIN);
    struct next next;
    if (app->stopping || ++app->ticks < APP_WATCH_TICKS)
        return;
    app->ticks = 0;
    const char *changed = file_watch_look(&app->watch);
    if (!changed)
        return;
    if (!read_changed(app, &next)) {
        log_error("a file has changed and can't be used; the old files stay in force",
                  LOG_TEXT("file", changed));
        app_audit_file(app, changed, "it can't be used: the log has the reason");
        metric_set(metric_series(METRIC_vsocd_config_last_reload_successful, ""), 0);
        return;
    }
    app_audit_file(app, changed, "");
    put_in_force(app, &next);
    metric_set(metric_series(METRIC_vsocd_config_last_reload_successful, ""), 1);
    metric_set(metric_series(METRIC_vsocd_config_last_reload_success_timestamp_seconds, ""),
               (double)clock_wall_ns() / (double)NS_PER_S);
    tell_workers(app);
    log_info("credentials and certificates reloaded: a file has changed",
             LOG_TEXT("file", changed));
}

void app_reload(struct app *app)
{
    thread_assert(THREAD_MAIN);
    struct next next;
    if (app->stopping) {
        log_warn("settings are not reloaded while the server stops");
        return;
    }
    file_watch_take(&app->watch); /* a change while they are read is detected at the next poll */
    if (!read_next(app, &next)) {
        (void)!app_audit_reload(app, NULL, "they are wrong: the log has the reason");
        keep_old();
        return;
    }
    if (!app_audit_reload(app, next.config, "")) {
        forget(&next);
        keep_old();
        return;
    }
    const char *fixed = config_needs_restart(app->config, next.config);
    if (fixed)
        log_warn("a changed setting takes effect only after a restart", LOG_TEXT("key", fixed));
    fault_point(reload_read);
    put_in_force(app, &next);
    app_apply(app);
    catalog_set_log(app->catalog);
    fault_point(reload_swapped);
    tell_workers(app);
    app_reload_watch(app);
    struct http_settings http = http_settings_for_admin(app->config, app->sink_files);
    http_server_reconfigure(app->admin, &http, NULL);
    fault_point(reload_sent);
    log_info("settings reloaded");
}
