/* sink_runner.h: one thread a sink lane: reads the spool from the lane's position, gathers loads,
 * delivers, retries with capped jittered backoff, advances the cursor. These rules exist once. */
#ifndef VSOC_STORAGE_SINK_RUNNER_H
#define VSOC_STORAGE_SINK_RUNNER_H

#include "core/status.h"
#include "storage/sinks/sink_runner_lag.h"
#include "storage/sinks/sink_runner_options.h"

struct sink_runner;
struct spool;

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
/* False before the first connection attempt (the problem is SINK_NOT_TRIED), and after a failed
 * delivery or connection attempt until one goes well. *since_ns monotonic; last problem's text
 * copied. Thread: any. */
bool sink_runner_up(struct sink_runner *runner, int64_t *since_ns, char problem[512]);

#endif
