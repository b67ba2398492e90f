/* hold_scan.c: compares the records of a segment with the holds. The caller's thread; reads the
 * directory, whatever the writer does meanwhile. */
#include "storage/evidence/holds/hold_scan.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/event/event_codec.h"

#define EARLY_NS (3600 * NS_PER_S)

const struct hold *hold_by_time(const struct holds *holds, const struct spool_removal *removal,
                                int64_t now_ns)
{
    for (size_t i = 0; i < holds->count; i++) {
        const struct hold *h = &holds->items[i];
        if (h->kind == HOLD_TIME && hold_is_active(h, now_ns) && h->from_ns <= removal->newest_ns &&
            h->to_ns >= removal->oldest_ns - EARLY_NS)
            return h;
    }
    return NULL;
}

bool holds_need_scan(const struct holds *holds, int64_t now_ns)
{
    for (size_t i = 0; i < holds->count; i++)
        if (holds->items[i].kind != HOLD_TIME && hold_is_active(&holds->items[i], now_ns))
            return true;
    return false;
}

static const struct hold *by_batch(const struct holds *holds, const struct batch_meta *meta,
                                   int64_t now_ns)
{
    for (size_t i = 0; i < holds->count; i++) {
        const struct hold *h = &holds->items[i];
        if (h->kind == HOLD_BATCH && hold_is_active(h, now_ns) &&
            memcmp(h->batch_uid, meta->batch_uid, UUID_BYTES) == 0)
            return h;
    }
    return NULL;
}

/* vehicle NULL: it can't be read, and could be any. */
static const struct hold *by_vehicle(const struct holds *holds, const struct slice *vehicle,
                                     int64_t now_ns)
{
    for (size_t i = 0; i < holds->count; i++) {
        const struct hold *h = &holds->items[i];
        if (h->kind == HOLD_VEHICLE && hold_is_active(h, now_ns) &&
            (!vehicle || slice_equal(*vehicle, slice_make(h->vehicle_pid, HOLD_PID_BYTES))))
            return h;
    }
    return NULL;
}

static const struct hold *by_event(const struct holds *holds, const struct event *event,
                                   int64_t now_ns)
{
    const struct hold *h =
        event->vehicle_pid.size ? by_vehicle(holds, &event->vehicle_pid, now_ns) : NULL;
    if (!h && event->claimed_vehicle_pid.size)
        h = by_vehicle(holds, &event->claimed_vehicle_pid, now_ns);
    return h;
}

/* The vehicles that the record's keys are of: also those that no event names. */
static const struct hold *by_keys(const struct holds *holds, struct slice area, int64_t now_ns)
{
    static const uint8_t nobody[SEAL_VEHICLE_BYTES];
    const struct hold *h = NULL;
    for (size_t part = 0; !h && part < seal_area_parts(area); part++) {
        uint8_t vehicle[SEAL_VEHICLE_BYTES];
        const struct slice pid = slice_make(vehicle, sizeof vehicle);
        if (seal_area_vehicle(area, part, vehicle) && memcmp(vehicle, nobody, sizeof nobody) != 0)
            h = by_vehicle(holds, &pid, now_ns);
    }
    return h;
}

static const struct hold *by_record(const struct holds *holds, struct event_decoder *decoder,
                                    const struct batch_record *record, int64_t now_ns)
{
    struct event_item item;
    const struct hold *h = by_batch(holds, &record->meta, now_ns);
    if (!h)
        h = by_keys(holds, record->key_area, now_ns);
    if (!h && record->sealed && record->state == SEAL_ERASED)
        return NULL;          /* nothing of it can be read by anybody */
    if (!h && record->sealed) /* its events are empty */
        return by_vehicle(holds, NULL, now_ns);
    if (h || !record->events.size)
        return h;
    enum status status = event_decoder_init(decoder, record->events);
    while (!h && status == STATUS_OK) {
        status = event_decoder_next(decoder, &item);
        if (status == STATUS_OK && !item.is_reject)
            h = by_event(holds, &item.event, now_ns);
    }
    return h || status == STATUS_END || status == STATUS_OK ? h : by_vehicle(holds, NULL, now_ns);
}

enum status hold_scan(const char *spool_dir, const struct seal_keys *keys,
                      const struct holds *holds, const struct spool_removal *removal,
                      int64_t now_ns, const struct hold **by)
{
    struct spool_reader *reader;
    struct batch_record record;
    struct event_decoder *decoder = malloc(sizeof *decoder);
    *by = NULL;
    if (!decoder)
        return STATUS_NO_MEMORY;
    enum status status = spool_reader_open_dir(spool_dir, removal->first - 1, &reader);
    if (status != STATUS_OK) {
        free(decoder);
        return status;
    }
    spool_reader_use_keys(reader, keys);
    spool_reader_without_bodies(reader);
    for (;;) {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_CORRUPT)
            continue; /* it has no record any more that could be held */
        if (status != STATUS_OK || record.meta.position > removal->last)
            break;
        *by = by_record(holds, decoder, &record, now_ns);
        if (*by)
            break;
    }
    spool_reader_close(reader);
    free(decoder);
    return status == STATUS_END ? STATUS_OK : status;
}
