/* sink_runner_lag.h: how far a sink is, and how far behind the spool. Thread: any. */
#ifndef VSOC_STORAGE_SINK_RUNNER_LAG_H
#define VSOC_STORAGE_SINK_RUNNER_LAG_H

#include <stdint.h>

struct sink_runner;

/* How far the slowest lane is behind the spool. */
struct sink_lag {
    uint64_t events;  /* before its first record a lane counts each batch as one */
    uint64_t batches; /* of all lanes */
    int64_t ns;       /* age of the oldest batch that was read and not delivered; 0: none */
};

/* Fills *lag. */
void sink_runner_lag(struct sink_runner *runner, struct sink_lag *lag);
/* Everything up to this position is in the sink. */
uint64_t sink_runner_position(const struct sink_runner *runner);
/* Sets the gauges that age: vsocd_sink_lag_events, vsocd_sink_lag_seconds. For scrapes. */
void sink_runner_refresh(struct sink_runner *runner);

#endif
