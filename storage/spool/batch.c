/* batch.c: life of a batch, and the fields that its record adds to each of its events. Any thread,
 * one owner at a time. Does not queue, write or encode. */
#include "storage/spool/batch.h"

#include <stdlib.h>

struct batch *batch_create(size_t limit_bytes)
{
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    arena_init(&batch->arena, limit_bytes);
    writer_init(&batch->events, limit_bytes);
    writer_init(&batch->frame, 0); /* spool_frame_prepare sets its limit */
    return batch;
}

struct batch *batch_of_record(enum batch_kind kind, struct slice json, int64_t now_ns)
{
    struct batch *batch = batch_create(SIZE_MAX);
    if (!batch)
        return NULL;
    batch->body = arena_alloc(&batch->arena, sizeof *batch->body);
    if (!batch->body || arena_copy(&batch->arena, json, &batch->body[0]) != STATUS_OK) {
        batch_destroy(batch);
        return NULL;
    }
    batch->body_count = 1;
    batch->meta.kind = (uint8_t)kind;
    batch->meta.received_ns = now_ns;
    batch->meta.body_bytes = batch->meta.inflated_bytes = json.size;
    batch->meta.content_type = SLICE_LITERAL("application/json");
    uuid7_make(now_ns, batch->meta.batch_uid);
    return batch;
}

struct batch_parts *batch_parts_create(size_t parts, size_t runs)
{
    struct batch_parts *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    writer_init(&p->area, SIZE_MAX / 2);
    writer_init(&p->bytes, SIZE_MAX / 2);
    writer_init(&p->tags, SIZE_MAX / 2);
    p->entries = calloc(parts, sizeof *p->entries);
    if (p->entries && seal_table_reset(&p->table, parts, runs) == STATUS_OK)
        return p;
    batch_parts_destroy(p);
    return NULL;
}

void batch_parts_destroy(struct batch_parts *parts)
{
    if (!parts)
        return;
    if (parts->entries)
        explicit_bzero(parts->entries, parts->table.parts * sizeof *parts->entries);
    free(parts->entries);
    seal_table_fini(&parts->table);
    writer_fini(&parts->area);
    writer_fini(&parts->bytes);
    writer_fini(&parts->tags);
    free(parts);
}

void batch_destroy(struct batch *batch)
{
    if (!batch)
        return;
    batch_parts_destroy(batch->parts);
    explicit_bzero(&batch->seal, sizeof batch->seal);
    writer_fini(&batch->frame);
    writer_fini(&batch->events);
    arena_fini(&batch->arena);
    free(batch);
}

const char *batch_kind_text(uint8_t kind)
{
    static const char *const texts[] = {
        [BATCH_KIND_EVENTS] = "batch",          [BATCH_KIND_AUDIT] = "audit",
        [BATCH_KIND_RETIREMENT] = "retirement", [BATCH_KIND_KEY] = "key",
        [BATCH_KIND_CLOCK] = "clock",
    };
    return kind >= BATCH_KIND_EVENTS && kind <= BATCH_KIND_MAX ? texts[kind] : "unknown";
}

void batch_complete_event(const struct batch_meta *meta, struct event *event,
                          uint8_t uid[UUID_BYTES])
{
    uuid7_of_event(meta->batch_uid, (uint32_t)event->batch_index, uid);
    EVENT_SET(event, event_uid, slice_make(uid, UUID_BYTES));
    EVENT_SET(event, schema_version, SLICE_LITERAL(EVENT_SCHEMA_VERSION));
    EVENT_SET(event, tenant_id, meta->tenant);
    EVENT_SET(event, batch_uid, slice_make(meta->batch_uid, UUID_BYTES));
    EVENT_SET(event, time_received, meta->received_ns);
    EVENT_SET(event, time_ingested, meta->ingested_ns);
    EVENT_SET(event, chain_hash, slice_make(meta->chain_hash, SHA256_BYTES));
    if (!EVENT_HAS(event, parser_name))
        EVENT_SET(event, parser_name, meta->format);
    if (!EVENT_HAS(event, parser_version))
        EVENT_SET(event, parser_version, meta->parser_version);
    if (meta->transport_identity.size)
        EVENT_SET(event, transport_identity, meta->transport_identity);
}
