/* sink_runner.h: one thread a sink lane: reads the spool from the lane's position, gathers loads,
 * delivers, retries with capped jittered backoff, advances the cursor. These rules exist once. */
#ifndef VSOC_STORAGE_SINK_RUNNER_H
#define VSOC_STORAGE_SINK_RUNNER_H

#include "storage/sink.h"
#include "storage/spool.h"

struct sink_runner;

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
};

/* Opens cursors and lanes; CONFIG with problem->text when the sink's settings are wrong. */
enum status sink_runner_create(const struct sink_runner_options *options, struct spool *spool,
                               struct sink_runner **out, struct sink_problem *problem) must_check;
enum status sink_runner_start(struct sink_runner *runner) must_check;
/* Delivers what is durable until deadline_ns (monotonic), then stops. */
void sink_runner_stop(struct sink_runner *runner, int64_t deadline_ns);
void sink_runner_destroy(struct sink_runner *runner);
const char *sink_runner_name(const struct sink_runner *runner);
/* Everything up to this position is in the sink. Thread: any. */
uint64_t sink_runner_position(const struct sink_runner *runner);
/* False after a failed delivery or connection attempt until one goes well. *since_ns monotonic;
 * last problem's text copied. Thread: any. */
bool sink_runner_up(struct sink_runner *runner, int64_t *since_ns, char problem[512]);

/* The built-in sinks, NULL-terminated (sink_registry.c). */
extern const struct sink sink_file, sink_kafka, sink_postgres;

#endif
