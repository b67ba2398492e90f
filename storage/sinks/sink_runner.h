/* sink_runner.h: one thread per sink lane: reads the spool from the lane's position, gathers loads,
 * delivers, retries with capped jittered backoff, advances the cursor. These rules exist once. */
#ifndef VSOC_STORAGE_SINK_RUNNER_H
#define VSOC_STORAGE_SINK_RUNNER_H

#include "core/status.h"
#include "storage/sinks/sink_runner_lag.h"
#include "storage/sinks/sink_runner_options.h"

struct sink_runner;
struct spool;

/* Opens cursors and lanes; CONFIG with problem->text if the sink's settings are wrong. The cursor
 * of a lane is "NAME.LANEofLANES"; "NAME" is the position that all lanes have, where lanes start if
 * their number has changed. sink, config.settings and config.instance must outlive the runner. */
enum status sink_runner_create(const struct sink_runner_options *options, struct spool *spool,
                               struct sink_runner **out, struct sink_problem *problem) must_check;
enum status sink_runner_start(struct sink_runner *runner) must_check;
/* Lets the lanes deliver durable batches until deadline_ns (monotonic) and then stop. Does not wait
 * for a sink that fails meanwhile: the spool keeps its batches. Does not block. */
void sink_runner_begin_stop(struct sink_runner *runner, int64_t deadline_ns);
/* sink_runner_begin_stop, and waits for the end. After the deadline, blocking calls of the sink are
 * interrupted. False: a lane had not stopped at give_up_ns (monotonic); it still runs, so nothing
 * that it uses may be freed. May be called again. */
bool sink_runner_stop(struct sink_runner *runner, int64_t deadline_ns,
                      int64_t give_up_ns) must_check;
void sink_runner_destroy(struct sink_runner *runner);
const char *sink_runner_name(const struct sink_runner *runner);
/* Senders may wait for it by its name. */
bool sink_runner_is_awaited(const struct sink_runner *runner);
/* False before the first connection attempt (the problem is SINK_NOT_TRIED), and after a failed
 * delivery or connection attempt until one succeeds. *since_ns monotonic; copies the text of the
 * last problem. Thread: any. */
bool sink_runner_up(struct sink_runner *runner, int64_t *since_ns, char problem[512]);

#endif
