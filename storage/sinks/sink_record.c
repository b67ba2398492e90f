/* sink_record.c: the JSON in which sinks give on records that are no batches. Any thread. Does not
 * read the record's own JSON. */
#include "storage/sinks/sink_record.h"

#include "core/event/event_json.h"
#include "storage/spool/batch.h"

void sink_record_write(struct writer *w, const struct sink_batch *batch, const uint8_t *spool_uid)
{
    writer_text(w, SINK_RECORD_HEAD);
    event_json_write_uuid(w, batch->batch_uid);
    writer_text(w, "\",\"time\":");
    event_json_write_time(w, batch->received_ns);
    writer_format(w, ",\"record_kind\":\"%s\",\"spool_uid\":\"", batch_kind_text(batch->kind));
    event_json_write_uuid(w, spool_uid);
    writer_format(w, "\",\"position\":%llu,\"leaf_index\":", (unsigned long long)batch->position);
    if (batch->leaf_index == SINK_NO_LEAF)
        writer_text(w, "null");
    else
        writer_format(w, "%llu", (unsigned long long)batch->leaf_index);
    writer_text(w, ",\"chain_hash\":\"");
    writer_hex(w, slice_make(batch->chain_hash, SHA256_BYTES));
    writer_text(w, "\",\"record\":");
    writer_add_slice(w, batch->body);
    writer_u8(w, '}');
}
