/* bundle_gather.c: the records of a bundle from the spool, and the record of the export. The
 * owner's thread. Heads and proofs: bundle_prove.c. */
#include "storage/evidence/bundle/bundle_export_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/event/event_json.h"
#include "storage/evidence/bundle/bundle_custody.h"
#include "storage/evidence/bundle/bundle_record.h"
#include "storage/evidence/record_leaf.h"
#include "storage/evidence/spool_id.h"
#include "storage/spool/spool_segment.h"

#define PROGRESS_RECORDS 256

/* The name of the oldest segment. */
static enum status find_first(const struct bundle_export *x, uint64_t *first)
{
    uint64_t *firsts = NULL;
    size_t count = 0;
    int fd = open(x->options.spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_IO;
    enum status status = spool_segment_list(fd, &firsts, &count);
    *first = count ? firsts[0] : UINT64_MAX;
    free(firsts);
    close(fd);
    return status;
}

static enum status open_all(struct bundle_export *x, struct problem *problem)
{
    char tree_dir[4300];
    enum status status = find_first(x, &x->first);
    if (status == STATUS_OK)
        status = spool_reader_open_dir(x->options.spool_dir, 0, &x->reader);
    if (status != STATUS_OK) {
        problem_say(problem, "%.300s: %s", x->options.spool_dir, status_text(status));
        return status;
    }
    spool_reader_use_keys(x->reader, x->options.keys);
    snprintf(tree_dir, sizeof tree_dir, "%.4200s/tree", x->options.evidence_dir);
    status = evidence_tree_open(tree_dir, false, &x->tree);
    if (status == STATUS_OK)
        status = evidence_spool_id(x->options.spool_dir, x->spool_uid);
    if (status != STATUS_OK)
        problem_say(problem, "%.300s: %s", tree_dir, status_text(status));
    return status;
}

enum status bundle_export_open(const struct bundle_export_options *options,
                               struct bundle_export **out, struct problem *problem)
{
    struct bundle_export *x = calloc(1, sizeof *x);
    if (!x) {
        problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    x->options = *options;
    writer_init(&x->head, SIZE_MAX / 2);
    enum status status = open_all(x, problem);
    if (status == STATUS_OK)
        *out = x;
    else
        bundle_export_close(x);
    return status;
}

void bundle_export_close(struct bundle_export *x)
{
    if (!x)
        return;
    spool_reader_close(x->reader);
    evidence_tree_close(x->tree);
    writer_fini(&x->head);
    free(x->records);
    free(x);
}

static enum status remember(struct bundle_export *x, const struct batch_record *record)
{
    if (x->count == x->room) {
        size_t room = x->room ? 2 * x->room : 64;
        struct bundle_exported *more = realloc(x->records, room * sizeof *more);
        if (!more)
            return STATUS_NO_MEMORY;
        x->records = more;
        x->room = room;
    }
    struct bundle_exported *r = &x->records[x->count];
    *r = (struct bundle_exported){
        .position = record->meta.position,
        .leaf_index = record->meta.leaf_index,
        .received_ns = record->meta.received_ns,
        .kind = record->meta.kind,
        .erased = record->state == SEAL_ERASED,
    };
    memcpy(r->batch_uid, record->meta.batch_uid, UUID_BYTES);
    enum status status = record_leaf_hash(&record->meta, x->spool_uid, r->leaf);
    if (status == STATUS_OK)
        x->count++;
    return status;
}

static enum status add_selected(struct bundle_export *x, const struct batch_record *record,
                                struct problem *problem)
{
    char folder[48];
    snprintf(folder, sizeof folder, "records/%" PRIu64 "/", record->meta.position);
    enum status status =
        bundle_record_add(x->options.writer, folder, record, x->spool_uid, problem);
    if (status == STATUS_OK)
        status = remember(x, record);
    if (status != STATUS_OK && status != STATUS_REFUSED)
        problem_say(problem, "the bundle can't be written: %s", status_text(status));
    return status;
}

/* Passes records that the header alone excludes. */
static enum status read_next(struct bundle_export *x, struct spool_reader *reader,
                             const struct bundle_selection *selection, struct batch_record *record,
                             bool *selected)
{
    uint64_t position;
    uint32_t events;
    enum status status = spool_reader_peek(reader, &position, &events);
    if (status != STATUS_OK)
        return status;
    x->position = position;
    *selected = bundle_selects_meta(selection, spool_reader_peeked(reader));
    if (!*selected) {
        spool_reader_skip(reader);
        return STATUS_OK;
    }
    status = spool_reader_next(reader, record);
    *selected = status == STATUS_OK && bundle_selects(selection, record);
    return status;
}

static enum status add_all(struct bundle_export *x, struct spool_reader *reader,
                           const struct bundle_selection *selection, struct problem *problem)
{
    struct batch_record record;
    for (uint64_t n = 1;; n++) {
        bool selected = false;
        enum status status = read_next(x, reader, selection, &record, &selected);
        if (status == STATUS_END)
            return STATUS_OK;
        if (status == STATUS_CORRUPT)
            continue; /* of other records; one that is asked for is missed by its caller's count */
        if (status != STATUS_OK) {
            problem_say(problem, "the spool can't be read: %s", status_text(status));
            return status;
        }
        if (selected && (status = add_selected(x, &record, problem)) != STATUS_OK)
            return status;
        if (x->options.on_progress && n % PROGRESS_RECORDS == 0)
            x->options.on_progress(x->options.arg, x->position);
    }
}

enum status bundle_export_archived(struct bundle_export *x, const char *dir,
                                   const struct bundle_selection *selection,
                                   struct problem *problem)
{
    struct spool_reader *reader;
    enum status status = spool_reader_open_dir(dir, 0, &reader);
    if (status != STATUS_OK) {
        problem_say(problem, "%.300s: %s", dir, status_text(status));
        return status;
    }
    spool_reader_use_keys(reader, x->options.keys);
    status = add_all(x, reader, selection, problem);
    spool_reader_close(reader);
    return status;
}

enum status bundle_export_records(struct bundle_export *x, const struct bundle_selection *selection,
                                  struct problem *problem)
{
    uint64_t first;
    enum status status = add_all(x, x->reader, selection, problem);
    if (status == STATUS_OK)
        status = find_first(x, &first);
    if (status != STATUS_OK || first == x->first || selection->batch_count)
        return status;
    problem_say(problem, "retention removed a segment while the spool was read; try again");
    return STATUS_UNAVAILABLE;
}

const uint8_t *bundle_export_spool(const struct bundle_export *x)
{
    return x->spool_uid;
}

uint64_t bundle_export_first(const struct bundle_export *x)
{
    return x->first;
}

size_t bundle_export_count(const struct bundle_export *x)
{
    return x->count;
}

void bundle_export_list(const struct bundle_export *x, struct writer *w)
{
    writer_text(w, "\"records\":[");
    for (size_t i = 0; i < x->count; i++) {
        const struct bundle_exported *r = &x->records[i];
        writer_format(w, "%s{\"position\":%" PRIu64 ",\"leaf_index\":%" PRIu64 ",\"kind\":\"%s\"",
                      i ? "," : "", r->position, r->leaf_index, batch_kind_text(r->kind));
        writer_text(w, ",\"batch_id\":\"");
        event_json_write_uuid(w, r->batch_uid);
        writer_text(w, "\",\"time_received\":");
        event_json_write_time(w, r->received_ns);
        writer_format(w, ",\"erased\":%s}", r->erased ? "true" : "false");
    }
    writer_u8(w, ']');
}

enum status bundle_export_find_custody(struct bundle_export *x,
                                       const uint8_t contents[SHA256_BYTES],
                                       struct problem *problem)
{
    struct batch_record record;
    enum status status;
    while ((status = spool_reader_next(x->reader, &record)) == STATUS_OK ||
           status == STATUS_CORRUPT) {
        if (status == STATUS_CORRUPT || record.meta.kind != BATCH_KIND_AUDIT ||
            !bundle_custody_is_of(record.body, contents))
            continue;
        status = remember(x, &record);
        if (status == STATUS_OK)
            x->custody = x->records[--x->count]; /* it is none of the exported */
        break;
    }
    if (status == STATUS_END)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK)
        problem_say(problem, "the record of the export can't be read: %s", status_text(status));
    return status;
}
