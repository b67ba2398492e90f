/* app_metrics.c: gauges that are read from the parts at each scrape. Main thread. */
#include "server/daemon/app_internal.h"

#include "core/clock.h"
#include "core/log/log_out.h"
#include "core/metrics/metrics.h"
#include "storage/evidence/evidence.h"

static void refresh_catalog(const struct app *app)
{
    uint64_t unknown = 0;
    for (size_t i = 0; i < app->worker_count; i++)
        unknown += catalog_unknown_total(worker_unknown_ids(app->workers[i]));
    metric_set(metric_series(METRIC_vsocd_catalog_unknown_events, ""), (double)unknown);
    metric_set(metric_series(METRIC_vsocd_catalog_rows, ""),
               (double)catalog_count(app->catalog->catalog));
    metric_set(metric_series(METRIC_vsocd_catalog_loaded_timestamp_seconds, ""),
               (double)app->catalog->loaded_ns / (double)NS_PER_S);
}

static void refresh_evidence(const struct app *app, uint64_t leaves)
{
    struct evidence_state s;
    evidence_state(app->evidence, &s);
    metric_set(metric_series(METRIC_vsocd_evidence_leaves, ""), (double)s.leaves);
    metric_set(metric_series(METRIC_vsocd_evidence_head_size, ""), (double)s.head_size);
    int64_t age_ns = s.head_ns ? clock_wall_ns() - s.head_ns : 0;
    metric_set(metric_series(METRIC_vsocd_evidence_head_age_seconds, ""),
               age_ns > 0 ? (double)age_ns / (double)NS_PER_S : 0);
    metric_set(metric_series(METRIC_vsocd_evidence_unsigned_records, ""),
               leaves > s.head_size ? (double)(leaves - s.head_size) : 0);
}

static void refresh(void *arg)
{
    struct app *app = app_cast(arg);
    struct spool_stats s;
    spool_stats(app->shared.spool, &s);
    metric_set(metric_series(METRIC_vsocd_log_queued_bytes, ""), (double)log_out_queued());
    metric_set(metric_series(METRIC_vsocd_spool_bytes, ""), (double)s.bytes);
    metric_set(metric_series(METRIC_vsocd_spool_segments, ""), (double)s.segments);
    metric_set(metric_series(METRIC_vsocd_spool_position, ""), (double)s.position);
    metric_set(metric_series(METRIC_vsocd_spool_full, ""), s.full);
    int64_t wait_ns = spool_disk_wait_ns(app->shared.spool);
    metric_set(metric_series(METRIC_vsocd_spool_commit_in_progress_seconds, ""),
               wait_ns >= NS_PER_S ? (double)wait_ns / (double)NS_PER_S : 0);
    metric_set(metric_series(METRIC_vsocd_evidence_bytes, ""), (double)s.evidence_bytes);
    int64_t age_ns = s.oldest_ns ? clock_wall_ns() - s.oldest_ns : 0;
    metric_set(metric_series(METRIC_vsocd_evidence_oldest_seconds, ""),
               age_ns > 0 ? (double)age_ns / (double)NS_PER_S : 0);
    metric_set(metric_series(METRIC_vsocd_spool_max_bytes, ""),
               (double)app->config->spool_max_bytes);
    metric_set(metric_series(METRIC_vsocd_memory_in_flight_bytes, ""),
               (double)atomic_load(&app->budget.used));
    metric_set(metric_series(METRIC_vsocd_memory_limit_bytes, ""),
               (double)atomic_load(&app->budget.limit));
    metric_set(metric_series(METRIC_vsocd_dedup_batches, ""),
               (double)dedup_count(app->shared.dedup));
    refresh_catalog(app);
    refresh_evidence(app, s.leaves);
    for (size_t i = 0; i < app->worker_count; i++)
        worker_refresh_metrics(app->workers[i]);
    for (size_t i = 0; i < app->shared.sinks.count; i++)
        sink_runner_refresh(app->shared.sinks.runners[i]);
}

void app_metrics_init(struct app *app)
{
    thread_assert(THREAD_MAIN);
    metric_set(metric_series(METRIC_vsocd_build_info, "version=\"" VSOCD_VERSION "\""), 1);
    metrics_on_scrape(refresh, app);
}
