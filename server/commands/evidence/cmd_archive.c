/* cmd_archive.c: `vsocd archive`: arguments, list and verify. Main thread. Writes nothing to an
 * archive. */
#include "server/commands/evidence/cmd_archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event/event_json.h"
#include "core/log/log.h"
#include "core/object.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"
#include "server/daemon/archive_config.h"

void archive_tell(struct archive_command *c, enum archive_finding finding,
                  const struct archive_entry *entry, const char *text)
{
    char name[SPOOL_NAME_BYTES] = "";
    if (finding != ARCHIVE_FINDING_TWICE)
        c->findings++;
    if (entry)
        spool_segment_name(entry->segment, name);
    if (c->json) {
        writer_format(&c->listed,
                      "%s{\"kind\":\"%s\",\"file\":\"%s\",\"detail\":", c->listed.size ? "," : "",
                      archive_finding_text(finding), name);
        writer_json_string(&c->listed, slice_from_text(text));
        writer_u8(&c->listed, '}');
    } else {
        fprintf(stderr, "%s: %s%s%s\n", archive_finding_text(finding), name, entry ? ": " : "",
                text);
    }
}

static void on_finding(void *arg, enum archive_finding finding, const struct archive_entry *entry,
                       const char *text)
{
    archive_tell(arg, finding, entry, text);
}

static void print_time(int64_t ns)
{
    struct writer w;
    writer_init(&w, 64);
    event_json_write_time(&w, ns);
    printf("%.*s", (int)w.size, (const char *)w.data);
    writer_fini(&w);
}

static void print_segment(const struct archive_command *c, size_t i)
{
    const struct archive_entry *e = &c->catalog.entries[i];
    char name[SPOOL_NAME_BYTES];
    spool_segment_name(e->segment, name);
    if (!c->json) {
        printf("%s  %10" PRIu64 "  %10" PRIu64 "  %8" PRIu64 "  %12" PRIu64 "  ", name, e->first,
               e->last, e->records, e->bytes);
        print_time(e->oldest_ns);
        printf("  ");
        print_time(e->newest_ns);
        putchar('\n');
        return;
    }
    printf("%s{\"file\":\"%s\",\"first_position\":%" PRIu64 ",\"last_position\":%" PRIu64
           ",\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"first_leaf\":%" PRIu64 ",\"leaves\":%" PRIu64 ",\"key_areas\":%" PRIu64
           ",\"damaged_bytes\":%" PRIu64 ",\"first_time\":",
           i ? "," : "", name, e->first, e->last, e->records, e->events, e->bytes, e->first_leaf,
           e->leaves, e->key_areas, e->damaged_bytes);
    print_time(e->oldest_ns);
    printf(",\"last_time\":");
    print_time(e->newest_ns);
    putchar('}');
}

static void print_all(const struct archive_command *c)
{
    char uid[UUID_TEXT_BYTES];
    uint64_t records = 0, bytes = 0;
    uuid_to_text(c->catalog.entries[0].spool_uid, uid);
    if (c->json)
        printf("{\"spool\":\"%.*s\",\"segments\":[", UUID_TEXT_BYTES, uid);
    else
        printf("%-24s  %10s  %10s  %8s  %12s  %s\n", "segment", "first", "last", "records", "bytes",
               "times");
    for (size_t i = 0; i < c->catalog.count; i++) {
        print_segment(c, i);
        records += c->catalog.entries[i].records;
        bytes += c->catalog.entries[i].bytes;
    }
    if (c->json)
        printf("],\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"findings\":[%.*s]}\n", records,
               bytes, (int)c->listed.size, (const char *)c->listed.data);
    else
        printf("spool %.*s: %zu segments, %" PRIu64 " records, %" PRIu64 " bytes\n",
               UUID_TEXT_BYTES, uid, c->catalog.count, records, bytes);
}

static int list(struct archive_command *c)
{
    print_all(c);
    return c->findings ? EXIT_FAILED : EXIT_DONE;
}

static int verify(struct archive_command *c)
{
    for (size_t i = 0; i < c->catalog.count; i++) {
        struct problem problem = {""};
        enum archive_finding wrong;
        const struct archive_entry *e = &c->catalog.entries[i];
        enum status s = archive_check(c->target, e, &wrong, &problem);
        if (s == STATUS_CORRUPT || s == STATUS_NOT_FOUND) {
            archive_tell(c, wrong, e, problem.text);
        } else if (s != STATUS_OK) {
            fprintf(stderr, "vsocd archive: %s\n", problem.text[0] ? problem.text : status_text(s));
            return EXIT_UNAVAILABLE;
        }
    }
    print_all(c);
    if (!c->json && !c->findings)
        puts("every object has the bytes that its index names, and the segments follow each other");
    return c->findings ? EXIT_FAILED : EXIT_DONE;
}

static const struct {
    const char *name;
    int (*run)(struct archive_command *c);
} verbs[] = {{"list", list}, {"verify", verify}, {"restore", archive_restore_into}};

static int open_and_run(struct archive_command *c, int (*run)(struct archive_command *c),
                        const uint8_t *uid)
{
    struct problem problem = {""};
    struct archive_settings settings = archive_settings_of(c->config);
    settings.url = c->url;
    enum status s = archive_target_open(&settings, &c->target, &problem);
    if (s == STATUS_OK)
        s = archive_catalog_read(c->target, uid, on_finding, c, &c->catalog, &problem);
    if (s == STATUS_OK) {
        int code = run(c);
        archive_catalog_fini(&c->catalog);
        return code;
    }
    fprintf(stderr, "vsocd archive: %.200s: %s\n", c->url,
            problem.text[0] ? problem.text : status_text(s));
    return s == STATUS_CONFIG      ? EXIT_CONFIG
           : s == STATUS_CONFLICT  ? EXIT_USAGE
           : s == STATUS_NOT_FOUND ? EXIT_FAILED
                                   : EXIT_UNAVAILABLE;
}

static int run_verb(struct archive_command *c, const char *verb, const char *spool)
{
    uint8_t uid[UUID_BYTES];
    if (!c->url)
        c->url = c->config->archive_url;
    if (!c->url || !c->url[0])
        return command_wrong("archive", "name the archive: file:///folder, or the settings with "
                                        "evidence.archive.url (-c FILE)");
    if (spool && uuid_from_text(slice_from_text(spool), uid) != STATUS_OK)
        return command_wrong("archive", "--spool takes the id of a spool");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(verb, verbs[i].name)) {
            if ((c->to != NULL) != (verbs[i].run == archive_restore_into))
                return command_wrong("archive", "--to DATA_DIR goes with restore, and restore "
                                                "needs it");
            int code = open_and_run(c, verbs[i].run, spool ? uid : NULL);
            archive_target_close(c->target);
            return code;
        }
    return command_wrong("archive", "say what to do: list, verify or restore");
}

int cmd_archive(int argc, char **argv)
{
    static struct archive_command c;
    const char *spool = NULL, *verb = argc > 1 ? argv[1] : "";
    c = (struct archive_command){0};
    const struct config_cli_option options[] = {
        {"--to", NULL, &c.to},     {"--keys", NULL, &c.keys}, {"--spool", NULL, &spool},
        {"--json", &c.json, NULL}, {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    int skip = argc > 1 ? 1 : 0;
    if (argc > 2 && argv[2][0] != '-') {
        c.url = argv[2];
        skip = 2;
    }
    argv[skip] = argv[0];
    int code = config_cli_load(argc - skip, argv + skip, &spec, &cli, &c.config);
    if (code != EXIT_DONE)
        return code;
    log_configure(LOG_WARN, LOG_PLAIN);
    writer_init(&c.listed, SIZE_MAX / 2);
    code = run_verb(&c, verb, spool);
    writer_fini(&c.listed);
    config_destroy(c.config);
    return code;
}
