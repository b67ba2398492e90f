/* forward.h: sends the audit log to a syslog receiver. A cursor of the spool, "audit.forward", says
 * how far it got: no record that was not sent is removed from the spool. A record counts as sent
 * when the receiver's kernel has acknowledged it and the connection has lived on for a second;
 * after any failure the records behind the cursor are sent again. So each arrives at least once;
 * `uid` tells repeats. One per process. */
#ifndef VSOC_SERVER_FORWARD_H
#define VSOC_SERVER_FORWARD_H

#include "server/forward/forward_link.h"
#include "server/forward/forward_message.h"

struct forward;
struct spool;

struct forward_options {
    struct spool *spool;
    struct forward_target target; /* texts outlive the forwarder */
    enum forward_format format;
    const char *instance; /* outlives it */
};

/* Opens the cursor and starts the thread. BUSY, NO_MEMORY, TOO_MANY. Thread: main. */
enum status forward_start(const struct forward_options *options, struct forward **out) must_check;
/* Sends what is left, until deadline_ns (monotonic) at most, then ends. After spool_stop. NULL is
 * allowed. */
void forward_stop(struct forward *forward, int64_t deadline_ns);

#endif
