/* cmd_spool_verify.c: `vsocd spool list`, `check` and `verify`: the contents of a spool and whether
 * it is intact, as text or JSON. Main thread. Reads through storage/spool/spool_verify.h only. */
#include "server/commands/spool/cmd_spool.h"
#include "core/object.h"
#include "server/commands/command.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/event/event_json.h"
#include "core/log/log.h"
#include "server/commands/config_cli.h"
#include "server/commands/spool/reparse.h"
#include "server/commands/spool/spool_heads.h"
#include "storage/spool/spool_verify.h"

#define OUTPUT_MAGIC 0x53564f55U

struct output {
    unsigned magic; /* OUTPUT_MAGIC */
    const struct spool_command *command;
    enum spool_depth depth;
    struct spool_expectation expected[SPOOL_EXPECTED_MAX];
    struct reparse_result reparsed;
    struct head_compare_result compared;
    const struct seal_keys *keys;
    struct writer segments, findings, evictions; /* JSON members, or lines of text */
};

OBJECT_CAST(output, OUTPUT_MAGIC)

static void write_position(struct writer *w, uint64_t position)
{
    if (position)
        writer_format(w, "%" PRIu64, position);
    else
        writer_text(w, "null");
}

static void write_time(struct writer *w, uint64_t position, int64_t ns)
{
    if (position)
        event_json_write_time(w, ns);
    else
        writer_text(w, "null");
}

static void json_segment(struct writer *w, const struct spool_segment_summary *s)
{
    writer_format(w, "%s{\"file\":\"%s\",\"first_position\":", w->size ? "," : "", s->file);
    write_position(w, s->oldest);
    writer_text(w, ",\"last_position\":");
    write_position(w, s->newest);
    writer_format(w,
                  ",\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"file_bytes\":%" PRIu64
                  ",\"used_bytes\":%" PRIu64 ",\"first_time\":",
                  s->records, s->events, s->file_bytes, s->used_bytes);
    write_time(w, s->oldest, s->oldest_ns);
    writer_text(w, ",\"last_time\":");
    write_time(w, s->newest, s->newest_ns);
    writer_format(w, ",\"salvaged\":%s,\"kinds\":{", s->salvaged ? "true" : "false");
    bool first = true;
    for (uint8_t kind = BATCH_KIND_EVENTS; kind <= BATCH_KIND_MAX; kind++)
        if (s->kinds[kind]) {
            writer_format(w, "%s\"%s\":%" PRIu64, first ? "" : ",", batch_kind_text(kind),
                          s->kinds[kind]);
            first = false;
        }
    writer_text(w, "}}");
}

/* The time without the quotes of JSON. */
static void text_time(struct writer *w, int64_t ns)
{
    struct writer quoted;
    writer_init(&quoted, 64);
    event_json_write_time(&quoted, ns);
    struct slice text = writer_slice(&quoted);
    if (text.size > 2)
        writer_add_slice(w, slice_sub(text, 1, text.size - 2));
    writer_fini(&quoted);
}

static void text_segment(struct writer *w, const struct spool_segment_summary *s)
{
    writer_format(w,
                  "%s  %10" PRIu64 "  %10" PRIu64 "  %8" PRIu64 "  %10" PRIu64 "  %12" PRIu64 "  ",
                  s->file, s->oldest, s->newest, s->records, s->events, s->used_bytes);
    if (s->newest) {
        text_time(w, s->oldest_ns);
        writer_text(w, "  ");
        text_time(w, s->newest_ns);
    } else {
        writer_text(w, "empty");
    }
    for (uint8_t kind = BATCH_KIND_EVENTS + 1; kind <= BATCH_KIND_MAX; kind++)
        if (s->kinds[kind])
            writer_format(w, "  %s: %" PRIu64, batch_kind_text(kind), s->kinds[kind]);
    writer_text(w, s->salvaged ? "  salvaged\n" : "\n");
}

static void on_segment(void *arg, const struct spool_segment_summary *segment)
{
    struct output *out = output_cast(arg);
    if (out->depth != SPOOL_DEPTH_LIST)
        return;
    if (out->command->json)
        json_segment(&out->segments, segment);
    else
        text_segment(&out->segments, segment);
}

static void on_finding(void *arg, const struct spool_finding *f)
{
    struct output *out = output_cast(arg);
    struct writer *w = &out->findings;
    if (out->command->json) {
        writer_format(w,
                      "%s{\"kind\":\"%s\",\"file\":\"%s\",\"offset\":%" PRIu64 ",\"bytes\":%" PRIu64
                      ",\"position\":",
                      w->size ? "," : "", spool_finding_text(f->kind), f->file, f->offset,
                      f->bytes);
        write_position(w, f->position);
        writer_u8(w, '}');
        return;
    }
    writer_format(w, "%s: offset %" PRIu64 ": %s", f->file, f->offset, spool_finding_text(f->kind));
    if (f->bytes)
        writer_format(w, ", %" PRIu64 " bytes", f->bytes);
    if (f->position)
        writer_format(w, ", position %" PRIu64, f->position);
    if (f->kind == SPOOL_FINDING_TAIL)
        writer_text(w, " (normal in a running spool and after a crash)");
    writer_u8(w, '\n');
}

static void on_eviction(void *arg, const struct spool_eviction *e)
{
    struct output *out = output_cast(arg);
    struct writer *w = &out->evictions;
    if (!out->command->json) {
        writer_format(w,
                      "evicted before evidence.retention was over: positions %" PRIu64
                      " to %" PRIu64 ", %" PRIu64 " batches, %" PRIu64 " events, written ",
                      e->first, e->last, e->batches, e->events);
        text_time(w, e->oldest_ns);
        writer_text(w, " to ");
        text_time(w, e->newest_ns);
        writer_text(w, ", evicted ");
        text_time(w, e->evicted_ns);
        writer_format(w, " (%s)\n", spool_eviction_cause_text(e->cause));
        return;
    }
    writer_format(w,
                  "%s{\"first_position\":%" PRIu64 ",\"last_position\":%" PRIu64
                  ",\"batches\":%" PRIu64 ",\"events\":%" PRIu64 ",\"file_bytes\":%" PRIu64
                  ",\"cause\":\"%s\",\"first_time\":",
                  w->size ? "," : "", e->first, e->last, e->batches, e->events, e->file_bytes,
                  spool_eviction_cause_text(e->cause));
    event_json_write_time(w, e->oldest_ns);
    writer_text(w, ",\"last_time\":");
    event_json_write_time(w, e->newest_ns);
    writer_text(w, ",\"evicted_time\":");
    event_json_write_time(w, e->evicted_ns);
    writer_text(w, ",\"chain_hash\":\"");
    writer_hex(w, slice_make(e->chain_hash, SHA256_BYTES));
    writer_text(w, "\"}");
}

static void print_written(const struct writer *w)
{
    if (w->size)
        fwrite(w->data, 1, w->size, stdout);
}

static void json_heads(struct writer *w, const struct output *out)
{
    writer_format(w,
                  ",\"heads\":{\"compared\":%zu,\"matching\":%" PRIu64 ",\"records\":%" PRIu64
                  ",\"hashes\":%" PRIu64 ",\"retired\":",
                  out->command->head_count, out->compared.matching, out->compared.records,
                  out->compared.hashes);
    if (out->compared.retired.position)
        retired_write_json(w, &out->compared.retired);
    else
        writer_text(w, "null");
    writer_u8(w, '}');
}

static void print_retired(const struct retired *retired)
{
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    retired_write_text(&w, retired);
    print_written(&w);
    writer_fini(&w);
}

static void print_json(struct output *out, const struct spool_verify_result *r)
{
    struct writer w;
    writer_init(&w, SIZE_MAX / 2);
    writer_text(&w, "{\"spool_uid\":\"");
    event_json_write_uuid(&w, r->spool_uid);
    writer_text(&w, "\",\"first_position\":");
    write_position(&w, r->oldest);
    writer_text(&w, ",\"last_position\":");
    write_position(&w, r->newest);
    writer_format(
        &w, ",\"records\":%" PRIu64 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"segments\":",
        r->records, r->events, r->bytes);
    if (out->depth == SPOOL_DEPTH_LIST) {
        writer_u8(&w, '[');
        writer_add_slice(&w, writer_slice(&out->segments));
        writer_u8(&w, ']');
    } else {
        writer_format(&w, "%" PRIu64, r->segments);
    }
    if (out->depth == SPOOL_DEPTH_VERIFY) {
        writer_format(&w,
                      ",\"erased\":%" PRIu64 ",\"erased_parts\":%" PRIu64
                      ",\"without_key\":%" PRIu64 ",\"keyless\":%" PRIu64,
                      r->erased, r->erased_parts, r->without_key, r->keyless);
        writer_text(&w, ",\"chain_hash\":\"");
        writer_hex(&w, slice_make(r->chain_hash, SHA256_BYTES));
        writer_text(&w, "\",\"chain_broken_at\":");
        write_position(&w, r->broken_position);
    }
    writer_format(&w, ",\"evicted_batches\":%" PRIu64 ",\"evictions\":[", r->evicted_batches);
    writer_add_slice(&w, writer_slice(&out->evictions));
    writer_text(&w, "],\"findings\":[");
    writer_add_slice(&w, writer_slice(&out->findings));
    writer_u8(&w, ']');
    if (out->command->head_count)
        json_heads(&w, out);
    if (out->command->reparse)
        writer_format(&w,
                      ",\"reparsed\":{\"batches\":%" PRIu64 ",\"events\":%" PRIu64
                      ",\"differ\":%" PRIu64 ",\"not_compared\":%" PRIu64 "}",
                      out->reparsed.batches, out->reparsed.events, out->reparsed.differ,
                      out->reparsed.not_compared);
    writer_format(&w, ",\"whole\":%s}\n", r->damaged ? "false" : "true");
    print_written(&w);
    writer_fini(&w);
}

/* What could not be compared with its commitments. */
static void print_unchecked(const struct spool_verify_result *r)
{
    if (r->erased)
        printf("%" PRIu64 " records were erased: header and chain were checked\n", r->erased);
    if (r->erased_parts)
        printf("%" PRIu64 " vehicles were erased in batches of several: the other parts were "
               "checked\n",
               r->erased_parts);
    if (r->keyless)
        printf("%" PRIu64
               " records were written without keys: header, CRC and chain were checked\n",
               r->keyless);
    if (r->without_key)
        printf("%" PRIu64 " records were checked by header, CRC and chain only: their key (%" PRIu32
               ") is not at hand; give privacy.keys_file with --keys or -c\n",
               r->without_key, r->missing_key);
}

static void print_verdict(const struct output *out, const struct spool_verify_result *r)
{
    if (out->depth == SPOOL_DEPTH_VERIFY && r->broken_position)
        printf("the hash chain breaks at position %" PRIu64 "\n", r->broken_position);
    else if (out->depth == SPOOL_DEPTH_VERIFY && r->newest)
        printf("the hash chain holds from position %" PRIu64 " to %" PRIu64 "\n", r->oldest,
               r->newest);
    if (r->evicted_batches)
        printf("%" PRIu64 " batches up to position %" PRIu64
               " were evicted before evidence.retention was over\n",
               r->evicted_batches, r->evicted_to);
    for (size_t i = 0; out->depth == SPOOL_DEPTH_VERIFY && i < out->command->expected_count; i++)
        if (out->expected[i].matches)
            printf("position %" PRIu64 " has the expected chain hash\n", out->expected[i].position);
    if (out->command->head_count)
        printf("%" PRIu64 " of %zu signed heads have the root of this spool, from %" PRIu64
               " records and %" PRIu64 " stored hashes of removed ones\n",
               out->compared.matching, out->command->head_count, out->compared.records,
               out->compared.hashes);
    if (out->command->head_count && out->compared.retired.position)
        print_retired(&out->compared.retired);
    if (out->command->reparse)
        printf("%" PRIu64 " batches were parsed again, %" PRIu64 " events compared: %" PRIu64
               " batches differ, %" PRIu64 " could not be compared\n",
               out->reparsed.batches, out->reparsed.events, out->reparsed.differ,
               out->reparsed.not_compared);
    if (out->depth == SPOOL_DEPTH_VERIFY)
        print_unchecked(r);
    if (r->damaged)
        printf("the spool is damaged: %" PRIu64 " %s\n", r->damaged,
               r->damaged == 1 ? "finding" : "findings");
    else if (out->depth != SPOOL_DEPTH_LIST)
        puts("all whole");
}

static void print_text(struct output *out, const struct spool_verify_result *r)
{
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(r->spool_uid, uid);
    printf("spool %.36s: positions %" PRIu64 " to %" PRIu64 ", %" PRIu64 " records, %" PRIu64
           " events, %" PRIu64 " segments, %" PRIu64 " bytes\n",
           uid, r->oldest, r->newest, r->records, r->events, r->segments, r->bytes);
    if (out->depth == SPOOL_DEPTH_LIST)
        printf("%-24s  %10s  %10s  %8s  %10s  %12s  %s\n", "file", "first", "last", "records",
               "events", "bytes used", "written from, to");
    print_written(&out->evictions);
    print_written(&out->segments);
    print_written(&out->findings);
    print_verdict(out, r);
}

static void on_reparse_finding(void *arg, const struct reparse_finding *f)
{
    struct output *out = output_cast(arg);
    struct writer *w = &out->findings;
    const char *kind = f->not_compared ? "events_not_compared" : "events_differ";
    if (out->command->json) {
        writer_format(
            w, "%s{\"kind\":\"%s\",\"position\":%" PRIu64 ",\"index\":%" PRIu32 ",\"detail\":",
            w->size ? "," : "", kind, f->position, f->index);
        writer_json_string(w, slice_from_text(f->detail));
        writer_u8(w, '}');
        return;
    }
    writer_format(w, "position %" PRIu64 ", index %" PRIu32 ": %s: %s\n", f->position, f->index,
                  kind, f->detail);
}

/* Parses the bodies again. Exit status; findings count as damage. */
static int reparse(struct output *out, struct spool_verify_result *result)
{
    const struct spool_command *command = out->command;
    struct config *config;
    int code = spool_load_settings(command, &config);
    if (code != EXIT_DONE)
        return code;
    log_configure(LOG_WARN, LOG_PLAIN);
    const struct reparse_options options = {.dir = command->dir,
                                            .from = command->from,
                                            .to = command->to,
                                            .config = config,
                                            .keys = out->keys,
                                            .on_finding = on_reparse_finding,
                                            .arg = out};
    enum status status = reparse_dir(&options, &out->reparsed);
    config_destroy(config);
    result->damaged += out->reparsed.differ + out->reparsed.not_compared;
    if (status == STATUS_OK)
        return EXIT_DONE;
    if (status != STATUS_CONFIG)
        fprintf(stderr, "vsocd: %s: %s\n", command->dir, status_text(status));
    return status == STATUS_CONFIG ? EXIT_CONFIG : EXIT_DISK;
}

/* Exit status; differences count as damage. */
static int compare_heads(struct output *out, struct spool_verify_result *result)
{
    if (!out->command->head_count)
        return EXIT_DONE;
    int code = spool_compare_heads(out->command, result->spool_uid, &out->findings, &out->compared);
    result->damaged += out->compared.findings;
    return code;
}

static int examine(const struct spool_command *command, enum spool_depth depth)
{
    struct output out = {.magic = OUTPUT_MAGIC, .command = command, .depth = depth};
    int code = depth == SPOOL_DEPTH_VERIFY ? spool_load_keys(command, &out.keys) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    writer_init(&out.segments, SIZE_MAX / 2);
    writer_init(&out.findings, SIZE_MAX / 2);
    writer_init(&out.evictions, SIZE_MAX / 2);
    memcpy(out.expected, command->expected, sizeof out.expected);
    struct spool_verify_options options = {
        .depth = depth,
        .from = command->from,
        .to = command->to,
        .on_segment = on_segment,
        .on_finding = on_finding,
        .on_eviction = on_eviction,
        .arg = &out,
        .without_end = command->is_archive,
        .without_key_areas = command->is_archive && !command->evidence,
        .keys = out.keys,
        .expected = out.expected,
        .expected_count = command->expected_count,
    };
    struct spool_verify_result result;
    int rc = EXIT_DISK;
    enum status status = spool_verify_dir(command->dir, &options, &result);
    if (status == STATUS_NOT_FOUND)
        fprintf(stderr,
                "vsocd: %s: no spool found: give data_dir or the directory with its "
                "*.seg files\n",
                command->dir);
    else if (status != STATUS_OK)
        fprintf(stderr, "vsocd: %s: %s\n", command->dir, status_text(status));
    else if ((rc = compare_heads(&out, &result)) == EXIT_DONE &&
             (!command->reparse || (rc = reparse(&out, &result)) == EXIT_DONE)) {
        if (command->json)
            print_json(&out, &result);
        else
            print_text(&out, &result);
        rc = fflush(stdout) != 0 ? EXIT_DISK : result.damaged ? EXIT_FAILED : EXIT_DONE;
    }
    writer_fini(&out.segments);
    writer_fini(&out.findings);
    writer_fini(&out.evictions);
    return rc;
}

int spool_list(const struct spool_command *command)
{
    return examine(command, SPOOL_DEPTH_LIST);
}

int spool_check(const struct spool_command *command)
{
    return examine(command, SPOOL_DEPTH_CHECK);
}

int spool_verify(const struct spool_command *command)
{
    return examine(command, SPOOL_DEPTH_VERIFY);
}
