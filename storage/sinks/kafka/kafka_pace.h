/* kafka_pace.h: how many events a transaction may have, so that it ends within
 * transaction.timeout.ms also when the brokers are slow. For kafka_transact.c. Thread: the lane's
 * sink thread. */
#ifndef VSOC_STORAGE_KAFKA_PACE_H
#define VSOC_STORAGE_KAFKA_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct kafka_pace {
    uint64_t most, events; /* by the setting; at the brokers' present speed */
    int64_t limit_ns;      /* of a transaction */
};

/* most_events 0: no bound. */
void kafka_pace_init(struct kafka_pace *pace, uint64_t most_events, int64_t limit_ns);
/* A transaction of so many events took so long. More than a third of the limit halves the next one,
 * less than a tenth doubles it, up to the setting. A failed one halves it if it took more than a
 * third: the reason may be its size. */
void kafka_pace_note(struct kafka_pace *pace, uint64_t events, int64_t took_ns, bool committed);

#endif
