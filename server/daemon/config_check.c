/* config_check.c: checks that no single row can make: files that settings name, settings that
 * depend on each other. Any thread but a worker: reads files. Does not read certificates (tls.c
 * does). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/object.h"
#include "core/writer.h"
#include "core/log/problem.h"
#include "parsers/registry/registry.h"
#include "server/config/config_build.h"
#include "server/config/config_value.h"
#include "server/identity/name_pattern.h"
#include "server/daemon/config_check.h"
#include "server/plugins/plugins.h"
#include "server/plugins/sink_config.h"
#include "server/identity/senders.h"
#include "server/identity/tokens.h"
#include "server/files/trusted_file.h"
#include "storage/evidence/remote/witnesses.h"
#include "server/forward/forward_link.h"
#include "storage/sinks/registry/sink_registry.h"

#define TELL(build, member, ...)                                                                   \
    config_problem(build, &(build)->origins[CONFIG_AT_##member], __VA_ARGS__)

static bool is_set(const char *text)
{
    return text && *text;
}

/* Folder of the settings file, absolute if that can be determined; "" without a file. */
static void folder_of(const char *path, char *folder)
{
    char given[PATH_MAX], absolute[PATH_MAX];
    folder[0] = '\0';
    if (!path)
        return;
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(given, sizeof given, ".");
    else
        snprintf(given, sizeof given, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    snprintf(folder, PATH_MAX, "%s", realpath(given, absolute) ? absolute : given);
}

/* The file of an entry of ingest.plugins. */
static const char *past_override(const char *path)
{
    size_t n = strlen(PLUGIN_OVERRIDE);
    return path && !strncmp(path, PLUGIN_OVERRIDE, n) ? path + n : path;
}

static const char *resolved(struct config *config, const char *folder, const char *path)
{
    const char *file = past_override(path);
    if (!is_set(file) || file[0] == '/' || !folder[0])
        return path;
    return arena_format(&config->arena, "%.*s%s/%s", (int)(file - path), path, folder, file);
}

static void resolve_list(struct config *config, const char *folder, struct setting_list *list)
{
    const char **items = arena_alloc(&config->arena, (list->count + 1) * sizeof *items);
    if (!items)
        return;
    for (size_t i = 0; i < list->count; i++)
        items[i] = resolved(config, folder, list->items[i]);
    list->items = items;
}

/* Relative paths of the file and of the defaults are relative to the file's folder; those of the
 * environment and --set to the working directory, as a shell user expects. */
static void resolve_paths(struct config_build *build)
{
    char folder[PATH_MAX];
    folder_of(build->path, folder);
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        if (!(row->flags & CONFIG_PATH) || build->origins[i].from > CONFIG_FROM_FILE)
            continue;
        void *member = config_member(build->config, row);
        if (row->kind == SETTING_KIND_LIST)
            resolve_list(build->config, folder, member);
        else
            *(const char **)member = resolved(build->config, folder, *(const char **)member);
    }
}

static bool is_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && port <= 65535;
}

/* host:port, [IPv6]:port or unix:/path. */
static bool is_address(const char *text)
{
    if (!strncmp(text, "unix:", 5))
        return text[5] == '/';
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !is_port(colon + 1))
        return false;
    if (text[0] == '[')
        return colon > text + 2 && colon[-1] == ']';
    return memchr(text, ':', (size_t)(colon - text)) == NULL;
}

static void check_addresses(struct config_build *build)
{
    const struct config *c = build->config;
    if (!is_address(c->ingest_address))
        TELL(build, ingest_address,
             "must be address:port such as 0.0.0.0:8443, [::]:8443 or "
             "unix:/path, not '%.64s'",
             c->ingest_address);
    if (!is_address(c->admin_address))
        TELL(build, admin_address,
             "must be address:port such as 127.0.0.1:9600, [::1]:9600 or "
             "unix:/path, not '%.64s'",
             c->admin_address);
}

/* Files that decide about rights: nobody else may write them, or read secret ones. */
static void check_trusted(struct config_build *build, enum config_at at, const char *path,
                          enum trusted_kind kind)
{
    struct problem problem;
    int fd;
    if (!is_set(path))
        return;
    enum status s = trusted_file_open(path, kind, &fd, &problem);
    if (s == STATUS_OK)
        close(fd);
    else
        config_problem_untrusted(build, &build->origins[at], path, s, problem.text);
}

static void check_file(struct config_build *build, enum config_at at, const char *path)
{
    struct stat st;
    const struct config_origin *origin = &build->origins[at];
    if (!is_set(path))
        return;
    if (access(path, R_OK) != 0)
        config_problem_unreadable(build, origin, path, status_from_errno(errno), strerror(errno));
    else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        config_problem(build, origin, "'%s' is a folder; name a file", path);
}

/* The contents of the token file are part of the settings: an error keeps the old ones in force. */
static void read_tokens(struct config_build *build)
{
    struct config *c = build->config;
    struct problem problem;
    if (!is_set(c->identity_tokens_file))
        return;
    enum status s = tokens_load(c->identity_tokens_file, &c->tokens, &problem);
    if (status_is_passing(s))
        config_problem_untrusted(build, &build->origins[CONFIG_AT_identity_tokens_file],
                                 c->identity_tokens_file, s, problem.text);
    else if (s != STATUS_OK)
        TELL(build, identity_tokens_file, "'%s': %s", c->identity_tokens_file, problem.text);
}

/* The same for the senders. */
static void read_senders(struct config_build *build)
{
    struct config *c = build->config;
    struct problem problem;
    if (!is_set(c->identity_senders_file))
        return;
    enum status s = senders_load(c->identity_senders_file, &c->senders, &problem);
    if (status_is_passing(s))
        config_problem_untrusted(build, &build->origins[CONFIG_AT_identity_senders_file],
                                 c->identity_senders_file, s, problem.text);
    else if (s != STATUS_OK)
        TELL(build, identity_senders_file, "'%s': %s", c->identity_senders_file, problem.text);
}

static void read_credentials(struct config_build *build)
{
    read_tokens(build);
    read_senders(build);
}

static void forget_credentials(struct config *config)
{
    tokens_destroy(config->tokens);
    senders_destroy(config->senders);
    config->tokens = NULL;
    config->senders = NULL;
}

/* serve would refuse an empty one. */
static void check_admin_token(struct config_build *build)
{
    const char *path = build->config->admin_token_file;
    struct writer text;
    struct problem problem;
    if (!is_set(path))
        return;
    enum status s = trusted_file_read(path, TRUSTED_SECRET, &text, &problem);
    if (s != STATUS_OK)
        config_problem_untrusted(build, &build->origins[CONFIG_AT_admin_token_file], path, s,
                                 problem.text);
    else if (slice_trim(writer_slice(&text)).size == 0)
        TELL(build, admin_token_file, "'%s' holds no token: write one line with it", path);
    if (text.data)
        explicit_bzero(text.data, text.size);
    writer_fini(&text);
}

/* Files that librdkafka opens later by itself: this is their only check. A folder of CAs and
 * "probe" are left to it. */
static void check_kafka_files(struct config_build *build)
{
    static const struct {
        const char *name;
        enum trusted_kind kind;
    } files[] = {{"ssl.key.location", TRUSTED_SECRET},
                 {"ssl.keystore.location", TRUSTED_SECRET},
                 {"ssl.certificate.location", TRUSTED_PUBLIC},
                 {"ssl.ca.location", TRUSTED_PUBLIC},
                 {"ssl.crl.location", TRUSTED_PUBLIC}};
    const struct setting_map *map = &build->config->kafka_properties;
    struct stat st;
    for (size_t i = 0; i < map->count; i++)
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            if (!strcmp(map->names[i], files[k].name) && strcmp(map->values[i], "probe") != 0 &&
                (stat(map->values[i], &st) != 0 || !S_ISDIR(st.st_mode)))
                check_trusted(build, CONFIG_AT_kafka_properties, map->values[i], files[k].kind);
}

static void check_files(struct config_build *build)
{
    const struct config *c = build->config;
    check_admin_token(build);
    read_credentials(build);
    for (size_t i = 0; i < c->ingest_catalogs.count; i++)
        check_trusted(build, CONFIG_AT_ingest_catalogs, c->ingest_catalogs.items[i],
                      TRUSTED_PUBLIC);
    for (size_t i = 0; i < c->ingest_plugins.count; i++)
        check_file(build, CONFIG_AT_ingest_plugins, past_override(c->ingest_plugins.items[i]));
    if (c->kafka_enabled)
        check_kafka_files(build);
    check_trusted(build, CONFIG_AT_audit_forward_ca, c->audit_forward_ca, TRUSTED_PUBLIC);
    check_trusted(build, CONFIG_AT_audit_forward_certificate, c->audit_forward_certificate,
                  TRUSTED_PUBLIC);
    check_trusted(build, CONFIG_AT_audit_forward_key, c->audit_forward_key, TRUSTED_SECRET);
    if (!c->ingest_tls)
        return;
    check_trusted(build, CONFIG_AT_tls_certificate, c->tls_certificate, TRUSTED_PUBLIC);
    check_trusted(build, CONFIG_AT_tls_key, c->tls_key, TRUSTED_SECRET);
    if (c->tls_client_auth == CLIENT_AUTH_OFF)
        return;
    check_trusted(build, CONFIG_AT_tls_client_ca, c->tls_client_ca, TRUSTED_PUBLIC);
    check_trusted(build, CONFIG_AT_tls_crl, c->tls_crl, TRUSTED_PUBLIC);
    check_trusted(build, CONFIG_AT_tls_deny_list, c->tls_deny_list, TRUSTED_PUBLIC);
}

static void check_forward(struct config_build *build)
{
    const struct config *c = build->config;
    struct problem problem;
    if (!is_set(c->audit_forward_url))
        return;
    if (!forward_target_check(c->audit_forward_url, &problem))
        TELL(build, audit_forward_url, "%s", problem.text);
    if (is_set(c->audit_forward_certificate) != is_set(c->audit_forward_key))
        TELL(build, audit_forward_key, "certificate and key go together: set both, or neither");
}

static void check_tls(struct config_build *build)
{
    const struct config *c = build->config;
    if (!c->ingest_tls)
        return;
    if (!is_set(c->tls_certificate))
        TELL(build, tls_certificate, "required if listen.ingest.tls is true: name a PEM file");
    if (!is_set(c->tls_key))
        TELL(build, tls_key, "required if listen.ingest.tls is true: name a PEM file");
    if (!is_set(c->tls_client_ca) && c->tls_client_auth != CLIENT_AUTH_OFF)
        TELL(build, tls_client_ca,
             "required unless tls.client_auth is off: name the PEM file of the fleet's CAs");
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(text, *words))
            return true;
    return false;
}

static void check_identity(struct config_build *build)
{
    static const char *const tenant[] = {"subject_o", "subject_cn", "san_dns", NULL};
    const struct config *c = build->config;
    const char *v = c->identity_vehicle_from, *t = c->identity_tenant_from;
    struct name_pattern pattern;
    struct problem problem;
    if (name_pattern_parse(slice_from_text(v), NAME_PATTERN_VEHICLE, &pattern, &problem) !=
        STATUS_OK)
        TELL(build, identity_vehicle_from, "%s, not '%.64s'", problem.text, v);
    if (!is_one_of(t, tenant) && (strncmp(t, "name:", 5) != 0 || !t[5]))
        TELL(build, identity_tenant_from,
             "must be subject_o, subject_cn, san_dns or name:NAME, not '%.64s'", t);
}

static void check_workers(struct config_build *build)
{
    const char *text = build->config->ingest_workers;
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (!strcmp(text, "auto") || (*text >= '1' && *text <= '9' && !*end && n <= 64))
        return;
    TELL(build, ingest_workers, "must be auto or a number from 1 to 64, not '%.16s'", text);
}

static void check_sizes(struct config_build *build)
{
    const struct config *c = build->config;
    if (c->limit_memory < c->limit_body_bytes)
        TELL(build, limit_memory,
             "must be at least limits.body_bytes, or the server accepts no such body");
    if (c->limit_event_bytes > c->limit_inflated_bytes)
        TELL(build, limit_event_bytes, "must be at most limits.inflated_bytes");
    if (c->limit_target_bytes > c->limit_header_bytes)
        TELL(build, limit_target_bytes, "must be at most limits.header_bytes");
    if (c->spool_max_bytes / 2 < c->spool_segment_bytes)
        TELL(build, spool_max_bytes, "must be at least twice spool.segment_bytes");
    else if (c->evidence_retention > 0 &&
             c->spool_max_bytes - 2 * c->spool_segment_bytes < c->evidence_max_bytes)
        TELL(build, spool_max_bytes,
             "must be at least evidence.max_bytes (%llu) plus twice spool.segment_bytes (%llu), or "
             "evidence fills the spool and new batches are refused",
             (unsigned long long)c->evidence_max_bytes, (unsigned long long)c->spool_segment_bytes);
    if (c->evidence_retention > 0 && c->evidence_when_full == EVIDENCE_REFUSE &&
        c->evidence_max_bytes < c->spool_segment_bytes)
        TELL(build, evidence_max_bytes,
             "must be at least spool.segment_bytes (%llu) if evidence.when_full is refuse, or the "
             "server refuses all batches after the first full segment",
             (unsigned long long)c->spool_segment_bytes);
}

/* The content of dsn_file replaces dsn; it wins if both are set. */
static void read_dsn(struct config_build *build)
{
    struct config *c = build->config;
    struct writer text;
    if (!is_set(c->postgres_dsn_file))
        return;
    const char *file = c->postgres_dsn_file;
    if (strstr(file, "://") || strchr(file, '=') || (strchr(file, ':') && strchr(file, '@'))) {
        TELL(build, postgres_dsn_file,
             "must be the name of a file; a connection string goes into that file, or into "
             "sinks.postgres.dsn");
        return;
    }
    if (!c->postgres_enabled)
        return;
    struct problem problem;
    enum status s = trusted_file_read(c->postgres_dsn_file, TRUSTED_SECRET, &text, &problem);
    struct slice dsn = slice_trim(writer_slice(&text));
    if (s != STATUS_OK)
        config_problem_untrusted(build, &build->origins[CONFIG_AT_postgres_dsn_file],
                                 c->postgres_dsn_file, s, problem.text);
    else if (!dsn.size || dsn.size > 4096 || memchr(dsn.data, 0, dsn.size))
        TELL(build, postgres_dsn_file, "'%s' must hold one connection string, up to 4096 bytes",
             c->postgres_dsn_file);
    else
        c->postgres_dsn = arena_format(&c->arena, "%.*s", SLICE_ARGS(dsn));
    writer_fini(&text);
}

static void check_hec_ack(struct config_build *build)
{
    char word[CONFIG_WORD_BYTES];
    if (sink_is_switched_off(build->config, config_hec_ack_word(build->config, word)))
        TELL(build, hec_ack, "names a sink that is disabled");
}

#define SINK_TELLER_MAGIC 0x53544c4cU

/* Who puts a sink's mistakes where those of the rows are. */
struct sink_teller {
    unsigned magic; /* SINK_TELLER_MAGIC */
    struct config_build *build;
};

OBJECT_CAST(sink_teller, SINK_TELLER_MAGIC)

static void tell_setting(void *arg, const char *key, const struct problem *problem)
{
    struct config_build *build = sink_teller_cast(arg)->build;
    const struct config_row *row = config_row_find(key);
    ensure(row != NULL);
    config_problem(build, &build->origins[row - config_rows], "%s", problem->text);
}

/* What each built-in sink says of its own settings. */
static void check_sinks(struct config_build *build)
{
    struct sink_teller teller = {SINK_TELLER_MAGIC, build};
    const struct sink_settings_judge judge = {tell_setting, &teller};
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++) {
        struct sink_settings_room settings;
        sink_settings_from_config(build->config, sink_built_in_table(i), &settings);
        sink_built_in_check(i, settings.bytes, &judge);
    }
    check_hec_ack(build);
}

/* The formats of plug-ins are known when they are loaded (plugins.c). */
static void check_formats(struct config_build *build)
{
    const struct setting_map *map = &build->config->ingest_formats;
    bool known = map->count && !build->config->ingest_plugins.count;
    struct registry *registry = known ? registry_create() : NULL;
    for (size_t i = 0; registry && i < map->count; i++)
        if (!registry_by_name(registry, slice_from_text(map->values[i])))
            TELL(build, ingest_formats, "'%.64s' is not a format; `vsocd formats` lists them",
                 map->values[i]);
    registry_destroy(registry);
}

static void check_witnesses(struct config_build *build)
{
    const struct config *c = build->config;
    struct problem problem;
    if (witnesses_check((const char *const *)c->evidence_witnesses.items,
                        c->evidence_witnesses.count, (unsigned)c->evidence_witness_quorum,
                        &problem) != STATUS_OK)
        TELL(build, evidence_witnesses, "%s", problem.text);
}

static void check(struct config_build *build, bool files)
{
    resolve_paths(build);
    check_addresses(build);
    check_tls(build);
    check_forward(build);
    check_identity(build);
    check_workers(build);
    check_sizes(build);
    check_formats(build);
    check_sinks(build);
    check_witnesses(build);
    if (!is_set(build->config->privacy_keys_file))
        TELL(build, privacy_keys_file,
             "required: name the file of pseudonym keys; it is created if missing");
    read_dsn(build);
    if (files)
        check_files(build);
}

#define CHECKS                                                                                     \
    .check = check, .read_credentials = read_credentials, .forget_credentials = forget_credentials

const struct config_checks config_checks = {CHECKS, .files = true};
const struct config_checks config_checks_without_files = {CHECKS, .files = false};
