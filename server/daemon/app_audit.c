/* app_audit.c: what of the process's own life goes to the audit log: start, stop, settings, files
 * of credentials. Main thread, except app_audit_stop. server/audit/ writes it. */
#include "server/daemon/app_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/clock.h"
#include "core/hash.h"
#include "server/audit/audit.h"
#include "server/audit/audit_clock.h"
#include "server/config/config_print.h"
#include "server/config/config_value.h"
#include "server/files/data_folders.h"
#include "server/forward/forward.h"
#include "storage/evidence/restart.h"

#define LOG_COMPONENT "audit"
#include "core/log/log.h"

#define SETTINGS_BYTES ((size_t)4 << 20)
#define DIGEST_BYTES   (2 * SHA256_BYTES + 1)

/* SHA-256 of the settings as `check-config --print` shows them: secrets are masked there. */
static void digest_settings(const struct config *config, char digest[DIGEST_BYTES])
{
    struct writer text,
        hex = {.data = (uint8_t *)digest, .capacity = DIGEST_BYTES - 1, .limit = DIGEST_BYTES - 1};
    uint8_t hash[SHA256_BYTES];
    writer_init(&text, SETTINGS_BYTES);
    config_print(config, &text);
    sha256_bytes(writer_slice(&text), hash);
    writer_hex(&hex, slice_make(hash, sizeof hash));
    digest[hex.size] = '\0';
    writer_fini(&text);
}

/* The first record of this life, unless the spool is full: that is no reason not to start. */
static void record_start(struct app *app)
{
    struct problem problem;
    struct spool_stats stats;
    struct audit_clock_state clock;
    char digest[DIGEST_BYTES], uid[UUID_TEXT_BYTES], clock_text[2][AUDIT_CLOCK_TEXT];
    audit_clock_state(&clock);
    spool_stats(app->shared.spool, &stats);
    digest_settings(app->config, digest);
    uuid_to_text(stats.spool_uid, uid);
    struct audit_field fields[5 + AUDIT_CLOCK_FIELDS] = {
        AUDIT_TEXT(version, VSOCD_VERSION),
        AUDIT_SLICE(spool, slice_make((const uint8_t *)uid, UUID_TEXT_BYTES)),
        AUDIT_TEXT(digest, digest),
        AUDIT_UINT(corrupt_segments, stats.corrupt_segments),
        AUDIT_UINT(position, stats.position),
    };
    audit_clock_fields(&clock, clock_text, fields + 5);
    if (!clock.synchronised)
        log_warn("the wall clock of this machine is not synchronised: times of events and evidence "
                 "may be wrong");
    size_t count = sizeof fields / sizeof *fields;
    if (audit_require(AUDIT_server_started, fields, count, &problem) == STATUS_OK)
        return;
    log_warn("the start is not on record yet: it is written when the spool has room",
             LOG_TEXT("problem", problem.text));
    audit_record(AUDIT_server_started, fields, count);
}

/* That the tree was begun anew since the last start; again at the next start if it can't be now. */
static void record_restart(const struct app *app)
{
    struct problem problem;
    struct evidence_restart restart;
    char hex[2 * MERKLE_HASH_BYTES];
    struct writer root = {.data = (uint8_t *)hex, .capacity = sizeof hex, .limit = sizeof hex};
    if (!evidence_restart_is_unrecorded(app->evidence_dir) ||
        evidence_restart_read(app->evidence_dir, &restart) != STATUS_OK)
        return;
    writer_hex(&root, slice_make(restart.root, sizeof restart.root));
    const struct audit_field fields[] = {
        AUDIT_UINT(generation, restart.generation),
        AUDIT_UINT(tree_size, restart.size),
        AUDIT_SLICE(root, writer_slice(&root)),
        AUDIT_TEXT(reason, restart.reason),
    };
    if (audit_require(AUDIT_tree_restarted, fields, sizeof fields / sizeof *fields, &problem) ==
        STATUS_OK)
        evidence_restart_recorded(app->evidence_dir);
    else
        log_warn("that the tree was begun anew is not on record yet: the next start tries again",
                 LOG_TEXT("problem", problem.text));
}

enum status app_audit_start(struct app *app)
{
    struct problem problem;
    enum status s = audit_start(app->shared.spool, app->instance, &problem);
    if (s != STATUS_OK) {
        log_error("audit log can't be started", LOG_TEXT("problem", problem.text));
        return s;
    }
    data_folders_check(app->config->data_dir);
    record_start(app);
    record_restart(app);
    return STATUS_OK;
}

enum status app_audit_forward(struct app *app)
{
    const struct config *c = app->config;
    if (!c->audit_forward_url)
        return STATUS_OK;
    const struct forward_options options = {
        .spool = app->shared.spool,
        .target = {.url = c->audit_forward_url,
                   .ca = c->audit_forward_ca,
                   .certificate = c->audit_forward_certificate,
                   .key = c->audit_forward_key},
        .format = (enum forward_format)c->audit_forward_format,
        .instance = app->instance,
    };
    enum status s = forward_start(&options, &app->forward);
    if (s != STATUS_OK)
        log_error("the audit log can't be forwarded", LOG_STATUS(s));
    return s;
}

static void on_records(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    app_audit_collect(app_cast(arg));
}

enum status app_audit_open_door(struct app *app)
{
    struct problem problem;
    enum status s = mailbox_init(&app->audit_box, true);
    if (s != STATUS_OK)
        return s;
    app->has_audit_box = true;
    app->on_audit =
        event_new(app->base, app->audit_box.event_fd, EV_READ | EV_PERSIST, on_records, app);
    if (!app->on_audit || event_add(app->on_audit, NULL) != 0)
        return STATUS_NO_MEMORY;
    s = audit_door_open(app->config->data_dir, app->admin_bound, &app->door, &problem);
    if (s == STATUS_OK)
        return s;
    log_error("subcommands can't reach the audit log", LOG_TEXT("problem", problem.text));
    return s == STATUS_NO_SPACE ? STATUS_OK : STATUS_IO; /* a full disk does not keep it down */
}

void app_audit_stop(struct app *app)
{
    if (app->shared.spool) {
        const struct audit_field fields[] = {
            AUDIT_TEXT(version, VSOCD_VERSION),
            AUDIT_TEXT(reason, !app->stopping                     ? "the start failed"
                               : atomic_load(&app->shared.failed) ? "the spool failed"
                               : atomic_load(&app->misconfigured) ? "a sink refuses its settings"
                                                                  : "signal"),
            AUDIT_UINT(position, spool_position(app->shared.spool)),
        };
        audit_record(AUDIT_server_stopped, fields, sizeof fields / sizeof *fields);
    }
    audit_stop();
}

void app_audit_end(struct app *app)
{
    if (app->door.token[0])
        audit_door_close(app->config->data_dir);
    if (app->on_audit)
        event_free(app->on_audit);
    app->on_audit = NULL;
    if (app->has_audit_box) {
        app_audit_collect(app);
        mailbox_fini(&app->audit_box);
    }
    app->has_audit_box = false;
    audit_fini();
}

/* Keys with another value, separated by spaces; as many as fit. */
static void list_changes(const struct config *was, const struct config *next, char *out,
                         size_t room)
{
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        if (config_value_equal(&config_rows[i], was, next))
            continue;
        int n = snprintf(out + size, room - size, "%s%s", size ? " " : "", config_rows[i].key);
        if (n < 0 || (size_t)n >= room - size) {
            out[size] = '\0';
            return;
        }
        size += (size_t)n;
    }
}

bool app_audit_reload(struct app *app, const struct config *next, const char *reason)
{
    char digest[DIGEST_BYTES] = "", keys[AUDIT_TEXT_BYTES] = "";
    struct problem problem;
    if (next) {
        digest_settings(next, digest);
        list_changes(app->config, next, keys, sizeof keys);
    }
    const struct audit_field fields[] = {
        AUDIT_TEXT(digest, digest),
        AUDIT_TEXT(keys, keys),
        AUDIT_UINT(generation, app->generation + (next != NULL)),
        AUDIT_TEXT(result, next ? "done" : "refused"),
        AUDIT_TEXT(reason, reason),
    };
    size_t count = sizeof fields / sizeof *fields;
    if (!next) {
        audit_record(AUDIT_settings_reloaded, fields, count);
        return true;
    }
    if (audit_require(AUDIT_settings_reloaded, fields, count, &problem) == STATUS_OK)
        return true;
    log_error("settings are not reloaded", LOG_TEXT("problem", problem.text));
    return false;
}

/* The setting that names the file. */
static const char *setting_of(const struct config *c, const char *file)
{
    const struct {
        const char *key, *path;
    } files[] = {
        {"identity.tokens_file", c->identity_tokens_file},
        {"identity.senders_file", c->identity_senders_file},
        {"tls.certificate", c->tls_certificate},
        {"tls.key", c->tls_key},
        {"tls.client_ca", c->tls_client_ca},
        {"tls.crl", c->tls_crl},
        {"tls.deny_list", c->tls_deny_list},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i].path && !strcmp(files[i].path, file))
            return files[i].key;
    return "";
}

void app_audit_file(struct app *app, const char *file, const char *reason)
{
    struct problem problem;
    const struct audit_field fields[] = {
        AUDIT_TEXT(file, file),
        AUDIT_TEXT(what, setting_of(app->config, file)),
        AUDIT_TEXT(result, reason[0] ? "refused" : "done"),
        AUDIT_TEXT(reason, reason),
    };
    size_t count = sizeof fields / sizeof *fields;
    if (reason[0]) {
        audit_record(AUDIT_credentials_changed, fields, count);
        return;
    }
    if (audit_require(AUDIT_credentials_changed, fields, count, &problem) == STATUS_OK)
        return;
    log_warn(
        "a changed file is used although its audit record is not durable yet: a revocation must "
        "not wait for room in the spool",
        LOG_TEXT("file", file));
    audit_record(AUDIT_credentials_changed, fields, count);
}
