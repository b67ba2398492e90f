/* app_internal.h: the parts of a running server. Private to app*.c and admin.c. Owner: the main
 * thread. */
#ifndef VSOC_SERVER_APP_INTERNAL_H
#define VSOC_SERVER_APP_INTERNAL_H

#include "core/object.h"
#include "core/wait/mailbox.h"
#include "server/audit/audit_door.h"
#include "server/daemon/app_disk.h"
#include "server/daemon/catalog_set.h"
#include "server/config/config.h"
#include "server/files/file_watch.h"
#include "server/plugins/plugins.h"
#include "server/plugins/sink_set.h"
#include "server/daemon/worker.h"
#include "storage/evidence/archive/archiver.h"
#include "storage/evidence/holds/hold_guard.h"
#include "server/net/listener.h"

#define APP_WORKERS_MAX 64

struct app_source;
struct evidence;
struct remote;
struct witnesses;
struct time_job;

/* Settings and a catalogue that workers may still use. */
struct retired_config {
    struct config *config;
    struct catalog_set *catalog;
    unsigned generation; /* can be freed when all workers are past it */
    struct retired_config *next;
};

#define APP_MAGIC 0x56415050U

struct app {
    unsigned magic;              /* APP_MAGIC */
    struct config *config;       /* in force */
    struct config *start_config; /* the first one: sinks keep pointing into it */
    const struct app_source *source;
    struct event_base *base;
    char instance[128];

    struct plugins plugins;
    struct catalog_set *catalog; /* in force */
    struct memory_budget budget;
    struct quota *quota;
    struct ingest_shared shared;
    struct app_disk disk;
    struct sink_set sinks;
    uint64_t sink_files; /* open files that they need */
    struct spool_stats spool_identity;
    struct evidence *evidence;
    struct remote *remote;
    struct witnesses *witnesses; /* NULL: evidence.witnesses is empty */
    struct time_job *time_job;

    struct archiver *archiver; /* NULL: there is no archive */
    struct hold_guard *holds;
    char spool_dir[4200], evidence_dir[4200]; /* below data_dir */

    struct conn_counts *counts, *admin_counts;
    struct balance *balance; /* connections of the workers */
    struct tls_context *tls;
    int ingest_fd, admin_fd;
    struct http_server *admin;
    char *admin_token; /* NULL: none needed */
    char admin_bound[LISTENER_ADDRESS_BYTES];
    struct audit_door door;
    struct mailbox audit_box; /* records that commands have posted come back here */
    bool has_audit_box;
    struct event *on_audit;
    struct forward *forward; /* NULL: none is set */
    struct worker *workers[APP_WORKERS_MAX];
    size_t worker_count;

    struct file_watch watch;
    unsigned ticks; /* since the files were last polled */
    unsigned generation;
    struct retired_config *retired;
    struct event *on_term, *on_int, *on_hup, *on_tick, *on_failure;
    int failure_fd;
    atomic_bool misconfigured; /* what failed is a sink's settings, not the spool */
    bool ready, stopping;
    bool ending;         /* requests are over, the threads are being stopped */
    struct thread ender; /* does that */
    atomic_bool parts_ended;
    bool sinks_ended; /* valid when parts_ended */
    const char *step; /* of the start, for the message when it fails */
    int64_t drain_deadline_ns;
    int exit_status;
};

OBJECT_CAST(app, APP_MAGIC)

/* A sink refuses its settings: the process ends with status 78. Thread: a sink's lane. */
void app_on_misconfigured(void *app, const char *problem);

/* app_files.c: raises the limit of open files to the maximum of this process: the soft limit is
 * often 1024. */
void app_raise_file_limit(void);
/* Warns if the limit is lower than settings and sinks need. */
void app_check_file_limit(const struct app *app);

/* app_sinks.c: determines the available sinks. CONFIG with a logged reason. */
enum status app_sinks_load(struct app *app) must_check;
/* Creates the runners of the enabled sinks. CONFIG with a logged reason. */
enum status app_sinks_create(struct app *app) must_check;
enum status app_sinks_start(struct app *app) must_check;
/* False: one did not stop and still runs. */
bool app_sinks_stop(struct app *app, int64_t deadline_ns) must_check;
void app_sinks_destroy(struct app *app);
/* Unloads the plug-ins: no sink has a lane any more. */
void app_sinks_unload(struct app *app);

/* app_evidence.c: opens the tree and makes its signer: between opening and starting the spool.
 * CONFIG, IO, … with a logged reason. */
enum status app_evidence_open(struct app *app) must_check;
enum status app_evidence_start(struct app *app) must_check;
/* Signs what came last; the spool has stopped. Thread: any. */
void app_evidence_stop(struct app *app);
void app_evidence_close(struct app *app);

/* app_remote.c: the thread that asks others about heads: after that of the tree. CONFIG with a
 * logged reason. */
enum status app_remote_start(struct app *app) must_check;
/* Thread: any. */
void app_remote_stop(struct app *app);
void app_remote_destroy(struct app *app);
/* A line a witness. */
void app_remote_describe(struct app *app, struct writer *w);

/* app_stop.c: the exit status after a start with this status. */
int app_exit_status(enum status status);
/* Stops accepting, finishes requests, then stops the threads. */
void app_stop_begin(struct app *app, int64_t deadline_ns);
/* SIGTERM and SIGINT; arg is the app. */
void app_on_stop_signal(int number, short what, void *arg);
/* Called periodically from the loop: continues the stop, and ends the loop when everything has
 * stopped. */
void app_stop_tick(struct app *app);
/* After the loop, or if the start failed: stops what still runs and frees sinks, workers, spool. */
void app_stop(struct app *app);

/* app_reload.c: reads the settings again; keeps the old ones when they are wrong. */
void app_reload(struct app *app);
/* Reloads the files of credentials, certificates and lists if one of them has changed, and keeps
 * the settings; called periodically. */
void app_reload_changed(struct app *app);
/* Watches the files that the settings in force name. */
void app_reload_watch(struct app *app);
/* Frees settings that no worker uses any more. */
void app_reload_collect(struct app *app);
/* Applies shared settings: log, quota, memory limit. */
void app_apply(struct app *app);
/* The catalogue that the settings name; CONFIG with every mistake in the log. */
enum status app_load_catalog(struct app *app, const struct config *config,
                             struct catalog_set **out) must_check;
void app_log_problems(const struct config_problems *problems);

/* app_archive.c: the archive that the settings name, if any. */
/* Before the sinks: its cursor must be open when the others are settled. */
enum status app_archive_create(struct app *app) must_check;
enum status app_archive_start(struct app *app) must_check;
/* Legal holds; before the spool starts. */
enum status app_holds_create(struct app *app) must_check;
/* Lines for /readyz?verbose. */
void app_archive_describe(struct app *app, struct writer *w);

/* app_metrics.c: gauges, refreshed on scrape. */
void app_metrics_init(struct app *app);

/* admin.c: probes and metrics on the admin listener. */
void admin_on_headers(void *app, struct http_exchange *exchange);
void admin_on_body(void *app, struct http_exchange *exchange, struct slice span);
void admin_on_end(void *app, struct http_exchange *exchange);
void admin_on_gone(void *app, struct http_exchange *exchange);
/* admin_audit.c: takes a record of a command. */
void admin_audit_begin(struct app *app, struct http_exchange *exchange);
/* Answers the commands whose records have come back. */
void app_audit_collect(struct app *app);

/* app_audit.c: starts the audit log, and the way for commands to it. */
enum status app_audit_start(struct app *app) must_check;
/* Starts to forward it, if audit.forward.url is set. */
enum status app_audit_forward(struct app *app) must_check;
/* After the admin listener is bound. */
enum status app_audit_open_door(struct app *app) must_check;
/* Before the spool stops: records the stop. Thread: the one that stops the parts. */
void app_audit_stop(struct app *app);
/* After the admin listener is closed and the spool has stopped. */
void app_audit_end(struct app *app);
/* Records the reload of settings, or why there was none (next NULL), as it takes effect. False:
 * the audit log takes no record, so it must not. */
bool app_audit_reload(struct app *app, const struct config *next, const char *reason) must_check;
/* Records that a file of credentials has changed and is used from now on; reason not "": it can't
 * be. */
void app_audit_file(struct app *app, const char *file, const char *reason);

/* admin_catalog.c: the page of ids without a row. */
void admin_unknown_ids(struct app *app, struct http_exchange *exchange);
/* admin_evidence.c: signed heads and tiles of the tree. */
void admin_checkpoint(struct app *app, struct http_exchange *exchange);
void admin_heads(struct app *app, struct http_exchange *exchange);
#define ADMIN_TILES "/evidence/tile/"
void admin_tile(struct app *app, struct http_exchange *exchange);
/* How the tree is, as lines of text. */
void admin_describe_evidence(struct app *app, struct writer *w);

#endif
