/* audit_list.c: `vsocd audit list` and `follow`: the records of the audit log as text or JSON. Main
 * thread. Changes nothing in the spool. */
#include "server/commands/audit/audit_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/exit_status.h"
#include "server/commands/audit/audit_parse.h"
#include "storage/spool/spool.h"

#define FOLLOW_NS (200 * NS_PER_MS)

struct lister {
    const struct audit_command *command;
    struct spool_reader *reader;
    struct audit_parse parse;
    struct writer line;
    uint64_t damaged;
};

/* Members that a line of text shows in other places, or not. */
static bool is_envelope(struct slice key)
{
    static const char *const names[] = {"audit_uid",   "time",       "instance",    "kind",
                                        "severity_id", "class_name", "activity_id", "class_uid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_text(key, names[i]))
            return true;
    return false;
}

static struct slice text_of(const struct json_document *d, const char *key)
{
    const struct json_node *node = json_find(d, 0, key);
    return node && node->type == JSON_STRING ? node->text : SLICE_EMPTY;
}

/* Its keys are gone, which no erasure does: nothing says what its text was. */
static bool is_unproven(const struct batch_record *record)
{
    return record->meta.version > 1 &&
           (record->state == SEAL_ERASED || record->state == SEAL_ABSENT);
}

/* 2026-11-30T06:00:00Z  position  kind  key=value … */
static void write_line(struct writer *w, const struct batch_record *record,
                       const struct json_document *d, struct slice kind)
{
    struct slice time = text_of(d, "time");
    if (time.size)
        writer_add_slice(w, time);
    else
        event_json_write_time(w, record->meta.received_ns);
    writer_format(w, "  %8" PRIu64 "  %-19.*s", record->meta.position, SLICE_ARGS(kind));
    for (size_t k = 1; k < d->nodes[0].span; k += d->nodes[k].span) {
        const struct json_node *n = &d->nodes[k];
        if (is_envelope(n->key))
            continue;
        writer_format(w, " %.*s=", SLICE_ARGS(n->key));
        writer_add_slice(w, n->raw);
    }
    if (is_unproven(record))
        writer_text(w, "  UNPROVEN: its keys were destroyed, so this text may be another one");
}

static void write_json(struct writer *w, const struct batch_record *record)
{
    const struct batch_meta *m = &record->meta;
    writer_format(w,
                  "{\"position\":%" PRIu64 ",\"record_kind\":\"%s\",\"leaf_index\":", m->position,
                  batch_kind_text(m->kind));
    if (m->leaf_index == BATCH_NO_LEAF)
        writer_text(w, "null");
    else
        writer_format(w, "%" PRIu64, m->leaf_index);
    writer_text(w, ",\"chain_hash\":\"");
    writer_hex(w, slice_make(m->chain_hash, sizeof m->chain_hash));
    writer_text(w, is_unproven(record) ? "\",\"unproven\":true,\"record\":" : "\",\"record\":");
    writer_add_slice(w, record->body);
    writer_u8(w, '}');
}

static bool is_wanted(const struct audit_command *c, const struct batch_meta *m)
{
    return m->kind != BATCH_KIND_EVENTS && m->position >= c->from_position &&
           m->received_ns >= c->from_ns && m->received_ns <= c->to_ns;
}

static enum status print(struct lister *l, const struct batch_record *record)
{
    const struct audit_command *c = l->command;
    struct json_document d;
    if (!is_wanted(c, &record->meta))
        return STATUS_OK;
    if (!audit_parse_body(&l->parse, record->body, &d)) {
        fprintf(stderr, "vsocd: position %" PRIu64 ": the record can't be read\n",
                record->meta.position);
        l->damaged++;
        return STATUS_OK;
    }
    struct slice kind = text_of(&d, "kind");
    if (c->kind && !slice_equal_text(kind, c->kind) &&
        (record->meta.kind == BATCH_KIND_AUDIT ||
         strcmp(batch_kind_text(record->meta.kind), c->kind)))
        return STATUS_OK;
    writer_reset(&l->line);
    if (c->json)
        write_json(&l->line, record);
    else
        write_line(&l->line, record, &d, kind);
    writer_u8(&l->line, '\n');
    l->damaged += is_unproven(record);
    if (l->line.status != STATUS_OK)
        return l->line.status;
    return fwrite(l->line.data, 1, l->line.size, stdout) == l->line.size ? STATUS_OK : STATUS_IO;
}

/* END: no more for now, or after the range. */
static enum status print_all(struct lister *l, bool *after)
{
    struct batch_record record;
    for (;;) {
        enum status status = spool_reader_next(l->reader, &record);
        if (status == STATUS_CORRUPT) {
            fputs("vsocd: damaged bytes skipped; `vsocd spool check` shows where\n", stderr);
            l->damaged++;
            continue;
        }
        if (status != STATUS_OK)
            return status;
        *after = record.meta.position > l->command->to_position;
        if (*after)
            return STATUS_END;
        status = print(l, &record);
        if (status != STATUS_OK)
            return status;
    }
}

static int run(const struct audit_command *command, bool follow)
{
    struct lister l = {.command = command};
    uint64_t before = command->from_position ? command->from_position - 1 : 0;
    bool after = false;
    enum status status = spool_reader_open_dir(command->dir, before, &l.reader);
    if (status != STATUS_OK) {
        fprintf(stderr, "vsocd: %s: %s: give data_dir or the directory with its *.seg files\n",
                command->dir, status_text(status));
        return EXIT_DISK;
    }
    writer_init(&l.line, SIZE_MAX / 2);
    status = audit_parse_init(&l.parse) ? print_all(&l, &after) : STATUS_NO_MEMORY;
    while (follow && status == STATUS_END && !after && fflush(stdout) == 0) {
        clock_sleep(FOLLOW_NS);
        status = print_all(&l, &after);
    }
    if (fflush(stdout) != 0)
        status = STATUS_IO;
    if (status != STATUS_END)
        fprintf(stderr, "vsocd: %s: the list ended early: %s\n", command->dir, status_text(status));
    spool_reader_close(l.reader);
    audit_parse_fini(&l.parse);
    writer_fini(&l.line);
    if (status != STATUS_END)
        return EXIT_DISK;
    return l.damaged ? EXIT_FAILED : EXIT_DONE;
}

int audit_list(const struct audit_command *command)
{
    return run(command, false);
}

int audit_follow(const struct audit_command *command)
{
    return run(command, true);
}
