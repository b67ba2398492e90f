/* cmd_parse.c: `vsocd parse`: records of one format → events as NDJSON. Runs on the main thread.
 * Reads them with the loop the server uses; stores and sends nothing. */
#include "server/daemon/catalog_set.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/hash.h"
#include "parsers/engine/pipeline.h"
#include "parsers/registry/registry.h"
#include "parsers/read/timestamp.h"
#include "server/files/file_read.h"
#include "server/daemon/plugins.h"

#define ARENA_BYTES  ((size_t)256 << 20)
#define OUTPUT_BYTES ((size_t)64 << 20)
#define JSON_DEPTH   32
#define EVENT_BYTES  ((size_t)256 << 10)
#define CATALOGS_MAX 64

struct parse_options {
    const char *format, *vin, *received, *framing, *plugin, *file, *tenant;
    const char *catalogs[CATALOGS_MAX];
    struct setting_list catalog_list;
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

static void print_event(void *arg, const struct event *event)
{
    struct output *out = arg;
    writer_reset(&out->line);
    event_json_write(&out->line, event);
    print_line(out);
}

static void print_reject(void *arg, const struct event_reject *r)
{
    (void)arg;
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

static enum status read_input(const struct parse_options *options, struct writer *out)
{
    if (!options->file || !strcmp(options->file, "-"))
        return read_stream(STDIN_FILENO, out);
    return file_read_all(options->file, out);
}

static int run(const struct registry *registry, const struct catalog *catalog,
               const struct parser *parser, const struct parse_options *options,
               int64_t received_ns, enum split_prefix prefix, struct slice body)
{
    static const uint8_t zeros[32];
    static struct pipeline_result result;
    struct arena arena;
    struct output out = {.failed = false};
    struct json_parser *json = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES);
    struct json_parser *json_inner = json_parser_create(JSON_DEPTH, PIPELINE_JSON_NODES);
    struct hmac *hmac = hmac_create(slice_make(zeros, sizeof zeros));
    int exit_status = EXIT_FAILED;
    arena_init(&arena, ARENA_BYTES);
    writer_init(&out.line, OUTPUT_BYTES);
    if (!json || !json_inner || !hmac) {
        fail("start", status_text(STATUS_NO_MEMORY));
        goto done;
    }
    struct normaliser normaliser = {.catalog = catalog,
                                    .received_ns = received_ns,
                                    .tenant_id = slice_from_text(options->tenant),
                                    .header_vin = slice_from_text(options->vin),
                                    .vin_policy = VIN_POLICY_FLAG,
                                    .pseudonym = zero_key_pseudonym,
                                    .pseudonym_arg = hmac,
                                    .arena = &arena};
    const struct pipeline_options pipeline = {.parser = parser,
                                              .prefix = prefix,
                                              .headers = options->headers,
                                              .header_count = options->header_count,
                                              .event_bytes = EVENT_BYTES,
                                              .batch_events = UINT32_MAX,
                                              .json_depth = JSON_DEPTH,
                                              .normaliser = &normaliser,
                                              .json = json,
                                              .json_inner = json_inner,
                                              .registry = registry,
                                              .on_event = print_event,
                                              .on_reject = print_reject,
                                              .arg = &out};
    enum status status = pipeline_run(&pipeline, body, &result);
    if (status == STATUS_TOO_MANY && result.too_short)
        fail("input",
             "it holds over 1,000 records, and more than one for each 8 bytes (12 in JSON)");
    else if (status != STATUS_OK)
        fail("input", status_text(status));
    else if (fflush(stdout) != 0 || out.failed)
        fail("standard output", "could not be written");
    else
        exit_status = result.quarantined ? EXIT_FAILED : EXIT_DONE;
done:
    writer_fini(&out.line);
    hmac_destroy(hmac);
    json_parser_destroy(json);
    json_parser_destroy(json_inner);
    arena_fini(&arena);
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
        return fail("--header", "must be NAME:VALUE, and at most 64 of them");
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

static bool read_options(int argc, char **argv, struct parse_options *o)
{
    const char *header;
    for (int i = 1; i < argc; i++) {
        if (take_option(argc, argv, &i, "--header", &header)) {
            if (!take_header(o, header))
                return fail(header, "is not NAME:VALUE, or one too many");
            continue;
        }
        if (take_option(argc, argv, &i, "--format", &o->format) ||
            take_option(argc, argv, &i, "--vin", &o->vin) ||
            take_option(argc, argv, &i, "--received", &o->received) ||
            take_option(argc, argv, &i, "--framing", &o->framing) ||
            take_option(argc, argv, &i, "--plugin", &o->plugin) ||
            take_option(argc, argv, &i, "--tenant", &o->tenant) || take_catalog(argc, argv, &i, o))
            continue;
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            return fail(argv[i], "is not an option, or its argument is missing");
        if (o->file)
            return fail(argv[i], "is a second file; name one file only");
        o->file = argv[i];
    }
    o->catalog_list.items = o->catalogs;
    return o->format != NULL || fail("--format NAME is needed", "`vsocd formats` lists them");
}

static int parse_with(const struct registry *registry, const struct catalog *catalog,
                      const struct parse_options *options)
{
    enum split_prefix prefix = SPLIT_PREFIX_NONE;
    int64_t received_ns;
    struct writer body;
    const struct parser *parser = registry_by_name(registry, slice_from_text(options->format));
    if (!parser) {
        fail(options->format, "no such format; `vsocd formats` lists them");
        return EXIT_USAGE;
    }
    if (!read_framing(options->framing, &prefix) || !read_received(options->received, &received_ns))
        return EXIT_USAGE;
    int exit_status = EXIT_FAILED;
    enum status status = read_input(options, &body);
    if (status == STATUS_OK && !writer_reserve(&body, PIPELINE_PADDING))
        status = body.status;
    if (status != STATUS_OK)
        fail(options->file ? options->file : "standard input", status_text(status));
    else
        exit_status =
            run(registry, catalog, parser, options, received_ns, prefix, writer_slice(&body));
    writer_fini(&body);
    return exit_status;
}

static int parse_with_catalogs(const struct registry *registry, const struct parse_options *options)
{
    struct config_problems problems;
    struct catalog_set *set = NULL;
    int exit_status = EXIT_FAILED;
    enum status status = catalog_set_load(&options->catalog_list, registry, &set, &problems);
    if (status == STATUS_OK) {
        exit_status = parse_with(registry, set->catalog, options);
    } else if (status == STATUS_CONFIG) {
        config_cli_tell(&problems);
        exit_status = EXIT_CONFIG;
    } else {
        fail("start", status_text(status));
    }
    catalog_set_destroy(set);
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
        fail("start", reason);
        return EXIT_FAILED;
    }
    int exit_status = parse_with_catalogs(plugins.registry, &options);
    plugins_close(&plugins);
    return exit_status;
}
