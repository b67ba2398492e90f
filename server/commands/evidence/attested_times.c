/* attested_times.c: the earliest token over a head that covers a leaf. Main thread. Checks no
 * token. */
#include "server/commands/evidence/attested_times.h"

#include <stdlib.h>

void attested_times_fini(struct attested_times *times)
{
    free(times->items);
    *times = (struct attested_times){0};
}

enum status attested_times_add(struct attested_times *times, uint64_t size, int64_t time_ns)
{
    if (times->count == times->room) {
        size_t room = times->room ? 2 * times->room : 16;
        struct attested_time *more = realloc(times->items, room * sizeof *more);
        if (!more)
            return STATUS_NO_MEMORY;
        times->items = more;
        times->room = room;
    }
    times->items[times->count++] = (struct attested_time){size, time_ns};
    return STATUS_OK;
}

static int compare_sizes(const void *a, const void *b)
{
    const struct attested_time *x = a, *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

/* A larger head holds all leaves of a smaller one, so its token counts for those too. */
static void sort(struct attested_times *times)
{
    struct attested_time *items = times->items;
    qsort(items, times->count, sizeof *items, compare_sizes);
    for (size_t i = times->count; i-- > 1;)
        if (items[i].time_ns < items[i - 1].time_ns)
            items[i - 1].time_ns = items[i].time_ns;
    times->sorted = times->count;
}

int64_t attested_times_of(struct attested_times *times, uint64_t leaf_index)
{
    if (times->sorted < times->count)
        sort(times);
    size_t low = 0, high = times->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (times->items[middle].size > leaf_index)
            high = middle;
        else
            low = middle + 1;
    }
    return low < times->count ? times->items[low].time_ns : 0;
}
