/* sink_runner_options.h: what a runner of a sink's lanes is made from. */
#ifndef VSOC_STORAGE_SINK_RUNNER_OPTIONS_H
#define VSOC_STORAGE_SINK_RUNNER_OPTIONS_H

#include "storage/sink.h"

/* Lanes of a sink at most: each has a cursor of the spool, and the sink has one more. */
#define SINK_LANES_MAX 16

#define SINK_NOT_TRIED "not connected yet"

struct sink_runner_options {
    const struct sink *sink;
    struct sink_config config; /* lane is filled by the runner */
    unsigned lanes;            /* threads; batch at position p belongs to lane p % lanes */
    uint32_t load_events;      /* a load is sent when it has so many events, */
    uint64_t load_bytes;       /* or so many encoded bytes, */
    int64_t load_interval_ns;  /* or when its first batch waits that long */
    /* Called on a lane's thread after each advance with the position up to which ALL lanes have
     * everything. May be NULL. */
    void (*advanced)(void *arg, uint64_t position);
    void *advanced_arg;
    /* Called on a lane's thread when the sink refuses its settings at the lane's first connect
     * (SINK_MISCONFIGURED), with its reason. May be NULL. */
    void (*misconfigured)(void *arg, const char *problem);
    void *misconfigured_arg;
};

#endif
