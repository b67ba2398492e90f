/* pg_housekeeping.c: the maintenance jobs: daily partitions ahead, deletion of old batch keys. Runs
 * on the jobs thread. Does not create the partitions that a load needs now (pg_days.c), and drops
 * none. */
#include "storage/sinks/postgres/jobs/pg_job.h"

#include "core/clock.h"
#include "core/disk/fault.h"

#include <stdio.h>
#include <stdlib.h>

#define TRIM_KEYS 10000ul /* deleted in one transaction */

/* One day per step: a load that needs a day waits at most for one day's tables. */
static enum status make_day(struct pg_connection *c, const struct pg_job_settings *settings,
                            unsigned step, bool *more, struct pg_error *error)
{
    char text[16];
    snprintf(text, sizeof text, "%u", step);
    struct pg_param param = {slice_from_text(text), 0};
    enum status status = pg_connection_query(c, "SELECT vsoc.ensure_partitions($1::integer)",
                                             &param, 1, NULL, NULL, error);
    fault_point(pg_days_ahead_made);
    *more = step < settings->partitions_ahead;
    return status;
}

static void count_row(void *arg, const char *const *cells)
{
    *(unsigned long *)arg = strtoul(cells[0] ? cells[0] : "0", NULL, 10);
}

static enum status trim_keys(struct pg_connection *c, const struct pg_job_settings *settings,
                             unsigned step, bool *more, struct pg_error *error)
{
    (void)step;
    char keep[48], most[24];
    unsigned long deleted = 0;
    snprintf(keep, sizeof keep, "%lld seconds",
             (long long)(settings->batch_key_window_ns / NS_PER_S));
    snprintf(most, sizeof most, "%lu", TRIM_KEYS);
    struct pg_param params[] = {{slice_from_text(keep), 0}, {slice_from_text(most), 0}};
    enum status status =
        pg_connection_query(c, "SELECT vsoc.trim_batch_keys($1::interval, $2::integer)", params, 2,
                            count_row, &deleted, error);
    fault_point(pg_keys_trimmed);
    *more = deleted >= TRIM_KEYS;
    return status;
}

const struct pg_job pg_job_partitions = {
    .name = "partitions",
    .period_ns = 3600 * NS_PER_S,
    .retry_ns = 60 * NS_PER_S,
    .step = make_day,
    .by_hand = "SELECT vsoc.ensure_partitions(3)",
};

const struct pg_job pg_job_batch_keys = {
    .name = "batch_keys",
    .period_ns = 30 * NS_PER_S,
    .retry_ns = 30 * NS_PER_S,
    .step = trim_keys,
    .by_hand = "SELECT vsoc.trim_batch_keys('1 day', 10000), with dedup.window for '1 day'",
};
