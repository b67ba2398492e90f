/* metrics_table.h: internals of metrics.c for metrics_text.c and metrics_process.c only. */
#ifndef VSOC_CORE_METRICS_TABLE_H
#define VSOC_CORE_METRICS_TABLE_H

#include "core/metrics/metric_family.h"
#include "core/writer.h"

struct metric_series {
    enum metric_family family;
    char *labels;
    size_t first_word; /* of its cells in each slot's block */
    /* A gauge's value (a counter's too after metric_set), as the bits of a double, in a cache line
     * of its own. */
    _Alignas(64) _Atomic uint64_t base;
};

struct metric_buckets {
    const double *bounds; /* upper, ascending, +Inf left out */
    size_t count;
};

struct metric_buckets metric_buckets(enum metric_family family);
/* Series are 1 … metric_series_count() - 1. */
uint32_t metric_series_count(void);
struct metric_series *metric_series_at(metric_t series);
/* Sum over all threads of one of its cells, as integer or double. */
uint64_t metric_cell_sum(const struct metric_series *series, size_t word);
double metric_real_sum(const struct metric_series *series, size_t word);

/* The process_* families. */
void metrics_write_process(struct writer *out);
/* # HELP and # TYPE. */
void metrics_write_head(struct writer *out, enum metric_family family);

#endif
