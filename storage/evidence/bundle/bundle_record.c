/* bundle_record.c: a record as files of a bundle, and its translation for people. The owner's
 * thread. Does not read the spool. */
#include "storage/evidence/bundle/bundle_record.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/event/event_codec.h"
#include "core/event/event_json.h"
#include "storage/evidence/bundle/bundle_names.h"
#include "storage/evidence/record_leaf.h"
#include "storage/spool/record_open.h"

static void put_text(struct writer *w, const char *name, struct slice text)
{
    if (!text.size)
        return;
    writer_format(w, ",\"%s\":", name);
    writer_json_string(w, text);
}

/* record.json: the metadata for people. */
static void write_meta(struct writer *w, const struct batch_meta *meta,
                       const struct record_parts *parts)
{
    writer_format(w, "{\"position\":%" PRIu64 ",\"leaf_index\":%" PRIu64 ",\"kind\":\"%s\"",
                  meta->position, meta->leaf_index, batch_kind_text(meta->kind));
    writer_text(w, ",\"batch_id\":\"");
    event_json_write_uuid(w, meta->batch_uid);
    writer_text(w, "\",\"time_received\":");
    event_json_write_time(w, meta->received_ns);
    writer_text(w, ",\"time_ingested\":");
    event_json_write_time(w, meta->ingested_ns);
    put_text(w, "tenant", meta->tenant);
    put_text(w, "sender", meta->sender);
    put_text(w, "transport_identity", meta->transport_identity);
    put_text(w, "content_type", meta->content_type);
    put_text(w, "content_encoding", meta->content_encoding);
    put_text(w, "format", meta->format);
    put_text(w, "parser_version", meta->parser_version);
    put_text(w, "idempotency_key", meta->idempotency_key);
    put_text(w, "traceparent", meta->traceparent);
    put_text(w, "request_id", meta->request_id);
    writer_format(w,
                  ",\"body_bytes\":%" PRIu64 ",\"inflated_bytes\":%" PRIu64 ",\"accepted\":%" PRIu32
                  ",\"duplicates\":%" PRIu32 ",\"quarantined\":%" PRIu32 ",\"errors\":",
                  meta->body_bytes, meta->inflated_bytes, meta->accepted, meta->duplicates,
                  meta->quarantined);
    writer_add_slice(w, meta->report_errors.size ? meta->report_errors : SLICE_LITERAL("[]"));
    if (parts)
        writer_format(w,
                      ",\"parts\":%zu,\"erased_vehicles\":%" PRIu32 ",\"erased_events\":%" PRIu32,
                      parts->table->parts, parts->erased, parts->erased_items);
    writer_text(w, "}\n");
}

static void write_item(struct writer *w, const struct batch_meta *meta, struct event_item *item)
{
    uint8_t uid[UUID_BYTES];
    if (item->is_reject) {
        writer_text(w, "{\"quarantine\":");
        event_json_write_reject(w, SLICE_EMPTY, &item->reject);
        writer_u8(w, '}');
    } else {
        batch_complete_event(meta, &item->event, uid);
        event_json_write(w, &item->event);
    }
    writer_u8(w, '\n');
}

/* events.ndjson: the events for people, as far as they can be decoded. */
static void write_events(struct writer *w, const struct batch_record *record)
{
    static struct event_decoder decoder;
    static struct event_item item;
    enum status status = event_decoder_init(&decoder, record->events);
    while (status == STATUS_OK) {
        status = event_decoder_next(&decoder, &item);
        if (status == STATUS_OK)
            write_item(w, &record->meta, &item);
    }
}

static enum status refuse(struct problem *problem, const struct batch_meta *meta, const char *why)
{
    problem_say(problem, "position %" PRIu64 ": %s", meta->position, why);
    return STATUS_REFUSED;
}

static enum status check_state(const struct batch_record *record, struct problem *problem)
{
    const struct batch_meta *meta = &record->meta;
    if (meta->leaf_index == BATCH_NO_LEAF)
        return refuse(problem, meta, "recorded by an earlier version: it is not in the tree");
    switch (record->state) {
    case SEAL_OPEN:
        return record->sealed ? refuse(problem, meta, "can't be decrypted") : STATUS_OK;
    case SEAL_ERASED:
        return STATUS_OK;
    case SEAL_NO_KEY:
        problem_say(problem, "position %" PRIu64 ": key %" PRIu32 " is not in privacy.keys_file",
                    meta->position, record->key_id);
        return STATUS_REFUSED;
    case SEAL_ABSENT:
        return refuse(problem, meta, "recorded without keys: its commitments can't be opened");
    default:
        return refuse(problem, meta, "its key area is damaged");
    }
}

static void add_leaf(struct bundle_writer *w, const char *folder, const struct batch_meta *meta,
                     const uint8_t spool_uid[UUID_BYTES])
{
    struct evidence_leaf leaf;
    struct writer bytes;
    writer_init(&bytes, EVIDENCE_LEAF_FIXED_BYTES + UINT16_MAX);
    record_leaf_of(meta, spool_uid, &leaf);
    evidence_leaf_write(&bytes, &leaf);
    bundle_writer_add_in(w, folder, "leaf.bin", writer_slice(&bytes));
    writer_fini(&bytes);
}

static enum status add_translations(struct bundle_writer *w, const char *folder,
                                    const struct batch_record *record)
{
    struct writer text;
    writer_init(&text, SIZE_MAX / 2);
    write_meta(&text, &record->meta, record->parts);
    bundle_writer_add_in(w, folder, "record.json", writer_slice(&text));
    enum status status = text.status;
    writer_reset(&text);
    if (record->events.size && status == STATUS_OK) {
        write_events(&text, record);
        bundle_writer_add_in(w, folder, "events.ndjson", writer_slice(&text));
        status = text.status;
    }
    writer_fini(&text);
    return status;
}

/* The parts that are left, each with its seed; the body goes with the shared one. */
static enum status add_parts(struct bundle_writer *w, const char *folder,
                             const struct batch_record *record)
{
    const struct record_parts *parts = record->parts;
    struct writer bytes;
    char name[32];
    writer_init(&bytes, SIZE_MAX / 2);
    if (parts->items[SEAL_PART_SHARED].state == SEAL_OPEN)
        bundle_writer_add_in(w, folder, "body", record->body);
    bundle_writer_add_in(w, folder, "meta", record->meta_texts);
    bundle_writer_add_in(w, folder, "parts", parts->table_bytes);
    bundle_writer_add_in(w, folder, "seed", slice_make(record->seed, SEAL_SEED_BYTES));
    for (size_t n = 0; n < parts->table->parts && bytes.status == STATUS_OK; n++) {
        if (parts->items[n].state != SEAL_OPEN)
            continue;
        writer_reset(&bytes);
        record_part_write(&bytes, record, n);
        snprintf(name, sizeof name, "part-%zu", n);
        bundle_writer_add_in(w, folder, name, writer_slice(&bytes));
        snprintf(name, sizeof name, "part-%zu.seed", n);
        bundle_writer_add_in(w, folder, name, slice_make(parts->items[n].seed, SEAL_SEED_BYTES));
    }
    enum status status = bytes.status;
    writer_fini(&bytes);
    return status;
}

enum status bundle_record_add(struct bundle_writer *w, const char *folder,
                              const struct batch_record *record,
                              const uint8_t spool_uid[UUID_BYTES], struct problem *problem)
{
    enum status status = check_state(record, problem);
    if (status != STATUS_OK)
        return status;
    add_leaf(w, folder, &record->meta, spool_uid);
    if (record->state == SEAL_ERASED) {
        bundle_writer_add_in(
            w, folder, "erased",
            SLICE_LITERAL("Body, metadata and events of this record were erased, and the salts of "
                          "their commitments with them. Its leaf is proven.\n"));
        return bundle_writer_status(w);
    }
    if (record->parts) {
        status = add_parts(w, folder, record);
    } else {
        bundle_writer_add_in(w, folder, "body", record->body);
        bundle_writer_add_in(w, folder, "meta", record->meta_texts);
        bundle_writer_add_in(w, folder, "events", record->events);
        bundle_writer_add_in(w, folder, "seed", slice_make(record->seed, SEAL_SEED_BYTES));
    }
    if (status == STATUS_OK && strcmp(folder, BUNDLE_CUSTODY) != 0) /* no digest covers those */
        status = add_translations(w, folder, record);
    return status == STATUS_OK ? bundle_writer_status(w) : status;
}
