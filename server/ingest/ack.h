/* ack.h: VSOC-Ack: which sinks a sender waits for, and which level was reached. Pure; thread:
 * worker. */
#ifndef VSOC_SERVER_ACK_H
#define VSOC_SERVER_ACK_H

#include "core/slice.h"
#include "core/status.h"
#include "storage/sinks/sink_runner.h"

/* Sinks of this process; immutable after start. */
struct ack_sinks {
    struct sink_runner *runners[8]; /* SINK_SET_MAX */
    size_t count;
};

/* Bit i: runner i must have delivered the batch. 0: durable in the spool is enough. */
typedef unsigned ack_mask_t;

/* Value of VSOC-Ack → mask. MALFORMED: no such level; UNSUPPORTED: that sink is disabled here. */
enum status ack_parse(struct slice value, const struct ack_sinks *sinks,
                      ack_mask_t *mask) must_check;
/* The sinks of mask that have not passed position yet. */
ack_mask_t ack_missing(const struct ack_sinks *sinks, ack_mask_t mask, uint64_t position);
/* Name of the level reached if `mask` was requested and `missing` of it is still open: at least
 * "spool". */
const char *ack_level(const struct ack_sinks *sinks, ack_mask_t mask, ack_mask_t missing);

#endif
