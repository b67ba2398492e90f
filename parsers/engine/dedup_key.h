/* dedup_key.h: the key by which an event that was sent again is known. Thread: any. */
#ifndef VSOC_PARSERS_DEDUP_KEY_H
#define VSOC_PARSERS_DEDUP_KEY_H

#include "core/hash.h"

struct event;
struct normaliser;

#define DEDUP_KEY_BYTES    16
#define DEDUP_SECRET_BYTES 32

/* What all dedup keys under a key begin with: its 32 bytes and 32 zero bytes, one block, hashed.
 * Holds what the key became: wipe it like the key. */
void dedup_secret_init(struct sha256_prefix *secret, const uint8_t key[DEDUP_SECRET_BYTES]);

/* First 16 bytes of the SHA-256 over the block of the normaliser's dedup_secret, tenant, vehicle
 * (sender, when it has none) and source_event_id, when there is one; else time_event_raw,
 * vehicle_seq and the record's bytes, when it has a time or a sequence number; else batch, receive
 * time and place in the batch: equal events without any of these are not the same event.
 * event->vehicle_pid and batch_index must be as they will be stored. docs/formats.md has the bytes.
 */
void dedup_key_compute(struct normaliser *n, const struct event *event,
                       uint8_t key[DEDUP_KEY_BYTES]);

#endif
