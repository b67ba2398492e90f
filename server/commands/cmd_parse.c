/* cmd_parse.c: `vsocd parse`: a body → the events that ingestion would store, as NDJSON, or the
 * refusal that it would answer. Runs on the main thread. Reads it as a submission
 * (server/ingest/trial.h); stores and sends nothing. */
#include "server/daemon/catalog_set.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/hash.h"
#include "core/vin.h"
#include "parsers/registry/probed_type.h"
#include "parsers/registry/registry.h"
#include "parsers/read/timestamp.h"
#include "server/files/file_read.h"
#include "server/inflate/inflate.h"
#include "server/ingest/trial.h"
#include "server/plugins/plugins.h"

#define OUTPUT_BYTES ((size_t)64 << 20)
#define CATALOGS_MAX 64
#define SETS_MAX     64

struct parse_options {
    const char *format, *media, *coding, *vin, *received, *framing, *plugin, *file, *tenant;
    const char *catalogs[CATALOGS_MAX];
    struct setting_list catalog_list;
    const char *sets[SETS_MAX];
    size_t set_count;
    struct parser_header headers[PARSER_HEADERS];
    size_t header_count;
};

struct output {
    struct writer line;
    bool failed;
};

static bool fail(const char *what, const char *detail)
{
    fprintf(stderr, "vsocd parse: %s: %s\n", what, detail);
    return false;
}

static void print_line(struct output *out)
{
    writer_u8(&out->line, '\n');
    if (out->line.status != STATUS_OK ||
        fwrite(out->line.data, 1, out->line.size, stdout) != out->line.size)
        out->failed = true;
}

static void print_event(struct output *out, const struct event *event)
{
    writer_reset(&out->line);
    event_json_write(&out->line, event);
    print_line(out);
}

static void print_reject(const struct event_reject *r)
{
    fprintf(stderr, "vsocd parse: record %u at byte %llu: %.*s: %.*s\n", r->index,
            (unsigned long long)r->raw_offset, SLICE_ARGS(r->code), SLICE_ARGS(r->detail));
}

/* The server's pseudonyms need its keys; this command uses 32 zero bytes as the key and 0 as its
 * id. */
static int64_t zero_key_pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)tenant;
    hmac_compute(arg, vin, pid);
    return 0;
}

static enum status read_stream(int fd, struct writer *out)
{
    writer_init(out, FILE_READ_MAX);
    for (;;) {
        if (!writer_reserve(out, 65536))
            return out->status;
        ssize_t n = read(fd, out->data + out->size, 65536);
        if (n == 0)
            return STATUS_OK;
        if (n < 0 && errno != EINTR)
            return STATUS_IO;
        out->size += n > 0 ? (size_t)n : 0;
    }
}

/* Why the body can't be read. */
static bool fail_input(const struct parse_options *options, enum status status)
{
    struct stat st;
    const char *file = options->file;
    if (file && stat(file, &st) == 0 && S_ISDIR(st.st_mode))
        return fail(file, "is a folder; name a file");
    return fail(file ? file : "standard input", status_text(status));
}

static enum status read_input(const struct parse_options *options, struct writer *out)
{
    if (!options->file || !strcmp(options->file, "-"))
        return read_stream(STDIN_FILENO, out);
    return file_read_all(options->file, out);
}

static void print_item(void *arg, const struct event_item *item)
{
    if (item->is_reject)
        print_reject(&item->reject);
    else
        print_event(arg, &item->event);
}

/* What the server would answer instead of storing a batch. */
static bool fail_refused(const struct refusal *refusal)
{
    fprintf(stderr, "vsocd parse: refused with %d %s: %s\n", refusal->status, refusal->code,
            refusal->detail);
    return false;
}

static int run(struct trial *trial, const struct trial_body *body)
{
    struct output out = {.failed = false};
    struct trial_counts counts = {0};
    struct refusal refusal;
    int exit_status = EXIT_FAILED;
    writer_init(&out.line, OUTPUT_BYTES);
    enum status status = trial_run(trial, body, print_item, &out, &counts, &refusal);
    if (status == STATUS_REFUSED)
        fail_refused(&refusal);
    else if (status != STATUS_OK)
        fail("input", status_text(status));
    else if (fflush(stdout) != 0 || out.failed)
        fail("standard output", "could not be written");
    else
        exit_status = counts.quarantined ? EXIT_FAILED : EXIT_DONE;
    writer_fini(&out.line);
    return exit_status;
}

static bool read_framing(const char *text, enum split_prefix *prefix)
{
    if (!text || !strcmp(text, "none"))
        *prefix = SPLIT_PREFIX_NONE;
    else if (!strcmp(text, "u16"))
        *prefix = SPLIT_PREFIX_U16;
    else if (!strcmp(text, "u32"))
        *prefix = SPLIT_PREFIX_U32;
    else
        return fail("--framing", "must be none, u16 or u32");
    return true;
}

static bool vin_is_usable(const char *vin)
{
    return !vin || vin_is_valid(slice_from_text(vin)) ||
           fail("--vin", "is not a VIN: 17 of A-H, J-N, P, R-Z and 0-9 (ISO 3779)");
}

static bool read_received(const char *text, int64_t *ns)
{
    *ns = clock_wall_ns();
    if (text && timestamp_rfc3339(slice_from_text(text), ns) != STATUS_OK)
        return fail("--received", "must be an RFC 3339 time such as 2026-11-22T10:15:02Z");
    return true;
}

/* Stores an option's value in *out; true if argv[*i] is that option. */
static bool take_option(int argc, char **argv, int *i, const char *name, const char **out)
{
    size_t size = strlen(name);
    if (strncmp(argv[*i], name, size) != 0)
        return false;
    if (argv[*i][size] == '=') {
        *out = argv[*i] + size + 1;
        return true;
    }
    if (argv[*i][size] != '\0' || *i + 1 >= argc)
        return false;
    *out = argv[++*i];
    return true;
}

/* NAME:VALUE, the name in lower case. */
static bool take_header(struct parse_options *o, const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon || o->header_count == PARSER_HEADERS)
        return false;
    o->headers[o->header_count++] = (struct parser_header){slice_make(text, (size_t)(colon - text)),
                                                           slice_trim(slice_from_text(colon + 1))};
    return true;
}

/* --catalog FILE, may be repeated. */
static bool take_catalog(int argc, char **argv, int *i, struct parse_options *o)
{
    return o->catalog_list.count < CATALOGS_MAX &&
           take_option(argc, argv, i, "--catalog", &o->catalogs[o->catalog_list.count]) &&
           ++o->catalog_list.count;
}

/* --set KEY=VALUE, as often as there are settings. */
static bool take_set(int argc, char **argv, int *i, struct parse_options *o)
{
    return o->set_count < SETS_MAX && take_option(argc, argv, i, "--set", &o->sets[o->set_count]) &&
           ++o->set_count;
}

static bool read_options(int argc, char **argv, struct parse_options *o)
{
    const char *header;
    for (int i = 1; i < argc; i++) {
        if (take_option(argc, argv, &i, "--header", &header)) {
            if (!take_header(o, header))
                return fail("--header", "must be NAME:VALUE, and at most 64 of them");
            continue;
        }
        if (take_option(argc, argv, &i, "--format", &o->format) ||
            take_option(argc, argv, &i, "--vin", &o->vin) ||
            take_option(argc, argv, &i, "--received", &o->received) ||
            take_option(argc, argv, &i, "--framing", &o->framing) ||
            take_option(argc, argv, &i, "--plugin", &o->plugin) ||
            take_option(argc, argv, &i, "--tenant", &o->tenant) ||
            take_option(argc, argv, &i, "--content-type", &o->media) ||
            take_option(argc, argv, &i, "--content-encoding", &o->coding) ||
            take_catalog(argc, argv, &i, o) || take_set(argc, argv, &i, o))
            continue;
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return fail(argv[i], "is not an option, or its argument is missing");
        if (o->file)
            return fail(argv[i], "is a second file; name one file only");
        o->file = argv[i];
    }
    o->catalog_list.items = o->catalogs;
    return o->format != NULL || o->media != NULL ||
           fail("--format NAME or --content-type TYPE is needed", "`vsocd formats` lists them");
}

/* Who reads the records and how they are packed, as options or the media type say. */
static bool read_kind(const struct registry *registry, const struct parse_options *options,
                      struct trial_body *body)
{
    const char *coding = options->coding ? options->coding : "identity";
    struct slice media = slice_from_text(options->media);
    if (options->format)
        body->parser = registry_by_name(registry, slice_from_text(options->format));
    else
        body->parser = registry_by_content_type(registry, media);
    if (options->format && !body->parser)
        return fail(options->format, "no such format; `vsocd formats` lists them");
    if (!body->parser && !registry_is_probed_type(media))
        return fail(options->media, "no format has this media type; `vsocd formats` lists them");
    if (inflate_coding_parse(slice_from_text(coding), &body->coding) != STATUS_OK)
        return fail("--content-encoding", "must be gzip, deflate, zstd or identity");
    body->content_type = media;
    return read_framing(options->framing, &body->prefix) && vin_is_usable(options->vin) &&
           read_received(options->received, &body->trial.received_ns);
}

static int parse_body(const struct registry *registry, const struct catalog *catalog,
                      const struct config *config, struct trial_body *body)
{
    static const uint8_t zeros[32];
    struct hmac *hmac = hmac_create(slice_make(zeros, sizeof zeros));
    struct trial *trial = trial_create(config, registry, catalog);
    int exit_status = EXIT_FAILED;
    body->trial.pseudonym = zero_key_pseudonym;
    body->trial.pseudonym_arg = hmac;
    if (hmac && trial)
        exit_status = run(trial, body);
    else
        fail("start", status_text(STATUS_NO_MEMORY));
    trial_destroy(trial);
    hmac_destroy(hmac);
    return exit_status;
}

static int parse_with(const struct registry *registry, const struct catalog *catalog,
                      const struct config *config, struct parse_options *options)
{
    struct writer input;
    struct trial_body body = {.tenant = slice_from_text(options->tenant),
                              .header_vin = slice_from_text(options->vin),
                              .headers = options->headers,
                              .header_count = options->header_count};
    if (!read_kind(registry, options, &body))
        return EXIT_USAGE;
    int exit_status = EXIT_FAILED;
    enum status status = read_input(options, &input);
    body.body = writer_slice(&input);
    if (status == STATUS_OK)
        exit_status = parse_body(registry, catalog, config, &body);
    else
        fail_input(options, status);
    writer_fini(&input);
    return exit_status;
}

static int parse_with_catalogs(const struct registry *registry, const struct config *config,
                               struct parse_options *options)
{
    struct config_problems problems;
    struct catalog_set *set = NULL;
    int exit_status = EXIT_FAILED;
    enum status status = catalog_set_load(&options->catalog_list, registry, &set, &problems);
    if (status == STATUS_OK) {
        exit_status = parse_with(registry, set->catalog, config, options);
    } else if (status == STATUS_CONFIG) {
        config_cli_tell(&problems);
        exit_status = EXIT_CONFIG;
    } else {
        fail("start", status_text(status));
    }
    catalog_set_destroy(set);
    return exit_status;
}

/* The limits of a server with default settings, but for those of --set. */
static int parse_with_limits(const struct registry *registry, struct parse_options *options)
{
    struct config_problems problems;
    struct config *config = NULL;
    int exit_status = EXIT_FAILED;
    enum status status =
        config_from_text(SLICE_LITERAL(""), options->sets, options->set_count, &config, &problems);
    if (status == STATUS_OK) {
        exit_status = parse_with_catalogs(registry, config, options);
    } else if (status == STATUS_CONFIG) {
        config_cli_tell(&problems);
        exit_status = EXIT_CONFIG;
    } else {
        fail("start", status_text(status));
    }
    config_destroy(config);
    return exit_status;
}

int cmd_parse(int argc, char **argv)
{
    struct parse_options options = {.tenant = "parse"};
    struct plugins plugins;
    char reason[PLUGINS_REASON];
    if (!read_options(argc, argv, &options))
        return command_usage("parse");
    const struct setting_list files = {&options.plugin, options.plugin ? 1 : 0};
    if (plugins_open(&files, &plugins, reason) != STATUS_OK) {
        fail("--plugin", reason);
        return EXIT_FAILED;
    }
    int exit_status = parse_with_limits(plugins.registry, &options);
    plugins_close(&plugins);
    return exit_status;
}
