/* admin.c: probes, metrics and version on the admin listener. Main thread's loop. */
#include "server/daemon/app_internal.h"

#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/reasons/refusal.h"

/* A loop that has not turned for this long is stuck. */
#define HEARTBEAT_LIMIT (10 * NS_PER_S)
#define BODY_LIMIT      ((size_t)16 << 20)

static void reply_writer(struct http_exchange *x, int code, const char *type, struct writer *w,
                         const char *route)
{
    http_reply(x, code, type, writer_slice(w), NULL, 0, route);
}

static void livez(struct app *app, struct http_exchange *x)
{
    int64_t now = clock_monotonic_ns();
    /* Workers that have ended no longer turn. */
    for (size_t i = 0; i < app->worker_count && !app->ending; i++)
        if (now - worker_heartbeat_ns(app->workers[i]) > HEARTBEAT_LIMIT) {
            http_reply(x, 503, "text/plain", SLICE_LITERAL("a worker's loop is stuck\n"), NULL, 0,
                       "/livez");
            return;
        }
    http_reply(x, 200, "text/plain", SLICE_LITERAL("ok\n"), NULL, 0, "/livez");
}

/* First reason why senders should not send here, or NULL. */
static const char *not_ready(struct app *app, const struct spool_stats *spool)
{
    if (atomic_load(&app->shared.failed) || spool->failed)
        return "the spool can't be written";
    if (atomic_load(&app->shared.draining))
        return "draining";
    if (spool_disk_wait_ns(app->shared.spool) > app->config->timeout_commit)
        return "the disk of data_dir does not respond: a write or sync of the spool has taken "
               "longer than timeouts.commit";
    if (spool->full)
        return spool_full_reason(spool->full_for);
    return NULL;
}

static void describe_sinks(struct app *app, struct writer *w, const struct spool_stats *spool)
{
    const struct ack_sinks *sinks = &app->shared.sinks;
    writer_format(w, "spool position %llu, %llu bytes\n", (unsigned long long)spool->position,
                  (unsigned long long)spool->bytes);
    if (spool->corrupt_segments)
        writer_format(w, "damaged segments found at start: %llu, see the log and corrupt/\n",
                      (unsigned long long)spool->corrupt_segments);
    for (size_t i = 0; i < sinks->count; i++) {
        char problem[512];
        int64_t since;
        bool up = sink_runner_up(sinks->runners[i], &since, problem);
        writer_format(w, "sink %s %s position %llu%s%s\n", sink_runner_name(sinks->runners[i]),
                      up ? "up" : "DOWN",
                      (unsigned long long)sink_runner_position(sinks->runners[i]), up ? "" : ": ",
                      up ? "" : problem);
    }
    admin_describe_evidence(app, w);
}

static void readyz(struct app *app, struct http_exchange *x)
{
    struct spool_stats spool;
    struct writer w;
    spool_stats(app->shared.spool, &spool);
    const char *reason = not_ready(app, &spool);
    writer_init(&w, BODY_LIMIT);
    writer_format(&w, "%s\n", reason ? reason : "ok");
    if (slice_starts_with(http_query(x), "verbose")) {
        describe_sinks(app, &w, &spool);
        app_archive_describe(app, &w);
        app_remote_describe(app, &w);
    }
    reply_writer(x, reason ? 503 : 200, "text/plain", &w, "/readyz");
    writer_fini(&w);
}

static void startupz(struct app *app, struct http_exchange *x)
{
    if (app->ready)
        http_reply(x, 200, "text/plain", SLICE_LITERAL("ok\n"), NULL, 0, "/startupz");
    else
        http_reply(x, 503, "text/plain", SLICE_LITERAL("starting\n"), NULL, 0, "/startupz");
}

static void metrics(struct app *app, struct http_exchange *x)
{
    struct writer w;
    (void)app;
    writer_init(&w, BODY_LIMIT);
    metrics_write(&w);
    reply_writer(x, 200, "text/plain; version=0.0.4; charset=utf-8", &w, "/metrics");
    writer_fini(&w);
}

static void version(struct app *app, struct http_exchange *x)
{
    (void)app;
    http_reply(x, 200, "application/json",
               SLICE_LITERAL("{\"name\":\"vsocd\",\"version\":\"" VSOCD_VERSION "\"}\n"), NULL, 0,
               "/version");
}

static const struct {
    const char *path;
    bool needs_token;
    void (*run)(struct app *app, struct http_exchange *exchange);
} routes[] = {
    {"/livez", false, livez},
    {"/readyz", false, readyz},
    {"/startupz", false, startupz},
    {"/metrics", true, metrics},
    {"/version", false, version},
    {"/api/v1/catalog/unknown", true, admin_unknown_ids},
    {"/evidence/checkpoint", true, admin_checkpoint},
    {"/evidence/heads", true, admin_heads},
    {"/evidence/tile", true, admin_tile}, /* and everything below it */
};

static bool is_route(const struct http_exchange *x, const char *path)
{
    return slice_equal_text(http_path(x), path) ||
           (!strcmp(path, "/evidence/tile") && slice_starts_with(http_path(x), ADMIN_TILES));
}

/* Posted to, by subcommands that have read the token in data_dir/audit.door. The operator's token,
 * which everyone has who reads metrics, does not permit it. */
#define AUDIT_PATH "/api/v1/audit"

/* Constant-time comparison. */
static bool token_is(const struct http_exchange *x, const char *wanted)
{
    struct slice value;
    if (!http_header(x, "authorization", &value, NULL) ||
        !slice_equal_nocase(slice_sub(value, 0, 7), "bearer "))
        return false;
    struct slice given = slice_trim(slice_sub(value, 7, value.size)),
                 token = slice_from_text(wanted);
    unsigned difference = given.size != token.size;
    for (size_t i = 0; i < given.size; i++)
        difference |= given.data[i] ^ token.data[i % (token.size ? token.size : 1)];
    return difference == 0;
}

static bool token_matches(const struct app *app, const struct http_exchange *x)
{
    return !app->admin_token || token_is(x, app->admin_token);
}

/* detail: NULL: the operator's token is meant. */
static void refuse_token(struct http_exchange *x, const char *detail, const char *route)
{
    struct refusal refusal;
    if (detail)
        refusal_say(&refusal, REFUSAL_no_token, "%s", detail);
    else
        refusal_set(&refusal, REFUSAL_no_token);
    refusal.header = "WWW-Authenticate";
    refusal.header_value = "Bearer";
    http_problem(x, &refusal, route);
}

static void post_audit(struct app *app, struct http_exchange *x)
{
    struct refusal refusal;
    if (http_method(x) != HTTP_POST) {
        refusal_say(&refusal, REFUSAL_method_not_allowed, "audit records are posted");
        refusal.header = "Allow";
        refusal.header_value = "POST";
        http_problem(x, &refusal, AUDIT_PATH);
    } else if (!app->door.token[0] || !token_is(x, app->door.token)) {
        refuse_token(x, "this page requires the token in data_dir/" AUDIT_DOOR_FILE, AUDIT_PATH);
    } else {
        admin_audit_begin(app, x);
    }
}

void admin_on_headers(void *arg, struct http_exchange *x)
{
    struct app *app = app_cast(arg);
    struct refusal refusal;
    const struct http_reply_header allow = {"Allow", "GET, HEAD, OPTIONS"};
    if (slice_equal_text(http_path(x), "*")) {
        http_reply(x, 204, NULL, SLICE_EMPTY, &allow, 1, "*");
        return;
    }
    http_set_context(x, NULL);
    if (slice_equal_text(http_path(x), AUDIT_PATH)) {
        post_audit(app, x);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!is_route(x, routes[i].path))
            continue;
        if (http_method(x) == HTTP_OPTIONS) {
            http_reply(x, 204, NULL, SLICE_EMPTY, &allow, 1, routes[i].path);
        } else if (http_method(x) != HTTP_GET && http_method(x) != HTTP_HEAD) {
            refusal_say(&refusal, REFUSAL_method_not_allowed, "this page supports GET only");
            refusal.header = allow.name;
            refusal.header_value = allow.value;
            http_problem(x, &refusal, routes[i].path);
        } else if (routes[i].needs_token && !token_matches(app, x)) {
            refuse_token(x, NULL, routes[i].path);
        } else {
            routes[i].run(app, x);
        }
        return;
    }
    refusal_say(&refusal, REFUSAL_not_found,
                "pages here: /livez /readyz /startupz /metrics /version /api/v1/catalog/unknown "
                "/evidence/checkpoint /evidence/heads /evidence/tile/… /api/v1/audit");
    http_problem(x, &refusal, "other");
}
