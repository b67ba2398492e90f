/* kafka_pace.c: arithmetic of the size of transactions. The lane's sink thread. Reads no clock. */
#include "storage/sinks/kafka/kafka_pace.h"

/* A transaction of so few events is not the reason for its time. */
#define FEWEST 100

void kafka_pace_init(struct kafka_pace *pace, uint64_t most_events, int64_t limit_ns)
{
    uint64_t most = most_events ? most_events : UINT64_MAX;
    *pace = (struct kafka_pace){.most = most, .events = most, .limit_ns = limit_ns};
}

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void kafka_pace_note(struct kafka_pace *pace, uint64_t events, int64_t took_ns, bool committed)
{
    if (took_ns > pace->limit_ns / 3) {
        uint64_t half = least_of(events, pace->events) / 2;
        pace->events = least_of(half > FEWEST ? half : FEWEST, pace->most);
    } else if (committed && took_ns < pace->limit_ns / 10 && pace->events < pace->most) {
        pace->events = least_of(pace->events * 2, pace->most);
    }
}
