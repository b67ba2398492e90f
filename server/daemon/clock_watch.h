/* clock_watch.h: the state of the wall clock as records of the spool (kind 5): at the start, once
 * an hour, when synchronisation is lost or gained, and when the clock was set. Thread: main. */
#ifndef VSOC_SERVER_CLOCK_WATCH_H
#define VSOC_SERVER_CLOCK_WATCH_H

#include "core/clock_state.h"
#include "core/wait/mailbox.h"

struct spool;

/* Why there is a record; several may come together. */
enum clock_reason {
    CLOCK_STARTED = 1,
    CLOCK_HOURLY = 2,
    CLOCK_SYNC_LOST = 4,
    CLOCK_SYNC_GAINED = 8,
    CLOCK_STEPPED = 16,
};

/* Embedded; zeroed before clock_watch_init. */
struct clock_watch {
    struct spool *spool;
    const char *instance;
    struct mailbox replies;
    bool is_ready;
    bool under_way; /* a record is with the writer, and what it says: */
    unsigned sent;
    int64_t sent_step_ns;
    struct clock_state last;       /* at the last look */
    int64_t wall_ns, monotonic_ns; /* then */
    int64_t recorded_ns;           /* monotonic time of the last record */
    unsigned due;                  /* reasons that are not on record yet */
    int64_t step_ns;               /* sum of the steps among them */
};

/* The spool takes records, and outlives it; instance too. BUSY, NO_MEMORY. */
enum status clock_watch_init(struct clock_watch *watch, struct spool *spool,
                             const char *instance) must_check;
/* Looks at the clock, about once a second; a record that the spool does not take now is tried again
 * with the state as it is then. */
void clock_watch_look(struct clock_watch *watch);
/* After spool_stop. */
void clock_watch_fini(struct clock_watch *watch);

#endif
