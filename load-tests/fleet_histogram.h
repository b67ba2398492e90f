/* Durations in bounded memory, within 1.6 %. */
#ifndef LOAD_TESTS_FLEET_HISTOGRAM_H
#define LOAD_TESTS_FLEET_HISTOGRAM_H

#include <stdint.h>

enum { FLEET_HISTOGRAM_BUCKETS = 64 * 60 };

/* Counts by size: exact below 64, then 64 buckets to each doubling. All zeros is empty. */
struct fleet_histogram {
    uint64_t count, max;
    uint64_t buckets[FLEET_HISTOGRAM_BUCKETS];
};

static inline unsigned fleet_histogram_bucket(uint64_t value)
{
    unsigned shift = value < 128 ? 0 : 57 - (unsigned)__builtin_clzll(value);
    return shift * 64 + (unsigned)(value >> shift);
}

static inline void fleet_histogram_add(struct fleet_histogram *histogram, uint64_t value)
{
    histogram->buckets[fleet_histogram_bucket(value)]++;
    histogram->count++;
    if (value > histogram->max)
        histogram->max = value;
}

/* The value that `share` (0 to 1) of all values do not pass; 0 when empty. */
static inline uint64_t fleet_histogram_at(const struct fleet_histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;
    for (unsigned i = 0; i < FLEET_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > wanted) {
            unsigned shift = i < 128 ? 0 : i / 64 - 1;
            return (uint64_t)(i - shift * 64) << shift;
        }
    }
    return histogram->max;
}

#endif
