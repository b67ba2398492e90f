/* batch_cut.c: see batch_cut.h. Decodes the events, says whose each is, and encodes them again in
 * runs that do not refer to each other. The owner's thread, in pieces. Does not encrypt. */
#include "storage/spool/cut/batch_cut.h"

#include <stdlib.h>

#include "core/event/event_codec.h"
#include "core/thread.h"

#define WORK_OF_ITEM 1024 /* decoded and encoded */
#define PIDS_AT_ONCE 64
#define VEHICLES_MAX (SEAL_PARTS_MAX - SEAL_PART_FIRST_VEHICLE)
#define RECORD_HEAD  20 /* two numbers as LEB128 */

struct span {
    uint64_t offset, end;
    uint32_t part;
};

struct cut {
    struct batch *batch;
    const struct batch_cut_options *options;
    struct event_decoder decoder;
    struct event_encoder encoder;
    struct event_item item;
    struct writer out;
    /* Vehicles by their order of appearance; slots of a hash table hold number + 1. */
    uint8_t (*pids)[SEAL_VEHICLE_BYTES];
    size_t vehicles, pid_room;
    uint32_t *slots, slot_mask;
    struct writer runs;  /* of struct seal_run */
    struct writer spans; /* of struct span: of the items */
    struct writer kept;  /* of struct span: records that belong to one vehicle */
    size_t run_from;     /* in out */
    uint32_t run_part;
    uint32_t *items; /* by part */
    size_t item_room;
};

static bool pass(const struct cut *c, size_t work)
{
    const struct batch_pace *pace = c->options->pace;
    return !pace || pace->pace(pace->arg, work);
}

/* --- whose ---------------------------------------------------------------------------------- */

static enum status grow_pids(struct cut *c)
{
    size_t room = c->pid_room ? 2 * c->pid_room : PIDS_AT_ONCE;
    uint8_t(*pids)[SEAL_VEHICLE_BYTES] = reallocarray(c->pids, room, sizeof *pids);
    if (!pids)
        return STATUS_NO_MEMORY;
    c->pids = pids;
    uint32_t *slots = calloc(2 * room, sizeof *slots);
    if (!slots)
        return STATUS_NO_MEMORY;
    free(c->slots);
    c->slots = slots;
    c->slot_mask = (uint32_t)(2 * room - 1);
    c->pid_room = room;
    for (size_t i = 0; i < c->vehicles; i++) {
        uint32_t slot = (uint32_t)slice_load8(pids[i]) & c->slot_mask;
        while (slots[slot])
            slot = (slot + 1) & c->slot_mask;
        slots[slot] = (uint32_t)i + 1;
    }
    return STATUS_OK;
}

/* Part of a vehicle. A pid is an HMAC: nobody chooses its slot. */
static enum status part_of(struct cut *c, const uint8_t *pid, uint32_t *part)
{
    if (c->vehicles == c->pid_room) {
        enum status status = grow_pids(c);
        if (status != STATUS_OK)
            return status;
    }
    uint32_t slot = (uint32_t)slice_load8(pid) & c->slot_mask;
    while (c->slots[slot] && memcmp(c->pids[c->slots[slot] - 1], pid, SEAL_VEHICLE_BYTES) != 0)
        slot = (slot + 1) & c->slot_mask;
    if (!c->slots[slot]) {
        if (c->vehicles == VEHICLES_MAX)
            return STATUS_TOO_MANY;
        memcpy(c->pids[c->vehicles++], pid, SEAL_VEHICLE_BYTES);
        c->slots[slot] = (uint32_t)c->vehicles;
    }
    *part = SEAL_PART_FIRST_VEHICLE + c->slots[slot] - 1;
    return STATUS_OK;
}

static enum status owner_of(struct cut *c, uint32_t *part)
{
    const struct event *event = &c->item.event;
    enum status status = STATUS_OK;
    bool has_vehicle = !c->item.is_reject && EVENT_HAS(event, vehicle_pid) &&
                       event->vehicle_pid.size == SEAL_VEHICLE_BYTES;
    *part = c->item.is_reject ? SEAL_PART_SHARED : SEAL_PART_OWN;
    if (has_vehicle)
        status = part_of(c, event->vehicle_pid.data, part);
    if (status == STATUS_OK && !c->item.is_reject && EVENT_HAS(event, claimed_vehicle_pid) &&
        event->claimed_vehicle_pid.size == SEAL_VEHICLE_BYTES) {
        status = part_of(c, event->claimed_vehicle_pid.data, part); /* so that it can be found */
        *part = SEAL_PART_SHARED;
    }
    return status;
}

/* --- events --------------------------------------------------------------------------------- */

static void end_run(struct cut *c)
{
    const struct seal_run run = {c->run_part, (uint32_t)(c->out.size - c->run_from)};
    if (run.bytes)
        writer_bytes(&c->runs, &run, sizeof run);
    c->run_from = c->out.size;
}

static void note_span(struct cut *c, uint32_t part)
{
    const struct event *event = &c->item.event;
    struct span span = {0, 0, part < SEAL_PART_FIRST_VEHICLE ? SEAL_PART_SHARED : part};
    if (c->item.is_reject) {
        span.offset = c->item.reject.raw_offset;
        span.end = c->item.reject.raw_offset + c->item.reject.raw_size;
    } else if (EVENT_HAS(event, raw_offset) && EVENT_HAS(event, raw_size)) {
        span.offset = (uint64_t)event->raw_offset;
        span.end = (uint64_t)event->raw_offset + (uint64_t)event->raw_size;
    }
    if (span.end > span.offset)
        writer_bytes(&c->spans, &span, sizeof span);
}

static enum status count_item(struct cut *c, uint32_t part)
{
    if (part >= c->item_room) {
        size_t room = 2 * (size_t)part + PIDS_AT_ONCE;
        uint32_t *items = reallocarray(c->items, room, sizeof *items);
        if (!items)
            return STATUS_NO_MEMORY;
        memset(items + c->item_room, 0, (room - c->item_room) * sizeof *items);
        c->items = items;
        c->item_room = room;
    }
    c->items[part]++;
    return STATUS_OK;
}

static enum status add_item(struct cut *c)
{
    uint32_t part;
    enum status status = owner_of(c, &part);
    if (status == STATUS_OK)
        status = count_item(c, part);
    if (status != STATUS_OK)
        return status;
    if (part != c->run_part || !c->out.size) {
        end_run(c);
        c->run_part = part;
        event_encoder_restart(&c->encoder);
    }
    if (c->item.is_reject)
        event_encoder_reject(&c->encoder, &c->item.reject);
    else
        event_encoder_add(&c->encoder, &c->item.event);
    note_span(c, part);
    return pass(c, WORK_OF_ITEM) ? STATUS_OK : STATUS_CLOSED;
}

static enum status cut_events(struct cut *c)
{
    uint32_t unused;
    enum status status = event_decoder_init(&c->decoder, writer_slice(&c->batch->events));
    c->encoder.writer = &c->out;
    while (status == STATUS_OK) {
        status = event_decoder_next(&c->decoder, &c->item);
        if (status == STATUS_OK)
            status = add_item(c);
    }
    end_run(c);
    if (status == STATUS_END)
        status = STATUS_OK;
    for (size_t i = 0; i < c->options->named_count && status == STATUS_OK; i++)
        status = part_of(c, c->options->named[i], &unused);
    if (status == STATUS_OK)
        status = c->out.status;
    if (status == STATUS_OK && (c->runs.status != STATUS_OK || c->spans.status != STATUS_OK))
        status = STATUS_NO_MEMORY;
    return status;
}

/* --- records as received -------------------------------------------------------------------- */

static const struct span *span_at(const struct writer *spans, size_t i)
{
    return (const struct span *)(const void *)spans->data + i;
}

static size_t span_count(const struct writer *spans)
{
    return spans->size / sizeof(struct span);
}

/* The next span of items and strays in the order of the body. */
static bool next_span(const struct cut *c, size_t *item, size_t *stray, struct span *span)
{
    bool has_item = *item < span_count(&c->spans), has_stray = *stray < c->options->stray_count;
    if (!has_item && !has_stray)
        return false;
    const struct batch_span *s = has_stray ? &c->options->strays[*stray] : NULL;
    if (has_item && (!s || span_at(&c->spans, *item)->offset <= s->offset)) {
        *span = *span_at(&c->spans, (*item)++);
    } else {
        *span = (struct span){s->offset, s->offset + s->size, SEAL_PART_SHARED};
        (*stray)++;
    }
    return true;
}

static void keep(struct cut *c, const struct span *group)
{
    if (group->part >= SEAL_PART_FIRST_VEHICLE && group->end <= c->options->body.size)
        writer_bytes(&c->kept, group, sizeof *group);
}

/* Spans that overlap are one record, and belong to a vehicle only if all of them do. Parsers give
 * records in the order of the body; of one that does not, no record is kept beside the body. */
static enum status find_records(struct cut *c)
{
    size_t item = 0, stray = 0, n = 0;
    struct span span, group = {0, 0, SEAL_PART_SHARED};
    uint64_t before = 0;
    while (next_span(c, &item, &stray, &span)) {
        if (span.offset < before) {
            writer_reset(&c->kept);
            return STATUS_OK;
        }
        before = span.offset;
        if (span.offset >= group.end) {
            keep(c, &group);
            group = span;
            continue;
        }
        if (span.part != group.part)
            group.part = SEAL_PART_SHARED;
        if (span.end > group.end)
            group.end = span.end;
        if (++n % PIDS_AT_ONCE == 0 && !pass(c, WORK_OF_ITEM))
            return STATUS_CLOSED;
    }
    keep(c, &group);
    return c->kept.status;
}

static enum status write_record(struct cut *c, const struct span *span)
{
    struct slice bytes =
        slice_sub(c->options->body, (size_t)span->offset, (size_t)(span->end - span->offset));
    writer_varint(&c->out, span->offset);
    writer_varint(&c->out, bytes.size);
    writer_add_slice(&c->out, bytes);
    return pass(c, bytes.size + RECORD_HEAD) ? c->out.status : STATUS_CLOSED;
}

/* Behind the events, part by part. */
static enum status write_records(struct cut *c, struct seal_table *table)
{
    size_t count = span_count(&c->kept);
    uint32_t *first = calloc(table->parts + 1, sizeof *first);
    uint32_t *order = calloc(count + 1, sizeof *order);
    enum status status = first && order ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        first[span_at(&c->kept, i)->part + 1]++;
    for (size_t p = 0; p < table->parts && status == STATUS_OK; p++)
        first[p + 1] += first[p];
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        order[first[span_at(&c->kept, i)->part]++] = (uint32_t)i;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        const struct span *span = span_at(&c->kept, order[i]);
        size_t before = c->out.size;
        status = write_record(c, span);
        table->rows[span->part].records_bytes += (uint32_t)(c->out.size - before);
    }
    free(first);
    free(order);
    return status;
}

/* --- parts ---------------------------------------------------------------------------------- */

static enum status make_entries(struct cut *c, struct batch_parts *parts)
{
    batch_seal_begin(c->batch);
    for (size_t i = 0; i < parts->table.parts; i++) {
        struct seal_entry *entry = &parts->entries[i];
        if (i == SEAL_PART_SHARED) { /* the body may have been committed to */
            *entry = c->batch->seal.entry;
            memset(entry->vehicle, 0, sizeof entry->vehicle);
            continue;
        }
        random_bytes(entry->seed, sizeof entry->seed);
        random_bytes(entry->data_key, sizeof entry->data_key);
        if (i >= SEAL_PART_FIRST_VEHICLE)
            memcpy(entry->vehicle, c->pids[i - SEAL_PART_FIRST_VEHICLE], sizeof entry->vehicle);
        if (!pass(c, WORK_OF_ITEM))
            return STATUS_CLOSED;
    }
    return STATUS_OK;
}

static enum status fill_table(struct cut *c, struct seal_table *table)
{
    if (table->runs)
        memcpy(table->run, c->runs.data, c->runs.size);
    for (size_t i = 0; i < table->runs; i++)
        table->rows[table->run[i].part].events_bytes += table->run[i].bytes;
    for (size_t i = 0; i < table->parts && i < c->item_room; i++)
        table->rows[i].items = c->items[i];
    enum status status = write_records(c, table);
    if (status == STATUS_OK)
        ensure(seal_table_index(table));
    return status;
}

static enum status make_parts(struct cut *c)
{
    struct batch_parts *parts = batch_parts_create(SEAL_PART_FIRST_VEHICLE + c->vehicles,
                                                   c->runs.size / sizeof(struct seal_run));
    if (!parts)
        return STATUS_NO_MEMORY;
    enum status status = fill_table(c, &parts->table);
    if (status == STATUS_OK)
        status = make_entries(c, parts);
    if (status != STATUS_OK) {
        batch_parts_destroy(parts);
        return status;
    }
    writer_fini(&c->batch->events);
    c->batch->events = c->out;
    writer_init(&c->out, 0);
    c->batch->parts = parts;
    return STATUS_OK;
}

static void cut_destroy(struct cut *c)
{
    writer_fini(&c->out);
    writer_fini(&c->runs);
    writer_fini(&c->spans);
    writer_fini(&c->kept);
    free(c->pids);
    free(c->slots);
    free(c->items);
    free(c);
}

enum status batch_cut(struct batch *batch, const struct batch_cut_options *options)
{
    struct cut *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    ensure(!batch->parts && !batch->seal.done);
    c->batch = batch;
    c->options = options;
    /* Restarts cost each item up to its whole size; records are parts of the body. */
    writer_init(&c->out, 4 * batch->events.limit + 2 * options->body.size);
    writer_init(&c->runs, SIZE_MAX / 2);
    writer_init(&c->spans, SIZE_MAX / 2);
    writer_init(&c->kept, SIZE_MAX / 2);
    enum status status = cut_events(c);
    if (status == STATUS_OK)
        status = find_records(c);
    if (status == STATUS_OK)
        status = make_parts(c);
    cut_destroy(c);
    return status;
}
