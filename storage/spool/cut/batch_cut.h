/* batch_cut.h: cuts a batch of several vehicles into parts with keys of their own, before it is
 * sealed. Thread: the batch's owner.
 *
 * An event belongs to its vehicle; an event of no vehicle to the batch itself; a quarantined
 * record, and an event that says something of two vehicles, to all of them: such things are erased
 * with the first. Of the body as received, each vehicle's part gets the records that nobody else
 * has a share in. The whole body belongs to all. */
#ifndef VSOC_STORAGE_BATCH_CUT_H
#define VSOC_STORAGE_BATCH_CUT_H

#include "storage/spool/batch_seal.h"

/* A record in the inflated body. */
struct batch_span {
    uint64_t offset, size;
};

struct batch_cut_options {
    struct slice body; /* inflated */
    /* Vehicles that the request names, with or without events. */
    const uint8_t (*named)[SEAL_VEHICLE_BYTES];
    size_t named_count;
    /* Records that became no item (duplicates), in their order. */
    const struct batch_span *strays;
    size_t stray_count;
    const struct batch_pace *pace; /* may be NULL */
};

/* Replaces batch->events, which are encoded and clear, and makes batch->parts. TOO_MANY: more
 * vehicles than a record has parts; TOO_LARGE; NO_MEMORY; CLOSED: pace stopped it; a status of the
 * decoder. On failure the batch is as it was. */
enum status batch_cut(struct batch *batch, const struct batch_cut_options *options) must_check;

#endif
