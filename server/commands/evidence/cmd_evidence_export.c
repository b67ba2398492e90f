/* cmd_evidence_export.c: `vsocd evidence export`: a bundle of records with their proofs. The export
 * is in the log, and covered by a signed head, before the archive gets its name. Main thread. */
#include "server/commands/evidence/cmd_evidence.h"
#include "server/commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/object.h"
#include "core/event/event_codec.h"
#include "core/event/event_json.h"
#include "core/vin.h"
#include "parsers/read/timestamp.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/commands/evidence/export_select.h"
#include "server/commands/evidence/vehicle_words.h"
#include "server/commands/spool/archive_dir.h"
#include "server/files/file_read.h"
#include "server/ingest/record_keys.h"
#include "storage/evidence/bundle/bundle_export.h"
#include "storage/evidence/retired.h"

#define WAIT_NS      (30 * NS_PER_S) /* for a head, and for enough witnesses */
#define WAIT_STEP_NS (50 * NS_PER_MS)
#define REASON_BYTES 400

extern const uint8_t bundle_readme[];
extern const size_t bundle_readme_size;

#define EXPORT_MAGIC 0x4f505845U

struct export_command {
    unsigned magic; /* EXPORT_MAGIC */
    const char *batch, *vehicle, *from, *to, *reason, *by, *file, *policy_file;
    struct config *config;
    char spool_dir[PATH_MAX], evidence_dir[PATH_MAX];
    struct seal_keys keys;
    struct export_select select;
    struct writer policy_text;
    struct policy *policy;
    int fd; /* without a name until the end */
    struct bundle_writer *writer;
    struct bundle_export *bundle;
    struct problem problem;
    bool archive; /* also what only the archive has */
};

OBJECT_CAST(export_command, EXPORT_MAGIC)

static int fail(const struct export_command *c, int rc, const char *what)
{
    fprintf(stderr, "vsocd evidence export: %s%s%s\n", what, c->problem.text[0] ? ": " : "",
            c->problem.text);
    return rc;
}

/* --- what the bundle begins with ------------------------------------------------------------ */

/* The caller's policy, or the log's key without witnesses. */
static int load_policy(struct export_command *c)
{
    char path[PATH_MAX];
    enum status status;
    if (c->policy_file) {
        snprintf(path, sizeof path, "%s", c->policy_file);
        status = file_read_all(path, &c->policy_text);
    } else {
        struct writer key;
        writer_init(&key, 8192);
        snprintf(path, sizeof path, "%s/evidence/head.vkey", c->config->data_dir);
        status = file_read_all(path, &key);
        struct slice text = slice_trim(writer_slice(&key));
        writer_format(&c->policy_text, "log %.*s\nquorum none\n", SLICE_ARGS(text));
        writer_fini(&key);
    }
    struct policy_fault fault = {0, status_text(status)};
    if (status == STATUS_OK)
        status = policy_parse(writer_slice(&c->policy_text), &c->policy, &fault);
    if (status != STATUS_OK && fault.line)
        problem_say(&c->problem, "%.300s: line %zu: %s", path, fault.line, fault.why);
    else if (status != STATUS_OK)
        problem_say(&c->problem, "%.300s: %s", path, fault.why);
    return status == STATUS_OK ? EXIT_DONE : fail(c, EXIT_CONFIG, "no policy");
}

static void add_versions(struct export_command *c)
{
    struct writer w;
    writer_init(&w, 4096);
    writer_format(&w,
                  "{\"program\":\"vsocd %s\",\"bundle\":1,\"leaf\":\"vsocd/leaf/v1\","
                  "\"events\":%d}\n",
                  VSOCD_VERSION, EVENT_CODEC_VERSION);
    bundle_writer_add(c->writer, SLICE_LITERAL("versions.json"), writer_slice(&w));
    writer_fini(&w);
}

static void put_member(struct writer *w, const char *name, const char *text)
{
    if (!text)
        return;
    writer_format(w, "\"%s\":", name);
    writer_json_string(w, slice_from_text(text));
    writer_u8(w, ',');
}

/* The vehicle stands there as its pseudonyms, which the records have. */
static void add_manifest(struct export_command *c)
{
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    writer_text(&w, "{\"format\":\"vsocd/evidence-bundle/v1\",\"exported\":");
    event_json_write_time(&w, clock_wall_ns());
    writer_u8(&w, ',');
    put_member(&w, "by", c->by);
    put_member(&w, "reason", c->reason);
    put_member(&w, "batches", c->batch);
    put_member(&w, "from", c->from);
    put_member(&w, "to", c->to);
    if (c->vehicle) {
        writer_text(&w, "\"vehicles\":");
        export_select_write_pids(&c->select, &w);
        writer_u8(&w, ',');
    }
    bundle_export_list(c->bundle, &w);
    writer_text(&w, "}\n");
    bundle_writer_add(c->writer, SLICE_LITERAL("manifest.json"), writer_slice(&w));
    writer_fini(&w);
}

static void on_progress(void *arg, uint64_t position)
{
    (void)arg;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rread up to position %" PRIu64, position);
}

/* Records that were removed can't be exported; their hashes are still in the tree. */
static void say_what_is_missing(struct export_command *c, size_t count)
{
    const struct retired_question question = {.spool_dir = c->spool_dir, .leaf = UINT64_MAX};
    struct retired retired;
    struct writer w;
    writer_init(&w, PROBLEM_BYTES);
    if (retired_before(&question, &retired) == STATUS_OK && retired.position)
        retired_write_text(&w, &retired);
    struct slice text = slice_trim(writer_slice(&w));
    problem_say(
        &c->problem,
        "%zu records of the spool are selected; `vsocd spool list` shows what there is%s%.*s%s",
        count, text.size ? "; " : "", SLICE_ARGS(text),
        c->config->archive_url && !c->archive ? "; --archive also reads the archive" : "");
    writer_fini(&w);
}

static int add_segment(void *arg, const char *dir)
{
    struct export_command *c = export_command_cast(arg);
    enum status status = bundle_export_archived(c->bundle, dir, &c->select.selection, &c->problem);
    return status == STATUS_OK ? EXIT_DONE : fail(c, EXIT_FAILED, "nothing was exported");
}

/* Records of segments that have left the disk. */
static int add_archived(struct export_command *c)
{
    char dir[PATH_MAX];
    uint64_t first = bundle_export_first(c->bundle);
    const struct archive_want want = {
        .url = c->config->archive_url,
        .config = c->config,
        .evidence_dir = c->evidence_dir,
        .spool_uid = bundle_export_spool(c->bundle),
        .from = 1,
        .to = first - 1,
        .from_ns = c->select.selection.from_ns,
        .to_ns = c->select.selection.to_ns,
        .each = add_segment,
        .arg = c,
    };
    return first > 1 ? spool_archive_fetch(&want, dir) : EXIT_DONE;
}

static int add_records(struct export_command *c)
{
    snprintf(c->spool_dir, sizeof c->spool_dir, "%s/spool", c->config->data_dir);
    snprintf(c->evidence_dir, sizeof c->evidence_dir, "%s/evidence", c->config->data_dir);
    const struct bundle_export_options options = {
        .spool_dir = c->spool_dir,
        .evidence_dir = c->evidence_dir,
        .keys = &c->keys,
        .policy = c->policy,
        .writer = c->writer,
        .on_progress = on_progress,
    };
    bundle_writer_add(c->writer, SLICE_LITERAL("README.txt"),
                      slice_make(bundle_readme, bundle_readme_size));
    bundle_writer_add(c->writer, SLICE_LITERAL("policy.txt"), writer_slice(&c->policy_text));
    add_versions(c);
    if (bundle_export_open(&options, &c->bundle, &c->problem) != STATUS_OK)
        return fail(c, EXIT_DISK, "nothing was exported");
    int rc = c->archive ? add_archived(c) : EXIT_DONE;
    if (rc != EXIT_DONE)
        return rc;
    if (bundle_export_records(c->bundle, &c->select.selection, &c->problem) != STATUS_OK)
        return fail(c, EXIT_DISK, "nothing was exported");
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    size_t count = bundle_export_count(c->bundle);
    if (!count || (c->select.selection.batch_count && count < c->select.selection.batch_count)) {
        say_what_is_missing(c, count);
        return fail(c, EXIT_FAILED, "nothing was exported");
    }
    add_manifest(c);
    return EXIT_DONE;
}

/* --- the export in the log ------------------------------------------------------------------ */

static int record_export(struct export_command *c, const uint8_t contents[SHA256_BYTES])
{
    struct writer vehicle, hex, why;
    writer_init(&vehicle, 256);
    writer_init(&hex, 2 * SHA256_BYTES);
    writer_init(&why, 4096);
    writer_hex(&hex, slice_make(contents, SHA256_BYTES));
    if (c->select.pid_count)
        vehicle_write(&vehicle, c->select.pids[0]);
    writer_format(&why, "%s: %s", c->by, c->reason);
    const struct audit_field fields[] = {
        AUDIT_SLICE(vehicle, writer_slice(&vehicle)),
        AUDIT_TEXT(batch, c->batch ? c->batch : ""),
        AUDIT_TIME(from, c->from ? c->select.selection.from_ns : 0),
        AUDIT_TIME(to, c->to ? c->select.selection.to_ns : 0),
        AUDIT_UINT(records, bundle_export_count(c->bundle)),
        AUDIT_TEXT(target, c->file),
        AUDIT_SLICE(digest, writer_slice(&hex)),
        AUDIT_SLICE(reason, writer_slice(&why)),
    };
    enum status status = command_audit(c->config, AUDIT_evidence_exported, fields,
                                       sizeof fields / sizeof *fields, &c->problem);
    writer_fini(&vehicle);
    writer_fini(&hex);
    writer_fini(&why);
    return status == STATUS_OK ? EXIT_DONE
                               : fail(c, EXIT_FAILED,
                                      "the export can't be recorded, so it is "
                                      "not made");
}

static void wait_a_step(void)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
    nanosleep(&step, NULL);
}

static int find_custody_and_head(struct export_command *c, const uint8_t contents[SHA256_BYTES])
{
    int64_t end_ns = clock_monotonic_ns() + WAIT_NS;
    enum status status;
    while ((status = bundle_export_find_custody(c->bundle, contents, &c->problem)) ==
               STATUS_NOT_FOUND &&
           clock_monotonic_ns() < end_ns)
        wait_a_step();
    if (status != STATUS_OK)
        return fail(c, EXIT_FAILED, "nothing was exported");
    while ((status = bundle_export_find_head(c->bundle, &c->problem)) == STATUS_UNAVAILABLE &&
           clock_monotonic_ns() < end_ns)
        wait_a_step();
    return status == STATUS_OK
               ? EXIT_DONE
               : fail(c, EXIT_UNAVAILABLE, "nothing was exported; is the server running?");
}

static int finish(struct export_command *c)
{
    uint8_t contents[SHA256_BYTES];
    bundle_writer_contents(c->writer, contents);
    if (bundle_writer_status(c->writer) != STATUS_OK)
        return fail(c, EXIT_DISK, status_text(bundle_writer_status(c->writer)));
    int rc = record_export(c, contents);
    if (rc == EXIT_DONE)
        rc = find_custody_and_head(c, contents);
    if (rc != EXIT_DONE)
        return rc;
    if (bundle_export_proofs(c->bundle, &c->problem) != STATUS_OK)
        return fail(c, EXIT_FAILED, "nothing was exported");
    enum status status = bundle_writer_finish(c->writer);
    return status == STATUS_OK ? EXIT_DONE : fail(c, EXIT_DISK, status_text(status));
}

/* --- the file ------------------------------------------------------------------------------- */

static int open_file(struct export_command *c)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", c->file);
    if (access(c->file, F_OK) == 0) {
        problem_say(&c->problem, "%.300s exists already", c->file);
        return fail(c, EXIT_FAILED, "nothing was exported");
    }
    c->fd = open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (c->fd < 0) {
        problem_say(&c->problem, "%.300s: %s", c->file, strerror(errno));
        return fail(c, EXIT_DISK, "the archive can't be made");
    }
    c->writer = bundle_writer_create(c->fd);
    return c->writer ? EXIT_DONE : fail(c, EXIT_FAILED, status_text(STATUS_NO_MEMORY));
}

static int publish(struct export_command *c)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", c->fd);
    if (fsync(c->fd) != 0 || linkat(AT_FDCWD, link, AT_FDCWD, c->file, AT_SYMLINK_FOLLOW) != 0) {
        problem_say(&c->problem, "%.300s: %s", c->file, strerror(errno));
        return fail(c, EXIT_DISK, "the archive can't be given its name");
    }
    if (bundle_export_first(c->bundle) > 1 && !c->archive && !c->batch)
        fprintf(stderr,
                "vsocd evidence export: records below position %" PRIu64
                " have left the disk and were not searched%s\n",
                bundle_export_first(c->bundle),
                c->config->archive_url ? "; --archive also reads the archive" : "");
    printf("%s: %zu records, %" PRIu64 " bytes; check it with `vsocd evidence verify %s --policy "
           "FILE`\n",
           c->file, bundle_export_count(c->bundle), bundle_writer_bytes(c->writer), c->file);
    return EXIT_DONE;
}

/* --- the call ------------------------------------------------------------------------------- */

static const char *check_words(struct export_command *c)
{
    if (!c->file || !c->reason || !*c->reason || !c->by || !*c->by)
        return "export needs -o FILE, --reason TEXT and --by NAME";
    if (strlen(c->reason) > REASON_BYTES || strlen(c->by) > REASON_BYTES)
        return "--reason and --by have at most 400 bytes";
    if (!c->batch && !c->vehicle && !c->from)
        return "export needs --batch, --vehicle or --from";
    if (c->archive && !c->config->archive_url)
        return "--archive reads evidence.archive.url, which the settings do not have";
    return export_select_parse(&c->select, c->batch, c->vehicle, c->from, c->to);
}

static int prepare(struct export_command *c)
{
    enum status status = record_keys_load(c->config->privacy_keys_file, &c->keys, &c->problem);
    if (status == STATUS_OK && c->vehicle)
        status = export_select_vehicle(&c->select, c->config->privacy_keys_file, c->vehicle,
                                       &c->problem);
    if (status != STATUS_OK)
        return fail(c, EXIT_CONFIG, "the keys can't be read");
    int rc = load_policy(c);
    return rc == EXIT_DONE ? open_file(c) : rc;
}

static void release(struct export_command *c)
{
    bundle_export_close(c->bundle);
    bundle_writer_destroy(c->writer);
    policy_destroy(c->policy);
    writer_fini(&c->policy_text);
    export_select_fini(&c->select);
    seal_keys_wipe(&c->keys);
    config_destroy(c->config);
    if (c->fd >= 0)
        close(c->fd);
}

int evidence_export(int argc, char **argv)
{
    static struct export_command c;
    c = (struct export_command){.magic = EXPORT_MAGIC, .fd = -1};
    const struct config_cli_option options[] = {
        {"--batch", NULL, &c.batch},     {"--vehicle", NULL, &c.vehicle},
        {"--from", NULL, &c.from},       {"--to", NULL, &c.to},
        {"--reason", NULL, &c.reason},   {"--by", NULL, &c.by},
        {"-o", NULL, &c.file},           {"--policy", NULL, &c.policy_file},
        {"--archive", &c.archive, NULL}, {NULL, NULL, NULL},
    };
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    int rc = config_cli_load(argc, argv, &spec, &cli, &c.config);
    if (rc != EXIT_DONE)
        return rc;
    writer_init(&c.policy_text, POLICY_BYTES_MAX);
    const char *why = check_words(&c);
    rc = why ? command_wrong("evidence", why) : prepare(&c);
    if (rc == EXIT_DONE)
        rc = add_records(&c);
    if (rc == EXIT_DONE)
        rc = finish(&c);
    if (rc == EXIT_DONE)
        rc = publish(&c);
    release(&c);
    return rc;
}
