/* sink_lane.h: the thread of one lane, for sink_runner.c, sink_lane.c and sink_resume.c only. */
#ifndef VSOC_STORAGE_SINK_LANE_H
#define VSOC_STORAGE_SINK_LANE_H

#include "core/status.h"
#include "storage/sinks/sink_lane_state.h"

/* Makes the lane's feed, which goes on after position, and its loader. runner, number, state and
 * cursor are set. Thread: main. */
void sink_lane_init(struct sink_lane *lane, uint64_t position);
/* A lane's thread. arg: struct sink_lane. */
void sink_lane_run(void *arg);
/* On the lane's thread. The sink says where it is: moves the lane there, or not. NO_MEMORY, IO,
 * VERSION: what the spool has there can't be read. */
enum status sink_lane_resume(struct sink_lane *lane, const struct sink_position *there) must_check;

#endif
