/* metrics.h: counters, gauges and histograms from one table, metrics.def, printed as Prometheus
 * text 0.0.4.
 *
 * A family is a row of metrics.def. A series is a family with a fixed label text. Series are
 * created at start or on reload, never from client input. Adding touches only the calling thread's
 * own cell: no lock, no shared cache line. */
#ifndef VSOC_CORE_METRICS_H
#define VSOC_CORE_METRICS_H

#include <stdatomic.h>

#include "core/metrics/metric_family.h"
#include "core/status.h"
#include "core/writer.h"

/* Series of family with labels, a text like "sink=\"kafka\"" or "" (copied). The same labels give
 * the same series. Ends the process when METRIC_SERIES_MAX is reached: label sets are fixed and
 * small. 0 when there is no memory. Thread: any; takes a lock only to make a series, so that a
 * known one may be asked for on a request's path. */
metric_t metric_series(enum metric_family family, const char *labels);
#define METRIC_SERIES_MAX 1024

/* Remembers a series, so that it is looked up once; zeroed: not looked up yet. */
typedef _Atomic(metric_t) metric_cell;
/* The series of family whose one label has this value, by way of its cell. Thread: any. */
metric_t metric_series_in(metric_cell *cell, enum metric_family family, const char *label,
                          const char *value);

/* Counter: n more. Thread: any. */
void metric_add(metric_t series, uint64_t n);
/* Gauge: from now on v. Thread: any. */
void metric_set(metric_t series, double v);
/* Gauge: v more (may be negative). Thread: any. */
void metric_move(metric_t series, double v);
/* Histogram: one observation, in the family's unit. Thread: any. */
void metric_observe(metric_t series, double v);
/* Counter or gauge as of now (tests, admin API). */
double metric_value(metric_t series);

/* Called before printing, to refresh gauges. At most 16. Thread: main, at start. */
void metrics_on_scrape(void (*refresh)(void *), void *arg);
/* Prometheus text 0.0.4 of all series, with HELP and TYPE; also process_*. Thread: main. */
void metrics_write(struct writer *out);

#endif
