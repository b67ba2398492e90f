/* attested_times.h: since when a record is known to have been in the log, by the time-stamp tokens
 * over the heads of a bundle. Thread: main. */
#ifndef VSOC_SERVER_ATTESTED_TIMES_H
#define VSOC_SERVER_ATTESTED_TIMES_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

struct attested_time {
    uint64_t size; /* of the head */
    int64_t time_ns;
};

/* Empty it with {0}. */
struct attested_times {
    struct attested_time *items;
    size_t count, room;
    size_t
        sorted; /* of items: up to here by size, each with the earliest time of it and all after */
};

void attested_times_fini(struct attested_times *times);
/* A token over a head of this size. NO_MEMORY. */
enum status attested_times_add(struct attested_times *times, uint64_t size,
                               int64_t time_ns) must_check;
/* The earliest token over a head that covers the leaf; 0: there is none. */
int64_t attested_times_of(struct attested_times *times, uint64_t leaf_index);

#endif
