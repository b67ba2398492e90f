/* sink_held.h: ids of the events of a range, and in which places of a sink each was found: what a
 * sink without unique keys needs to put in only what is missing. Holds at most what it was made
 * for; one owner thread. */
#ifndef VSOC_STORAGE_SINK_HELD_H
#define VSOC_STORAGE_SINK_HELD_H

#include "core/status.h"
#include "core/uuid7.h"

struct sink_held;

/* An empty set with room for so many ids: about 34 to 68 bytes each. NULL when memory is out. */
struct sink_held *sink_held_create(size_t ids);
/* NULL is fine. */
void sink_held_destroy(struct sink_held *held);
/* Notes an id, found nowhere yet; nothing happens when it is there. It must have room. */
void sink_held_add(struct sink_held *held, const uint8_t id[UUID_BYTES]);
/* The id was found in this place (a bit of the sink's choosing); others' ids are passed over. */
void sink_held_mark(struct sink_held *held, const uint8_t id[UUID_BYTES], unsigned place);
/* Places in which the id was found; 0: none, or not an id of the set. */
unsigned sink_held_places(const struct sink_held *held, const uint8_t id[UUID_BYTES]);

#endif
