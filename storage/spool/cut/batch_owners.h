/* batch_owners.h: notes whose the events of a batch are while they are made, and then gives the
 * batch to its vehicle, or a part of it to each of several. Thread: the batch's owner. */
#ifndef VSOC_STORAGE_BATCH_OWNERS_H
#define VSOC_STORAGE_BATCH_OWNERS_H

#include "storage/spool/batch_seal.h"

#define BATCH_NAMED_MAX 2 /* vehicles that a request itself names */

struct batch_owners {
    uint8_t vehicle[SEAL_VEHICLE_BYTES];
    bool has_vehicle, has_others; /* something of this vehicle; of further ones too */
    uint8_t named[BATCH_NAMED_MAX][SEAL_VEHICLE_BYTES];
    size_t named_count;
    struct writer duplicates; /* of struct batch_span: records of events that were dropped */
};

void batch_owners_init(struct batch_owners *owners);
void batch_owners_fini(struct batch_owners *owners);
static inline void batch_owners_note(struct batch_owners *owners, const uint8_t *pid)
{
    if (!owners->has_vehicle)
        memcpy(owners->vehicle, pid, sizeof owners->vehicle);
    else if (memcmp(owners->vehicle, pid, sizeof owners->vehicle) != 0)
        owners->has_others = true;
    owners->has_vehicle = true;
}

/* An event that was encoded. */
static inline void batch_owners_event(struct batch_owners *owners, const struct event *event)
{
    if (EVENT_HAS(event, vehicle_pid) && event->vehicle_pid.size == sizeof owners->vehicle)
        batch_owners_note(owners, event->vehicle_pid.data);
    if (EVENT_HAS(event, claimed_vehicle_pid))
        owners->has_others = true; /* it says something of another vehicle */
}

/* One that was dropped. */
void batch_owners_duplicate(struct batch_owners *owners, const struct event *event);
/* A vehicle that the request names. */
void batch_owners_name(struct batch_owners *owners, const uint8_t pid[SEAL_VEHICLE_BYTES]);
/* All events are encoded. body: inflated. A batch of more vehicles than a record has parts stays
 * whole, and so does every batch without keys. Statuses of batch_cut but TOO_MANY. */
enum status batch_owners_apply(const struct batch_owners *owners, struct batch *batch,
                               const struct seal_keys *keys, struct slice body,
                               const struct batch_pace *pace) must_check;

#endif
