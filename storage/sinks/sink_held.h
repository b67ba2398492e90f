/* sink_held.h: ids of the events of a range, and in which places of a sink each was found. A sink
 * without unique keys needs this to add only missing events. Fixed capacity; one owner thread. */
#ifndef VSOC_STORAGE_SINK_HELD_H
#define VSOC_STORAGE_SINK_HELD_H

#include "core/status.h"
#include "core/uuid7.h"

struct sink_held;

/* An empty set with room for this many ids: about 34 to 68 bytes each. NULL: no memory. */
struct sink_held *sink_held_create(size_t ids);
/* NULL is allowed. */
void sink_held_destroy(struct sink_held *held);
/* Adds an id, found nowhere yet; does nothing if it is in the set. There must be room. */
void sink_held_add(struct sink_held *held, const uint8_t id[UUID_BYTES]);
/* The id was found in this place (a bit that the sink chooses); ids that are not in the set are
 * ignored. */
void sink_held_mark(struct sink_held *held, const uint8_t id[UUID_BYTES], unsigned place);
/* Places in which the id was found; 0: none, or not an id of the set. */
unsigned sink_held_places(const struct sink_held *held, const uint8_t id[UUID_BYTES]);

#endif
