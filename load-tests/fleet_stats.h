/* What a run counts, and how it is told: progress line, summary for people, summary for machines.
 */
#ifndef LOAD_TESTS_FLEET_STATS_H
#define LOAD_TESTS_FLEET_STATS_H

#include "fleet_histogram.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { FLEET_STATUS_MAX = 600, FLEET_FAILURES_SHOWN = 5, FLEET_OUTLIERS_MAX = 200 };

/* An answer that took longer than FLEET_OUTLIER_NS. */
struct fleet_outlier {
    uint64_t answered_unix_ms; /* the wall clock's, to be compared with logs */
    uint64_t batch, waited_ns;
};

enum { FLEET_OUTLIER_NS = 50000000 };

/* Counters of one run; only the loop's thread touches them. */
struct fleet_stats {
    uint64_t events_total; /* what the run is to send */
    uint64_t requests;     /* sent, repeats included */
    uint64_t retries;      /* requests that repeated an earlier one */
    uint64_t batches_acked, events_acked;
    uint64_t accepted, duplicates, quarantined; /* as the reports say */
    uint64_t repeats_known;                 /* batches the server had already: "duplicate": true */
    uint64_t batches_failed, events_failed; /* final: the server will not take them */
    uint64_t bad_reports;                   /* 200 with a report that does not add up */
    uint64_t connects, connect_errors, disconnects, timeouts;
    uint64_t body_bytes, json_bytes; /* acknowledged ones */
    uint64_t statuses[FLEET_STATUS_MAX];
    uint64_t start_ns, end_ns, last_shown_ns, last_shown_events;
    struct fleet_histogram latency; /* ns from when a batch was due to its acknowledgement */
    struct fleet_outlier outliers[FLEET_OUTLIERS_MAX]; /* the first ones */
    uint64_t outlier_count;                            /* of all, kept or not */
    double cpu_seconds;                                /* of this process from start to end */
    unsigned failures_shown;
};

/* Monotonic nanoseconds. */
uint64_t fleet_now_ns(void);

/* CPU seconds, user and system, of this process so far. */
double fleet_cpu_seconds(void);

/* Counts an answer that came waited_ns after its batch was due. */
void fleet_stats_add_latency(struct fleet_stats *stats, uint64_t batch, uint64_t waited_ns);

/* Rewrites the progress line on a terminal, or adds one line elsewhere. */
void fleet_stats_show_progress(struct fleet_stats *stats, FILE *out);

/* Prints the summary for people. interrupted: the run was stopped by a signal. */
void fleet_stats_print(const struct fleet_stats *stats, bool interrupted, FILE *out);

/* Prints the summary as one JSON object on one line. run, seed, start_ms: how to repeat the run. */
void fleet_stats_print_json(const struct fleet_stats *stats, bool interrupted, uint32_t run,
                            uint64_t seed, int64_t start_ms, FILE *out);

/* True when every event was acknowledged and nothing failed. */
bool fleet_stats_complete(const struct fleet_stats *stats);

#endif
