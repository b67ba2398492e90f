/* metric_family.h: the rows of metrics.def as an enum and a table, and the handle of a series.
 * Constant, any thread. */
#ifndef VSOC_CORE_METRIC_FAMILY_H
#define VSOC_CORE_METRIC_FAMILY_H

#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* METRIC_vsocd_batches_total, … */
enum metric_family {
#define METRIC(name, type, unit, help) METRIC_##name,
#include "core/metrics/metrics.def"
#undef METRIC
    METRIC_FAMILY_COUNT
};

struct metric_family_info {
    const char *name;
    enum metric_type type;
    const char *unit; /* "" | "seconds" | "bytes": buckets of a histogram follow it */
    const char *help;
};
extern const struct metric_family_info metric_family_table[];

/* A series; cheap to copy. 0 is a series that ignores all values (the metric was never registered)
 */
typedef uint32_t metric_t;

#endif
