/* sink_news.c: what a lane's attempt means for the sink. An outage begins when a lane is down and
 * ends when all are up. A problem is news once per outage, not once per lane, and not again if a
 * lane was up in between while another was not. Runs on the lanes' threads under the runner's lock.
 * Does not log. */
#include "storage/sinks/sink_news.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "storage/sinks/sink_lane_state.h"

/* A lane has the problem, had it when it was last down, or it is the last one logged for that lane.
 * A lane that returns to a problem after another one is news. */
static bool is_known(const struct sink_runner *runner, const char *problem)
{
    for (unsigned i = 0; i < runner->lane_count; i++)
        if (strcmp(runner->lanes[i].problem, problem) == 0 ||
            strcmp(runner->lanes[i].logged, problem) == 0)
            return true;
    return false;
}

static bool are_all_up(const struct sink_runner *runner)
{
    for (unsigned i = 0; i < runner->lane_count; i++)
        if (!runner->lanes[i].up)
            return false;
    return true;
}

static void note_problem(struct sink_lane *lane, const char *problem, struct sink_news *news)
{
    news->problem = !is_known(lane->runner, problem);
    snprintf(lane->problem, sizeof lane->problem, "%s", problem);
    if (news->problem)
        memcpy(lane->logged, lane->problem, sizeof lane->logged);
}

static void forget_problems(struct sink_runner *runner)
{
    runner->down_since_ns = runner->waiting_since_ns = 0;
    for (unsigned i = 0; i < runner->lane_count; i++)
        runner->lanes[i].problem[0] = runner->lanes[i].logged[0] = '\0';
}

struct sink_news sink_news_note(struct sink_lane *lane, bool up, const char *problem)
{
    struct sink_runner *runner = lane->runner;
    struct sink_news news = {0};
    int64_t now = clock_monotonic_ns();
    if (lane->up != up)
        lane->since_ns = now;
    lane->up = up;
    news.all_up = are_all_up(runner);
    if (!up) {
        int64_t waiting = atomic_load(&lane->loader.waiting_since_ns);
        note_problem(lane, problem, &news);
        if (waiting && (!runner->waiting_since_ns || waiting < runner->waiting_since_ns))
            runner->waiting_since_ns = waiting;
        if (!runner->down_since_ns)
            runner->down_since_ns = now;
    }
    news.back = news.all_up && runner->down_since_ns;
    if (news.back) {
        news.down_ns = now - runner->down_since_ns;
        news.waiting_since_ns = runner->waiting_since_ns;
        forget_problems(runner);
    }
    return news;
}
