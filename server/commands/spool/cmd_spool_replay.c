/* cmd_spool_replay.c: `vsocd spool replay`: delivers a range of a spool to the sinks again. Main
 * thread. storage/sinks/sink_replay.c and the sinks find what is missing and deliver it. */
#include "server/commands/spool/cmd_spool.h"
#include "core/object.h"
#include "server/commands/command.h"
#include "server/commands/command_audit.h"
#include "server/commands/spool/archive_dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/log.h"
#include "core/writer.h"
#include "server/commands/config_cli.h"
#include "server/plugins/sink_config.h"
#include "server/plugins/sink_set.h"
#include "server/ingest/record_keys.h"
#include "storage/sinks/sink_replay.h"
#include "storage/spool/spool_verify.h"

#define PATIENCE_NS (60 * NS_PER_S)
#define SHOW_NS     (NS_PER_S / 4)

#define REPLAY_MAGIC 0x5245504cU

struct replay {
    unsigned magic; /* REPLAY_MAGIC */
    char dir[4096];
    const char *archive; /* its URL; NULL: dir was given */
    const char *only;    /* --sink, or NULL: all that are enabled */
    const char *from_text, *to_text;
    uint64_t from, to;
    bool dry_run, json;
    struct config *config;
    struct seal_keys keys;
    struct sink_set sinks;
    char instance[256];
    /* Of the current sink. */
    const char *sink;
    bool terminal; /* standard error is one */
    int64_t shown_ns;
    struct writer report; /* members of the JSON array */
};

OBJECT_CAST(replay, REPLAY_MAGIC)

/* --- output --------------------------------------------------------------------------------- */

static void clear_line(const struct replay *r)
{
    if (r->terminal)
        fputs("\r\033[K", stderr);
}

static void on_progress(void *arg, const struct sink_replay_counts *c, const char *problem)
{
    struct replay *r = replay_cast(arg);
    int64_t now = clock_monotonic_ns();
    if (!r->terminal || (!problem && c->batches_done < c->batches && now - r->shown_ns < SHOW_NS))
        return;
    r->shown_ns = now;
    clear_line(r);
    if (problem)
        fprintf(stderr, "%s: waiting: %.200s", r->sink, problem);
    else
        fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " records, %" PRIu64 " events %s", r->sink,
                c->batches_done, c->batches, c->put, r->dry_run ? "missing" : "put in");
    fflush(stderr);
}

static void print_text(const struct replay *r, const struct sink_replay_counts *c,
                       enum status status, const char *problem)
{
    clear_line(r);
    if (c->batches)
        printf("%s: positions %" PRIu64 " to %" PRIu64 ": %" PRIu64 " of %" PRIu64
               " records, %" PRIu64 " events: %" PRIu64 " were there, %" PRIu64 " %s\n",
               r->sink, c->from, c->to, c->batches_done, c->batches, c->events_done,
               c->events_done - c->put, c->put, r->dry_run ? "are missing" : "put in");
    if (c->left)
        printf("%s: positions after %" PRIu64 " were left out: the server has yet to deliver "
               "them\n",
               r->sink, c->to);
    if (c->erased)
        printf("%s: events and quarantined records that were erased, and are left out: %" PRIu64
               "\n",
               r->sink, c->erased);
    if (c->damaged)
        printf("%s: damaged places of the spool were skipped: %" PRIu64
               "; `vsocd spool check` shows where\n",
               r->sink, c->damaged);
    fflush(stdout);
    if (status == STATUS_NOT_FOUND)
        fprintf(stderr, "vsocd: %s: the range holds no record that could be delivered\n", r->sink);
    else if (status != STATUS_OK)
        fprintf(stderr, "vsocd: %s: %s%s\n", r->sink, problem[0] ? problem : status_text(status),
                c->batches ? ": run the same command again to continue" : "");
}

static void add_json(struct replay *r, const struct sink_replay_counts *c, enum status status,
                     const char *problem)
{
    struct writer *w = &r->report;
    writer_format(
        w,
        "%s{\"sink\":\"%s\",\"complete\":%s,\"first_position\":%" PRIu64
        ",\"last_position\":%" PRIu64 ",\"records\":%" PRIu64 ",\"records_done\":%" PRIu64
        ",\"events\":%" PRIu64 ",\"events_done\":%" PRIu64 ",\"there\":%" PRIu64 ",\"put\":%" PRIu64
        ",\"erased\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"left_to_server\":%s,\"problem\":",
        w->size ? "," : "", r->sink, status == STATUS_OK ? "true" : "false", c->from, c->to,
        c->batches, c->batches_done, c->events, c->events_done, c->events_done - c->put, c->put,
        c->erased, c->damaged, c->left ? "true" : "false");
    if (status == STATUS_OK)
        writer_text(w, "null");
    else
        writer_json_string(w, slice_from_text(problem[0] ? problem : status_text(status)));
    writer_u8(w, '}');
}

/* --- replay --------------------------------------------------------------------------------- */

static int exit_for(enum status status, const struct sink_replay_counts *counts)
{
    switch (status) {
    case STATUS_OK:
        return counts->damaged ? EXIT_FAILED : EXIT_DONE;
    case STATUS_UNAVAILABLE:
        return EXIT_UNAVAILABLE;
    case STATUS_CONFIG:
        return EXIT_CONFIG;
    case STATUS_IO:
    case STATUS_VERSION:
        return EXIT_DISK;
    default:
        return EXIT_FAILED;
    }
}

static int replay_into(struct replay *r, const struct sink_choice *choice)
{
    struct sink_limits limits = sink_limits_of(choice->sink, choice->settings);
    const struct sink_replay_options options = {
        .sink = choice->sink,
        .config = {.struct_size = sizeof options.config,
                   .instance = r->instance,
                   .lanes = 1,
                   .settings = choice->settings},
        .dir = r->dir,
        .keys = &r->keys,
        .from = r->from,
        .to = r->to,
        .load_events = limits.load_events,
        .load_bytes = limits.load_bytes,
        .dry_run = r->dry_run,
        .patience_ns = PATIENCE_NS,
        .progress = on_progress,
        .arg = r,
    };
    struct sink_replay_counts counts;
    struct sink_problem problem = {0};
    r->sink = choice->sink->name;
    r->shown_ns = 0;
    enum status status = sink_replay_run(&options, &counts, &problem);
    if (r->json)
        add_json(r, &counts, status, problem.text);
    else
        print_text(r, &counts, status, problem.text);
    return exit_for(status, &counts);
}

/* The record of the replay is behind the range: the server delivers it. */
static void end_before_record(struct replay *r)
{
    const struct spool_verify_options options = {
        .depth = SPOOL_DEPTH_LIST, .from = UINT64_MAX, .to = UINT64_MAX};
    struct spool_verify_result newest;
    if (spool_verify_dir(r->dir, &options, &newest) == STATUS_OK && newest.newest &&
        newest.newest < r->to)
        r->to = newest.newest;
}

/* Before anything is put in. */
static bool record_replay(const struct replay *r)
{
    struct problem problem;
    const struct audit_field fields[] = {
        AUDIT_UINT(from_position, r->from),
        AUDIT_UINT(to_position, r->to == UINT64_MAX ? 0 : r->to),
        AUDIT_TEXT(sink, r->only ? r->only : "all"),
        AUDIT_TEXT(target, r->archive ? r->archive : r->dir),
    };
    if (r->dry_run || command_audit(r->config, AUDIT_replayed, fields,
                                    sizeof fields / sizeof *fields, &problem) == STATUS_OK)
        return true;
    fprintf(stderr, "vsocd: %s\n", problem.text);
    return false;
}

static int replay_all(struct replay *r)
{
    char reason[SINK_SET_REASON];
    if (sink_set_open(r->config, &r->sinks, reason) != STATUS_OK) {
        fprintf(stderr, "vsocd: %s\n", reason);
        return EXIT_CONFIG;
    }
    int code = EXIT_DONE;
    bool found = false;
    end_before_record(r);
    if (!record_replay(r))
        return EXIT_UNAVAILABLE;
    for (const struct sink_choice *c = r->sinks.items; c < r->sinks.items + r->sinks.count; c++) {
        if (!sink_is_enabled(c->sink, c->settings) || (r->only && strcmp(r->only, c->sink->name)))
            continue;
        found = true;
        if (!c->sink->replays)
            fprintf(stderr, "vsocd: %s: this sink can't replay; it was skipped\n", c->sink->name);
        int one = c->sink->replays ? replay_into(r, c) : r->only ? EXIT_CONFIG : EXIT_DONE;
        code = code ? code : one;
    }
    if (found)
        return code;
    if (r->only)
        fprintf(stderr, "vsocd: --sink %s: the settings enable no such sink: sinks.%s.enabled\n",
                r->only, r->only);
    else
        fputs("vsocd: the settings enable no sink: sinks.….enabled\n", stderr);
    return EXIT_CONFIG;
}

static int replay_from(struct replay *r, const char *given)
{
    char evidence[4200];
    if (!spool_is_archive(given))
        return replay_all(r);
    r->archive = given;
    snprintf(evidence, sizeof evidence, "%s/evidence", r->config->data_dir);
    const struct archive_want want = {.url = given,
                                      .config = r->config,
                                      .evidence_dir = evidence,
                                      .from = r->from,
                                      .to = r->to,
                                      .from_ns = INT64_MIN,
                                      .to_ns = INT64_MAX};
    int code = spool_archive_fetch(&want, r->dir);
    if (code != EXIT_DONE)
        return code;
    spool_archive_cursors(evidence);
    return replay_all(r);
}

static bool parse_range(struct replay *r)
{
    r->to = UINT64_MAX;
    return (!r->from_text || spool_parse_position(r->from_text, &r->from)) &&
           (!r->to_text || spool_parse_position(r->to_text, &r->to)) && r->from <= r->to;
}

int spool_replay(int argc, char **argv)
{
    static struct replay r = {.magic = REPLAY_MAGIC};
    const struct config_cli_option options[] = {
        {"--from", NULL, &r.from_text},  {"--to", NULL, &r.to_text}, {"--sink", NULL, &r.only},
        {"--dry-run", &r.dry_run, NULL}, {"--json", &r.json, NULL},  {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    if (argc < 3 || argv[2][0] == '-')
        return command_wrong("spool", "replay needs DIR: data_dir or the spool in it");
    const char *given = argv[2];
    if (!spool_is_archive(given) && !spool_find_dir(given, r.dir))
        return command_wrong("spool", "the path of DIR is too long");
    argv[2] = argv[0];
    int code = config_cli_load(argc - 2, argv + 2, &spec, &cli, &r.config);
    if (code != EXIT_DONE)
        return code;
    log_configure(LOG_WARN, LOG_PLAIN);
    struct problem problem;
    enum status status = record_keys_load(r.config->privacy_keys_file, &r.keys, &problem);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        fprintf(stderr, "vsocd: %s\n", problem.text);
        config_destroy(r.config);
        return EXIT_CONFIG;
    }
    r.terminal = isatty(STDERR_FILENO) && !r.json;
    sink_instance_name(r.config, r.instance, sizeof r.instance);
    writer_init(&r.report, SIZE_MAX / 2);
    code = parse_range(&r)
               ? replay_from(&r, given)
               : command_wrong("spool",
                               "--from and --to take positions, the first one not after the last");
    if (r.json && r.report.size)
        printf("{\"dry_run\":%s,\"sinks\":[%.*s]}\n", r.dry_run ? "true" : "false",
               (int)r.report.size, (const char *)r.report.data);
    writer_fini(&r.report);
    sink_set_close(&r.sinks);
    config_destroy(r.config);
    return code;
}
