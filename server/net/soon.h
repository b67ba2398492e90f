/* soon.h: a callback in the loop's next turn. */
#ifndef VSOC_SERVER_SOON_H
#define VSOC_SERVER_SOON_H

#include <event2/event.h>

/* Runs the callback of an event without a descriptor after the loop has looked at its sockets and
 * timers. An event that is activated would be run before that: from its own callback again and
 * again. Thread: the loop's. */
static inline void event_soon(struct event *event)
{
    static const struct timeval now = {0, 0};
    if (!event_pending(event, EV_TIMEOUT, NULL) && event_add(event, &now) != 0)
        event_active(event, 0, 0);
}

#endif
