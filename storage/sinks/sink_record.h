/* sink_record.h: a record of the spool that is no batch, as sinks give it on. Thread: any. */
#ifndef VSOC_STORAGE_SINK_RECORD_H
#define VSOC_STORAGE_SINK_RECORD_H

#include "core/writer.h"
#include "storage/sink.h"

static inline bool sink_is_record(const struct sink_batch *batch)
{
    return batch->kind > SINK_KIND_BATCH;
}

/* Appends {"audit_uid":…,"time":…,"record_kind":…,"spool_uid":…,"position":…,"leaf_index":…,
 * "chain_hash":…,"record":{…}}; its first member is what a replay finds it by. spool_uid: 16 bytes.
 */
void sink_record_write(struct writer *w, const struct sink_batch *batch, const uint8_t *spool_uid);

/* What each such value starts with. */
#define SINK_RECORD_HEAD "{\"audit_uid\":\""

#endif
