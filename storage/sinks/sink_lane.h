/* sink_lane.h: the thread of one lane, for sink_runner.c, sink_lane.c and sink_resume.c only. */
#ifndef VSOC_STORAGE_SINK_LANE_H
#define VSOC_STORAGE_SINK_LANE_H

#include "core/status.h"
#include "storage/sinks/sink_lane_state.h"

/* Creates the lane's feed, which continues after position, and its loader. runner, number, state
 * and cursor are set. Thread: main. */
void sink_lane_init(struct sink_lane *lane, uint64_t position);
/* A lane's thread. arg: struct sink_lane. */
void sink_lane_run(void *arg);
/* On the lane's thread. The sink has reported its position: moves the lane there, or not.
 * NO_MEMORY, IO, VERSION: the spool can't be read at that position. */
enum status sink_lane_resume(struct sink_lane *lane, const struct sink_position *there) must_check;

#endif
