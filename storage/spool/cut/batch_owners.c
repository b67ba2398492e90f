/* batch_owners.c: see batch_owners.h. The owner's thread. Does not cut: batch_cut.c. */
#include "storage/spool/cut/batch_owners.h"

#include "core/thread.h"
#include "storage/spool/cut/batch_cut.h"

void batch_owners_init(struct batch_owners *owners)
{
    owners->has_vehicle = owners->has_others = false;
    owners->named_count = 0;
    writer_init(&owners->duplicates, SIZE_MAX / 2);
}

void batch_owners_fini(struct batch_owners *owners)
{
    writer_fini(&owners->duplicates);
}

void batch_owners_duplicate(struct batch_owners *owners, const struct event *event)
{
    const struct batch_span span = {(uint64_t)event->raw_offset, (uint64_t)event->raw_size};
    writer_bytes(&owners->duplicates, &span, sizeof span);
}

void batch_owners_name(struct batch_owners *owners, const uint8_t pid[SEAL_VEHICLE_BYTES])
{
    ensure(owners->named_count < BATCH_NAMED_MAX);
    memcpy(owners->named[owners->named_count++], pid, SEAL_VEHICLE_BYTES);
    batch_owners_note(owners, pid);
}

enum status batch_owners_apply(const struct batch_owners *owners, struct batch *batch,
                               const struct seal_keys *keys, struct slice body,
                               const struct batch_pace *pace)
{
    if (owners->has_vehicle && !owners->has_others)
        memcpy(batch->seal.entry.vehicle, owners->vehicle, sizeof owners->vehicle);
    if (!owners->has_others || !batch_seal_encrypts(keys))
        return STATUS_OK;
    const struct batch_cut_options options = {
        .body = body,
        .named = owners->named,
        .named_count = owners->named_count,
        .strays = (const struct batch_span *)(const void *)owners->duplicates.data,
        .stray_count = owners->duplicates.size / sizeof(struct batch_span),
        .pace = pace,
    };
    enum status status = owners->duplicates.status;
    if (status == STATUS_OK)
        status = batch_cut(batch, &options);
    return status == STATUS_TOO_MANY ? STATUS_OK : status;
}
