/* sink_runner.h: one thread a sink lane: reads the spool from the lane's position, gathers loads,
 * delivers, retries with capped jittered backoff, advances the cursor. These rules exist once. */
#ifndef VSOC_STORAGE_SINK_RUNNER_H
#define VSOC_STORAGE_SINK_RUNNER_H

#include "storage/sink.h"
#include "storage/spool/spool.h"

struct sink_runner;

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

/* Opens cursors and lanes; CONFIG with problem->text when the sink's settings are wrong. The cursor
 * of a lane is "NAME.LANEofLANES"; "NAME" says what all lanes have: where lanes start when their
 * number has changed. sink, config.settings and config.instance must outlive the runner. */
enum status sink_runner_create(const struct sink_runner_options *options, struct spool *spool,
                               struct sink_runner **out, struct sink_problem *problem) must_check;
enum status sink_runner_start(struct sink_runner *runner) must_check;
/* Tells the lanes to deliver what is durable until deadline_ns (monotonic) and then to end. A sink
 * that fails meanwhile is not waited for: the spool keeps what it misses. Does not block. */
void sink_runner_begin_stop(struct sink_runner *runner, int64_t deadline_ns);
/* sink_runner_begin_stop, and waits for the end. After the deadline blocking calls of the sink are
 * interrupted. False: a lane had not ended at give_up_ns (monotonic); it still runs, so nothing it
 * uses may be freed. May be called again. */
bool sink_runner_stop(struct sink_runner *runner, int64_t deadline_ns,
                      int64_t give_up_ns) must_check;
void sink_runner_destroy(struct sink_runner *runner);
const char *sink_runner_name(const struct sink_runner *runner);
/* Senders may wait for it by its name. */
bool sink_runner_is_awaited(const struct sink_runner *runner);
/* Everything up to this position is in the sink. Thread: any. */
uint64_t sink_runner_position(const struct sink_runner *runner);
/* Sets the gauges that age: vsocd_sink_lag_events, vsocd_sink_lag_seconds. For scrapes. Thread:
 * any.
 */
void sink_runner_refresh(struct sink_runner *runner);
/* False before the first connection attempt (the problem is SINK_NOT_TRIED), and after a failed
 * delivery or connection attempt until one goes well. *since_ns monotonic; last problem's text
 * copied. Thread: any. */
bool sink_runner_up(struct sink_runner *runner, int64_t *since_ns, char problem[512]);

#endif
