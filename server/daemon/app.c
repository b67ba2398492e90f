/* app.c: builds every part of the server, starts them in order, stops them in the reverse. Main
 * thread.
 *
 * Start: settings → keys → spool recovery → writer → sinks → workers → listen → ready. Stop: accept
 * no more → finish requests → last commit → sinks → close; a second signal ends the process at
 * once. Nothing acknowledged depends on an orderly stop. */
#include "server/daemon/app.h"
#include "core/log/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "server/config/config_mask.h"
#include "core/exit_status.h"
#include "server/files/data_folders.h"
#include "server/ingest/record_keys.h"
#include "server/net/file_budget.h"
#include "server/daemon/app_internal.h"
#include "server/plugins/sink_config.h"
#include "server/ingest/spool_config.h"
#include "server/files/trusted_file.h"
#include "core/disk/folder.h"

#define LOG_COMPONENT "app"
#include "core/log/log.h"
#include "core/disk/fault.h"
#include "core/wait/wake.h"

#define TICK_MS 50
/* Time for requests and sinks to finish after the spool has failed. */
#define FAILURE_DRAIN (2 * NS_PER_S)

static void on_reload_signal(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    app_reload(arg);
}

/* The spool can no longer be written. Thread: spool writer. */
static void on_spool_failure(void *arg)
{
    struct app *app = app_cast(arg);
    atomic_store(&app->shared.failed, true);
    wake_send(app->failure_fd);
}

void app_on_misconfigured(void *arg, const char *problem)
{
    thread_assert(THREAD_SINK);
    struct app *app = app_cast(arg);
    if (atomic_exchange(&app->misconfigured, true))
        return;
    log_error("a sink refuses its settings; the process stops", LOG_TEXT("problem", problem));
    wake_send(app->failure_fd);
}

static void on_failure(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = app_cast(arg);
    (void)fd;
    (void)what;
    event_del(app->on_failure);
    bool spool = atomic_load(&app->shared.failed);
    if (spool)
        log_error("the spool failed; acknowledged batches are safe, the process stops");
    app->exit_status = spool ? EXIT_DISK : EXIT_CONFIG;
    if (!app->stopping)
        app_stop_begin(app, clock_monotonic_ns() + FAILURE_DRAIN);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = app_cast(arg);
    (void)fd;
    (void)what;
    app_reload_collect(app);
    app_reload_changed(app);
    if (!app->ending)
        app_disk_watch(&app->disk, spool_disk_wait_ns(app->shared.spool), app->config->data_dir);
    if (!app->ending)
        spool_keys_needed(app->shared.spool, dedup_oldest(app->shared.dedup));
    app_stop_tick(app);
}

static bool add_event(struct event **event, struct event *made, const struct timeval *after)
{
    *event = made;
    return made && event_add(made, after) == 0;
}

static enum status make_loop(struct app *app)
{
    struct timeval tick = {0, TICK_MS * 1000};
    app->base = event_base_new();
    app->failure_fd = wake_open();
    if (!app->base || app->failure_fd < 0)
        return STATUS_BUSY;
    bool good =
        add_event(&app->on_term, evsignal_new(app->base, SIGTERM, app_on_stop_signal, app), NULL) &&
        add_event(&app->on_int, evsignal_new(app->base, SIGINT, app_on_stop_signal, app), NULL) &&
        add_event(&app->on_hup, evsignal_new(app->base, SIGHUP, on_reload_signal, app), NULL) &&
        add_event(&app->on_tick, event_new(app->base, -1, EV_PERSIST, on_tick, app), &tick) &&
        add_event(&app->on_failure, event_new(app->base, app->failure_fd, EV_READ, on_failure, app),
                  NULL);
    return good ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status load_plugins(struct app *app)
{
    char reason[PLUGINS_REASON];
    enum status s = plugins_open_configured(app->config, &app->plugins, reason);
    if (s != STATUS_OK)
        log_error("formats can't be used", LOG_TEXT("problem", reason));
    for (size_t i = 0; s == STATUS_OK && i < registry_count(app->plugins.registry); i++) {
        const struct parser *p = registry_at(app->plugins.registry, i);
        const char *file = plugins_file_of(&app->plugins, p);
        if (file)
            log_info("plug-in loaded", LOG_TEXT("file", file), LOG_TEXT("format", p->name),
                     LOG_TEXT("version", p->version));
    }
    return s;
}

/* The status for a file that belongs to the settings: a temporary fault is not an error of the
 * settings. */
static enum status settings_status(enum status s)
{
    return status_is_passing(s) ? s : STATUS_CONFIG;
}

static enum status load_parts(struct app *app)
{
    struct problem reason;
    app_reload_watch(app); /* before they are read, so that a concurrent change is detected */
    const struct config *c = app->config;
    enum status s = data_keys_missing(c->data_dir, c->privacy_keys_file, &reason);
    if (s == STATUS_OK)
        s = pseudonym_key_load(c->privacy_keys_file, &app->shared.key, &reason);
    if (s == STATUS_OK)
        s = record_keys_load(c->privacy_keys_file, &app->shared.seal, &reason);
    if (s != STATUS_OK) {
        log_error("pseudonym keys can't be used", LOG_TEXT("problem", reason.text));
        return settings_status(s);
    }
    repeat_keys_derive(&app->shared.key, &app->shared.repeat);
    s = load_plugins(app);
    if (s == STATUS_OK)
        s = app_sinks_load(app);
    if (s == STATUS_OK)
        s = app_load_catalog(app, app->config, &app->catalog);
    if (s != STATUS_OK)
        return s;
    catalog_set_log(app->catalog);
    app->quota = quota_create();
    app->shared.shares = memory_shares_create();
    app->counts = conn_counts_create();
    app->admin_counts = conn_counts_create();
    app->balance = balance_create();
    app->shared.dedup = dedup_create(app->config->dedup_max_batches, app->config->dedup_window);
    if (!app->quota || !app->shared.shares || !app->counts || !app->admin_counts || !app->balance ||
        !app->shared.dedup)
        return STATUS_NO_MEMORY;
    if (app->config->ingest_tls) {
        struct tls_settings settings = tls_settings_from_config(app->config);
        s = tls_context_create(&settings, &app->tls, &reason);
        if (s != STATUS_OK) {
            log_error("TLS files can't be used", LOG_TEXT("problem", reason.text));
            return settings_status(s);
        }
        tls_context_publish_expiry(app->tls);
    }
    app->shared.registry = app->plugins.registry;
    app->shared.budget = &app->budget;
    app->shared.shed.budget = &app->budget;
    app->shared.shed.shares = app->shared.shares;
    app->shared.quota = app->quota;
    return STATUS_OK;
}

/* Here, a file without access or a missing file is a fault of the disk. */
static enum status disk_status(enum status s)
{
    return s == STATUS_REFUSED || s == STATUS_NOT_FOUND || s == STATUS_EXISTS ||
                   s == STATUS_WRONG_TYPE
               ? STATUS_IO
               : s;
}

/* Converts the key of a record that an earlier build wrote to the one that its batch gets now. */
static void restore_key(void *arg, const struct batch_meta *meta)
{
    struct app *app = app_cast(arg);
    struct batch_meta keyed = *meta;
    if (!batch_is_events(meta))
        return;
    if (meta->version == 1)
        dedup_note_old(app->shared.dedup, meta->position);
    if (meta->key_is_plain)
        hmac_key_compute(&app->shared.repeat.batch, slice_make(meta->key, SHA256_BYTES), keyed.key);
    const struct batch_place place = {meta->position, meta->offset};
    dedup_restore(app->shared.dedup, keyed.key, &place, meta->ingested_ns);
}

static enum status open_spool(struct app *app)
{
    const struct config *c = app->config;
    char dir[SPOOL_CONFIG_DIR_BYTES];
    struct problem problem;
    if (folder_make(c->data_dir) != STATUS_OK) {
        log_error("data_dir can't be created", LOG_TEXT("dir", c->data_dir),
                  LOG_TEXT("problem", strerror(errno)));
        return STATUS_IO;
    }
    struct spool_options options = spool_options_from_config(c, dir);
    options.keys = &app->shared.seal;
    enum status s = spool_open(&options, restore_key, app, &app->shared.spool, &problem);
    if (s != STATUS_OK) {
        log_error("spool can't be opened", LOG_TEXT("dir", dir), LOG_TEXT("problem", problem.text),
                  LOG_STATUS(s));
        return disk_status(s);
    }
    spool_keys_needed(app->shared.spool, dedup_oldest(app->shared.dedup));
    spool_on_failure(app->shared.spool, on_spool_failure, app);
    s = app_holds_create(app);
    return disk_status(s);
}

static enum status bind_one(const char *what, const char *address, int *fd,
                            char bound[LISTENER_ADDRESS_BYTES])
{
    struct problem reason;
    enum status s = listener_bind(address, fd, bound, &reason);
    if (s == STATUS_OK)
        log_info("listening", LOG_TEXT("listener", what), LOG_TEXT("address", bound));
    else
        log_error("can't listen", LOG_TEXT("listener", what), LOG_TEXT("address", address),
                  LOG_TEXT("problem", reason.text));
    return s;
}

static enum status read_admin_token(struct app *app)
{
    const char *path = app->config->admin_token_file;
    struct writer text;
    if (!path)
        return STATUS_OK;
    struct problem reason = {"holds no token"};
    enum status s = trusted_file_read(path, TRUSTED_SECRET, &text, &reason);
    if (s == STATUS_OK) {
        struct slice token = slice_trim(writer_slice(&text));
        app->admin_token = token.size ? strndup((const char *)token.data, token.size) : NULL;
    }
    writer_fini(&text);
    if (app->admin_token)
        return STATUS_OK;
    log_error("listen.admin.token_file can't be used", LOG_TEXT("file", path),
              LOG_TEXT("problem", reason.text));
    return settings_status(s);
}

static enum status listen_admin(struct app *app)
{
    enum status s = read_admin_token(app);
    if (s == STATUS_OK)
        s = bind_one("admin", app->config->admin_address, &app->admin_fd, app->admin_bound);
    if (s != STATUS_OK)
        return s;
    struct http_server_options options = {
        .base = app->base,
        .listen_fd = app->admin_fd,
        .label = "admin",
        .settings = http_settings_for_admin(app->config, app->sink_files),
        .handler = {.on_headers = admin_on_headers,
                    .on_body = admin_on_body,
                    .on_end = admin_on_end,
                    .on_gone = admin_on_gone,
                    .arg = app},
        .counts = app->admin_counts,
    };
    s = app_audit_open_door(app);
    return s == STATUS_OK ? http_server_create(&options, &app->admin) : s;
}

static enum status create_workers(struct app *app)
{
    char bound[LISTENER_ADDRESS_BYTES];
    size_t count = file_budget_workers(app->config);
    enum status s = bind_one("ingest", app->config->ingest_address, &app->ingest_fd, bound);
    for (unsigned i = 0; s == STATUS_OK && i < count; i++) {
        struct worker_options options = {
            .number = i,
            .listen_fd = app->ingest_fd,
            .shared = &app->shared,
            .sink_files = app->sink_files,
            .config = app->config,
            .catalog = app->catalog->catalog,
            .tls = app->tls,
            .counts = app->counts,
            .balance = app->balance,
        };
        s = worker_create(&options, &app->workers[i]);
        if (s == STATUS_OK)
            app->worker_count++;
    }
    return s;
}

static enum status start_workers(struct app *app)
{
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < app->worker_count; i++)
        s = worker_start(app->workers[i]);
    return s;
}

static enum status start(struct app *app)
{
    enum status s = STATUS_OK;
#define STEP(name, call)                                                                           \
    if (s == STATUS_OK) {                                                                          \
        app->step = name;                                                                          \
        s = call;                                                                                  \
    }
    app_raise_file_limit();
    STEP("event loop", make_loop(app));
    STEP("keys, formats, catalogue and TLS files", load_parts(app));
    if (s == STATUS_OK) {
        app_check_file_limit(app);
        app_apply(app);
    }
    fault_point(start_parts_loaded);
    STEP("spool", open_spool(app));
    STEP("transparency tree", disk_status(app_evidence_open(app)));
    STEP("thread of the spool", spool_start(app->shared.spool));
    STEP("audit log", app_audit_start(app));
    STEP("forwarding of the audit log", app_audit_forward(app));
    STEP("thread of the transparency tree", app_evidence_start(app));
    STEP("thread for time authorities", app_remote_start(app));
    fault_point(start_spool_open);
    STEP("archive", app_archive_create(app));
    STEP("sinks", app_sinks_create(app));
    fault_point(start_sinks_made);
    STEP("ingest listener", create_workers(app));
    fault_point(start_workers_made);
    STEP("threads of the sinks", app_sinks_start(app));
    STEP("thread of the archive", app_archive_start(app));
    fault_point(start_sinks_started);
    STEP("threads of the workers", start_workers(app));
    fault_point(start_workers_started);
    app_metrics_init(app);
    STEP("admin listener", listen_admin(app));
    fault_point(start_done);
#undef STEP
    return s;
}

/* The loop that handled signals has ended: another signal must not replace the exit status. */
static void block_stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void free_parts(struct app *app)
{
    block_stop_signals();
    struct event *events[] = {app->on_term, app->on_int, app->on_hup, app->on_tick,
                              app->on_failure};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i])
            event_free(events[i]);
    if (app->base)
        event_base_free(app->base);
    int fds[] = {app->ingest_fd, app->admin_fd, app->failure_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    tls_context_release(app->tls);
    balance_destroy(app->balance);
    conn_counts_destroy(app->counts);
    conn_counts_destroy(app->admin_counts);
    dedup_destroy(app->shared.dedup);
    quota_destroy(app->quota);
    memory_shares_destroy(app->shared.shares);
    plugins_close(&app->plugins);
    app_sinks_unload(app);
    free(app->admin_token);
    app->generation = UINT32_MAX;
    app->worker_count = 0;
    app_reload_collect(app);
    catalog_set_destroy(app->catalog);
    if (app->config != app->start_config)
        config_destroy(app->config);
    config_destroy(app->start_config);
}

/* The line before it has the reason, unless memory, threads or descriptors ran out. */
static void log_start_failure(const struct app *app, enum status s)
{
    bool is_scarce = s == STATUS_NO_MEMORY || s == STATUS_BUSY;
    log_error(app->exit_status == EXIT_CONFIG
                  ? "start failed: correct the configuration, a restart alone does not help"
                  : "start failed: a restart may help",
              LOG_TEXT("step", app->step), LOG_I64("exit_status", app->exit_status),
              LOG_TEXT("reason", is_scarce ? status_text(s) : "see the error before this line"));
}

int app_run(struct config *config, const struct app_source *source)
{
    thread_assert(THREAD_MAIN);
    struct app *app = calloc(1, sizeof *app);
    if (!app) {
        config_destroy(config);
        log_error("start failed", LOG_STATUS(STATUS_NO_MEMORY));
        return EXIT_FAILED;
    }
    thread_set_role(THREAD_MAIN);
    app->config = app->start_config = config;
    app->magic = APP_MAGIC;
    app->source = source;
    app->ingest_fd = app->admin_fd = app->failure_fd = -1;
    log_configure((enum log_level)config->log_level, (enum log_format)config->log_format);
    sink_instance_name(app->config, app->instance, sizeof app->instance);
    log_info("vsocd starts", LOG_TEXT("version", VSOCD_VERSION),
             LOG_TEXT("instance", app->instance));
    enum status s = log_start();
    if (config_sets_show_dsn(source->sets, source->set_count))
        log_warn("a connection string given with --set is visible in the process list: put one "
                 "that holds a password into a file and name it in sinks.postgres.dsn_file");
    if (s == STATUS_OK)
        s = start(app);
    app->exit_status = app_exit_status(s);
    if (s == STATUS_OK) {
        app->ready = true;
        log_info("ready", LOG_U64("workers", app->worker_count),
                 LOG_U64("sinks", app->shared.sinks.count));
        event_base_dispatch(app->base);
    } else {
        log_start_failure(app, s);
    }
    app_stop(app);
    int exit_status = app->exit_status;
    log_info("stopped", LOG_I64("exit_status", exit_status));
    free_parts(app);
    object_end(&app->magic);
    free(app);
    log_stop();
    return exit_status;
}
