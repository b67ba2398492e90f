/* dedup_key.h: the key that identifies an event when it is sent again. Thread: any. */
#ifndef VSOC_PARSERS_DEDUP_KEY_H
#define VSOC_PARSERS_DEDUP_KEY_H

#include "parsers/engine/normaliser.h"

/* SipHash-2-4-128 with the key of the normaliser's dedup_secret over tenant, vehicle (sender, when
 * there is no vehicle) and source_event_id, when there is one; else time_event_raw,
 * vehicle_seq and the record's bytes, when it has a time or a sequence number; else batch, receive
 * time and place in the batch, since equal events without any of these are distinct events.
 * event->vehicle_pid and batch_index must have the values that will be stored. docs/formats.md has
 * the bytes */
void dedup_key_compute(struct normaliser *n, const struct event *event,
                       uint8_t key[DEDUP_KEY_BYTES]);

#endif
