/* sink_load.h: a lane's load while it is gathered and delivered: copies of batches from the spool,
 * walked by the sink as complete events. Only the loader and its owners include it. Thread: theirs.
 */
#ifndef VSOC_STORAGE_SINK_LOAD_H
#define VSOC_STORAGE_SINK_LOAD_H

#include "storage/spool/batch.h"
#include "storage/sink.h"

struct sink_gathered;

/* Place of an item in its batch. */
static inline uint32_t sink_item_index(const struct event_item *item)
{
    return item->is_reject ? item->reject.index : (uint32_t)item->event.batch_index;
}

struct sink_gather {
    struct sink_load load; /* first: a load is its gather; what the sink sees */
    struct arena arena;    /* texts and events of the batches, reasons of rejections */
    struct sink_batch *batches;
    size_t batch_room;
    struct sink_rejected *rejected;
    size_t rejected_room;
    uint64_t bytes; /* of encoded events */
    bool takes_raw; /* the sink's; set by the owner after sink_gather_init */
    /* The current walk: one at a time. */
    struct sink_gathered *walked;
    struct event_decoder decoder;
    uint32_t walked_items, walked_next; /* items so far, and the index of the next */
    char damage[160];                   /* detail of the reject that replaces damaged events */
    uint8_t event_uid[UUID_BYTES];
};

/* Empties *gather. spool_uid: 16 bytes that outlive it. */
void sink_gather_init(struct sink_gather *gather, const uint8_t *spool_uid);
void sink_gather_fini(struct sink_gather *gather);
/* Forgets all batches. */
void sink_gather_reset(struct sink_gather *gather);
/* Copies a record to the end; items: how many events and rejects it holds. On NO_MEMORY or VERSION
 * (events of a newer version) nothing was added. */
enum status sink_gather_add(struct sink_gather *gather, const struct batch_record *record,
                            uint32_t items) must_check;
/* Marks the event as one that the sink can't store; copies the reason. OUT_OF_RANGE: no such batch
 * in the load; EXISTS: marked before; NO_MEMORY. */
enum status sink_gather_reject(struct sink_gather *gather,
                               const struct sink_rejected *rejected) must_check;

#endif
