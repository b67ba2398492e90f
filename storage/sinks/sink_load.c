/* sink_load.c: copies batches from the spool reader's buffer and decodes them for the sink. Runs on
 * the lane's thread. Does not read the spool or decide when a load is full. */
#define LOG_COMPONENT "sink"
#include "storage/sinks/sink_load.h"
#include "core/reasons/record_code.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"

struct sink_gathered {
    struct batch_meta meta;
    struct slice events;
    struct slice body; /* of a record that is no batch; else empty */
    uint32_t items;    /* according to the record */
    bool damaged;      /* was reported */
};

static void load_begin(const struct sink_load *load, size_t batch, struct sink_iterator *iterator);
static enum sink_next load_next(struct sink_iterator *iterator, struct event_item *item);
static void load_reject(const struct sink_load *load, const struct sink_rejected *rejected);

void sink_gather_init(struct sink_gather *gather, const uint8_t *spool_uid)
{
    memset(gather, 0, sizeof *gather);
    gather->load.struct_size = sizeof gather->load;
    gather->load.spool_uid = spool_uid;
    gather->load.begin = load_begin;
    gather->load.next = load_next;
    gather->load.reject = load_reject;
    arena_init(&gather->arena, SIZE_MAX); /* bounded by what the runner adds */
}

void sink_gather_fini(struct sink_gather *gather)
{
    sink_gather_reset(gather);
    free(gather->batches);
    free(gather->rejected);
    gather->batches = NULL;
    gather->rejected = NULL;
    gather->batch_room = gather->rejected_room = 0;
}

void sink_gather_reset(struct sink_gather *gather)
{
    arena_fini(&gather->arena);
    arena_init(&gather->arena, SIZE_MAX);
    gather->load.batch_count = 0;
    gather->load.event_count = 0;
    gather->load.rejected_count = 0;
    gather->bytes = 0;
    gather->walked = NULL;
}

/* Array of *room items of size bytes with room for one more than count. */
static enum status grow(void **items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return STATUS_OK;
    size_t wanted = *room ? *room * 2 : 64;
    void *grown = reallocarray(*items, wanted, size);
    if (!grown)
        return STATUS_NO_MEMORY;
    *items = grown;
    *room = wanted;
    return STATUS_OK;
}

static enum status copy_texts(struct arena *arena, struct batch_meta *meta)
{
    struct slice *const texts[] = {
        &meta->tenant,         &meta->sender,           &meta->transport_identity,
        &meta->content_type,   &meta->content_encoding, &meta->format,
        &meta->parser_version, &meta->idempotency_key,  &meta->traceparent,
        &meta->request_id,     &meta->inflated_digest};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == STATUS_OK; i++)
        status = arena_copy(arena, *texts[i], texts[i]);
    meta->report_errors = SLICE_EMPTY; /* for the sender, not for sinks */
    return status;
}

static struct sink_batch batch_of(const struct sink_gathered *gathered)
{
    const struct batch_meta *meta = &gathered->meta;
    return (struct sink_batch){
        .position = meta->position,
        .body = gathered->body,
        .batch_uid = meta->batch_uid,
        .key = meta->key,
        .body_digest = meta->version == 1 ? NULL : meta->body_digest,
        .body_commitment = meta->version == 1 ? NULL : meta->body_commitment,
        .inflated_digest = meta->inflated_digest.size == SHA256_BYTES ? meta->inflated_digest.data
                                                                      : meta->body_digest,
        .chain_hash = meta->chain_hash,
        .received_ns = meta->received_ns,
        .ingested_ns = meta->ingested_ns,
        .leaf_index = meta->leaf_index,
        .kind = meta->kind ? meta->kind : BATCH_KIND_EVENTS,
        .body_bytes = meta->body_bytes,
        .inflated_bytes = meta->inflated_bytes,
        .accepted = meta->accepted,
        .duplicates = meta->duplicates,
        .quarantined = meta->quarantined,
        .tenant = meta->tenant,
        .sender = meta->sender,
        .transport_identity = meta->transport_identity,
        .content_type = meta->content_type,
        .content_encoding = meta->content_encoding,
        .format = meta->format,
        .parser_version = meta->parser_version,
        .idempotency_key = meta->idempotency_key,
        .traceparent = meta->traceparent,
        .cursor = gathered,
    };
}

enum status sink_gather_add(struct sink_gather *gather, const struct batch_record *record,
                            uint32_t items)
{
    size_t count = gather->load.batch_count;
    bool is_batch = batch_is_events(&record->meta);
    if (is_batch && event_decoder_init(&gather->decoder, record->events) == STATUS_VERSION)
        return STATUS_VERSION;
    enum status status =
        grow((void **)&gather->batches, &gather->batch_room, count, sizeof *gather->batches);
    if (status != STATUS_OK)
        return status;
    struct sink_gathered *gathered = arena_alloc(&gather->arena, sizeof *gathered);
    if (!gathered)
        return STATUS_NO_MEMORY;
    *gathered = (struct sink_gathered){.meta = record->meta, .items = items};
    status = copy_texts(&gather->arena, &gathered->meta);
    if (status == STATUS_OK)
        status = arena_copy(&gather->arena, is_batch ? record->events : record->body,
                            is_batch ? &gathered->events : &gathered->body);
    if (status != STATUS_OK)
        return status;
    gather->batches[count] = batch_of(gathered);
    gather->bytes += gathered->events.size + gathered->body.size;
    gather->load.batches = gather->batches;
    gather->load.batch_count++;
    gather->load.event_count += items;
    return STATUS_OK;
}

static bool is_before(const struct sink_rejected *a, const struct sink_rejected *b)
{
    return a->batch < b->batch || (a->batch == b->batch && a->index < b->index);
}

enum status sink_gather_reject(struct sink_gather *gather, const struct sink_rejected *rejected)
{
    size_t count = gather->load.rejected_count, at = count;
    if (rejected->batch >= gather->load.batch_count)
        return STATUS_OUT_OF_RANGE;
    if (sink_load_find_rejected(&gather->load, rejected->batch, rejected->index))
        return STATUS_EXISTS;
    enum status status =
        grow((void **)&gather->rejected, &gather->rejected_room, count, sizeof *gather->rejected);
    const char *reason = arena_format(&gather->arena, "%s", rejected->reason);
    if (status != STATUS_OK || !reason)
        return STATUS_NO_MEMORY;
    while (at > 0 && is_before(rejected, &gather->rejected[at - 1]))
        at--;
    memmove(&gather->rejected[at + 1], &gather->rejected[at],
            (count - at) * sizeof *gather->rejected);
    gather->rejected[at] = *rejected;
    gather->rejected[at].reason = reason;
    gather->load.rejected = gather->rejected;
    gather->load.rejected_count++;
    return STATUS_OK;
}

/* For the sink. An event that can't be marked is delivered and reported again. */
static void load_reject(const struct sink_load *load, const struct sink_rejected *rejected)
{
    struct sink_gather *gather = (struct sink_gather *)(uintptr_t)load;
    enum status status = sink_gather_reject(gather, rejected);
    (void)status;
}

/* Once a load, however often it is walked and delivered. */
static void report_damage(struct sink_gathered *walked, uint32_t from, uint32_t missing,
                          enum status status)
{
    if (walked->damaged)
        return;
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(walked->meta.batch_uid, uid);
    walked->damaged = true;
    metric_add(metric_series(METRIC_vsocd_sink_undecodable_events_total, ""), missing);
    log_error("events of a batch can't be decoded: one quarantined record replaces them; the "
              "received body is in the spool, see 'vsocd spool verify --reparse'",
              LOG_U64("position", walked->meta.position),
              LOG_SLICE("batch_uid", slice_make(uid, UUID_TEXT_BYTES)), LOG_U64("from_index", from),
              LOG_U64("events", missing), LOG_STATUS(status));
}

static void load_begin(const struct sink_load *load, size_t batch, struct sink_iterator *iterator)
{
    ensure(batch < load->batch_count);
    struct sink_gather *gather = (struct sink_gather *)(uintptr_t)load;
    iterator->batch = &load->batches[batch];
    iterator->state[0] = gather;
    gather->walked = (struct sink_gathered *)(uintptr_t)iterator->batch->cursor;
    gather->walked_items = gather->walked_next = 0;
    if (!batch_is_events(&gather->walked->meta)) {
        gather->walked = NULL;
        return;
    }
    enum status status = event_decoder_init(&gather->decoder, gather->walked->events);
    if (status != STATUS_OK)
        gather->decoder.reader.status = status; /* for load_next */
}

/* The rest of the batch can't be decoded, or is missing although the record announces it. */
static enum sink_next damaged_item(struct sink_gather *gather, enum status status,
                                   struct event_item *item)
{
    struct sink_gathered *walked = gather->walked;
    uint32_t missing =
        walked->items > gather->walked_items ? walked->items - gather->walked_items : 1;
    int n = snprintf(gather->damage, sizeof gather->damage,
                     "%u events of the batch at position %llu of the spool can't be decoded: %s",
                     missing, (unsigned long long)walked->meta.position, status_text(status));
    report_damage(walked, gather->walked_next, missing, status);
    item->is_reject = true;
    item->reject =
        (struct event_reject){.index = gather->walked_next,
                              .parser = walked->meta.format,
                              .code = slice_from_text(record_code_text(RECORD_undecodable)),
                              .detail = slice_make(gather->damage, (size_t)n)};
    gather->walked = NULL;
    return SINK_NEXT_ITEM;
}

static enum sink_next load_next(struct sink_iterator *iterator, struct event_item *item)
{
    struct sink_gather *gather = iterator->state[0];
    if (!gather->walked)
        return SINK_NEXT_END;
    ensure(gather->walked == iterator->batch->cursor); /* walks don't overlap */
    enum status status = event_decoder_next(&gather->decoder, item);
    if (status == STATUS_END && gather->walked_items >= gather->walked->items) {
        gather->walked = NULL;
        return SINK_NEXT_END;
    }
    if (status == STATUS_VERSION || status == STATUS_NO_MEMORY)
        return SINK_NEXT_LOST; /* intact, but not readable by this program or not now */
    if (status != STATUS_OK)
        return damaged_item(gather, status == STATUS_END ? STATUS_TRUNCATED : status, item);
    if (!item->is_reject)
        batch_complete_event(&gather->walked->meta, &item->event, gather->event_uid);
    else if (!gather->takes_raw)
        item->reject.raw = SLICE_EMPTY;
    gather->walked_items++;
    gather->walked_next = sink_item_index(item) + 1;
    return SINK_NEXT_ITEM;
}
