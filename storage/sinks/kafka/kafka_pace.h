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

/* A transaction of so few events is not the reason for its time. */
#define KAFKA_PACE_FEWEST 100

/* most_events 0: no bound. */
static inline void kafka_pace_init(struct kafka_pace *pace, uint64_t most_events, int64_t limit_ns)
{
    uint64_t most = most_events ? most_events : UINT64_MAX;
    *pace = (struct kafka_pace){.most = most, .events = most, .limit_ns = limit_ns};
}

static inline uint64_t kafka_pace_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A transaction of so many events took so long. More than a third of the limit halves the next one,
 * less than a tenth doubles it, up to the setting. A failed one halves it if it took more than a
 * third: the reason may be its size. */
static inline void kafka_pace_note(struct kafka_pace *pace, uint64_t events, int64_t took_ns,
                                   bool committed)
{
    if (took_ns > pace->limit_ns / 3) {
        uint64_t half = kafka_pace_least(events, pace->events) / 2;
        pace->events =
            kafka_pace_least(half > KAFKA_PACE_FEWEST ? half : KAFKA_PACE_FEWEST, pace->most);
    } else if (committed && took_ns < pace->limit_ns / 10 && pace->events < pace->most) {
        pace->events = kafka_pace_least(pace->events * 2, pace->most);
    }
}

#endif
