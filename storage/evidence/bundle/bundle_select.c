/* bundle_select.c: which records a bundle is about. The owner's thread. */
#include "storage/evidence/bundle/bundle_select.h"

#include "core/event/event_codec.h"

static bool has_batch(const struct bundle_selection *selection, const uint8_t uid[UUID_BYTES])
{
    for (size_t i = 0; i < selection->batch_count; i++)
        if (!memcmp(selection->batches[i], uid, UUID_BYTES))
            return true;
    return false;
}

bool bundle_selects_meta(const struct bundle_selection *selection, const struct batch_meta *meta)
{
    if (meta->received_ns < selection->from_ns || meta->received_ns >= selection->to_ns)
        return false;
    if (selection->batch_count)
        return has_batch(selection, meta->batch_uid);
    return meta->kind == BATCH_KIND_EVENTS;
}

static bool has_vehicle(const struct bundle_selection *selection, const struct batch_record *record)
{
    static struct event_decoder decoder;
    static struct event_item item;
    enum status status = event_decoder_init(&decoder, record->events);
    while (status == STATUS_OK) {
        status = event_decoder_next(&decoder, &item);
        if (status != STATUS_OK || item.is_reject || !EVENT_HAS(&item.event, vehicle_pid))
            continue;
        if (selection->is_vehicle(selection->arg, record->meta.tenant, item.event.vehicle_pid))
            return true;
    }
    return false;
}

bool bundle_selects(const struct bundle_selection *selection, const struct batch_record *record)
{
    if (!bundle_selects_meta(selection, &record->meta))
        return false;
    return !selection->is_vehicle || has_vehicle(selection, record);
}
