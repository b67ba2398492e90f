/* sink_news.h: what a lane's attempt means for the reported state of the sink. */
#ifndef VSOC_STORAGE_SINK_NEWS_H
#define VSOC_STORAGE_SINK_NEWS_H

#include <stdbool.h>
#include <stdint.h>

struct sink_lane;

struct sink_news {
    bool all_up;              /* every lane is up */
    bool back;                /* the last lane that was down is up: the outage is over */
    bool problem;             /* a problem that is not in the log yet for this outage */
    int64_t down_ns;          /* back: how long the outage was */
    int64_t waiting_since_ns; /* back: received_ns of the oldest batch that waited; 0: none did */
};

/* Records an attempt of the lane. problem: why it is down; ignored if up. Thread: the lane's, with
 * the runner's lock held. */
struct sink_news sink_news_note(struct sink_lane *lane, bool up, const char *problem);

#endif
