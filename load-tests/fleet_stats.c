/* Prints what a run counted. Runs on the generator's only thread. It counts nothing itself. */
#include "fleet_stats.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

uint64_t fleet_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double fleet_cpu_seconds(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static uint64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void fleet_stats_add_latency(struct fleet_stats *stats, uint64_t batch, uint64_t waited_ns)
{
    fleet_histogram_add(&stats->latency, waited_ns);
    if (waited_ns <= FLEET_OUTLIER_NS)
        return;
    if (stats->outlier_count < FLEET_OUTLIERS_MAX)
        stats->outliers[stats->outlier_count] = (struct fleet_outlier){unix_ms(), batch, waited_ns};
    stats->outlier_count++;
}

bool fleet_stats_complete(const struct fleet_stats *stats)
{
    return stats->events_acked == stats->events_total && stats->batches_failed == 0 &&
           stats->bad_reports == 0;
}

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 1e-9;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 100.0 : 100.0 * (double)part / (double)whole;
}

void fleet_stats_show_progress(struct fleet_stats *stats, FILE *out)
{
    bool terminal = isatty(fileno(out)) == 1;
    uint64_t now = fleet_now_ns();
    double rate = (double)(stats->events_acked - stats->last_shown_events) /
                  seconds_between(stats->last_shown_ns, now);
    fprintf(out,
            "%s%5.1f %%  %" PRIu64 " of %" PRIu64
            " events acknowledged  %.0f events/s  retries %" PRIu64 "  failed %" PRIu64 "%s",
            terminal ? "\r\033[K" : "", percent(stats->events_acked, stats->events_total),
            stats->events_acked, stats->events_total, rate, stats->retries, stats->events_failed,
            terminal ? "" : "\n");
    fflush(out);
    stats->last_shown_ns = now;
    stats->last_shown_events = stats->events_acked;
}

static double latency_ms(const struct fleet_stats *stats, double share)
{
    return (double)fleet_histogram_at(&stats->latency, share) / 1e6;
}

static void print_statuses(const struct fleet_stats *stats, FILE *out)
{
    fprintf(out, "answers     ");
    for (int i = 0; i < FLEET_STATUS_MAX; i++) {
        if (stats->statuses[i] != 0)
            fprintf(out, " %d: %" PRIu64 " ", i, stats->statuses[i]);
    }
    fprintf(out, "\n");
}

void fleet_stats_print(const struct fleet_stats *stats, bool interrupted, FILE *out)
{
    double seconds = seconds_between(stats->start_ns, stats->end_ns);
    fprintf(out, "%s\n",
            interrupted                   ? "stopped by a signal"
            : fleet_stats_complete(stats) ? "all events acknowledged"
                                          : "NOT all events were acknowledged");
    fprintf(out,
            "events       %" PRIu64 " of %" PRIu64 " acknowledged: %" PRIu64 " accepted, %" PRIu64
            " duplicates, %" PRIu64 " quarantined; %" PRIu64 " refused\n",
            stats->events_acked, stats->events_total, stats->accepted, stats->duplicates,
            stats->quarantined, stats->events_failed);
    fprintf(out,
            "batches      %" PRIu64 " acknowledged (%" PRIu64
            " known to the server before), %" PRIu64 " refused, %" PRIu64
            " reports that do not add up\n",
            stats->batches_acked, stats->repeats_known, stats->batches_failed, stats->bad_reports);
    fprintf(out, "requests     %" PRIu64 ", of them %" PRIu64 " retries\n", stats->requests,
            stats->retries);
    print_statuses(stats, out);
    fprintf(out,
            "connections  %" PRIu64 " made, %" PRIu64 " refused, %" PRIu64 " lost, %" PRIu64
            " timed out\n",
            stats->connects, stats->connect_errors, stats->disconnects, stats->timeouts);
    fprintf(out, "time         %.3f s, %.0f events/s, %.1f MB/s sent, %.1f MB/s inflated\n",
            seconds, (double)stats->events_acked / seconds,
            (double)stats->body_bytes / seconds / 1e6, (double)stats->json_bytes / seconds / 1e6);
    fprintf(
        out,
        "latency      p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, max %.2f ms; %" PRIu64
        " over %d ms\n",
        latency_ms(stats, 0.50), latency_ms(stats, 0.95), latency_ms(stats, 0.99),
        latency_ms(stats, 0.999), (double)stats->latency.max / 1e6, stats->outlier_count,
        FLEET_OUTLIER_NS / 1000000);
    fprintf(out, "generator    %.3f s of CPU, %.3f us an event\n", stats->cpu_seconds,
            stats->events_acked == 0 ? 0.0
                                     : stats->cpu_seconds * 1e6 / (double)stats->events_acked);
}

static void print_json_counts(const struct fleet_stats *stats, FILE *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"events", stats->events_total},
        {"events_acknowledged", stats->events_acked},
        {"accepted", stats->accepted},
        {"duplicates", stats->duplicates},
        {"quarantined", stats->quarantined},
        {"events_refused", stats->events_failed},
        {"batches_acknowledged", stats->batches_acked},
        {"batches_known_before", stats->repeats_known},
        {"batches_refused", stats->batches_failed},
        {"bad_reports", stats->bad_reports},
        {"requests", stats->requests},
        {"retries", stats->retries},
        {"connects", stats->connects},
        {"connect_errors", stats->connect_errors},
        {"disconnects", stats->disconnects},
        {"timeouts", stats->timeouts},
        {"body_bytes", stats->body_bytes},
        {"json_bytes", stats->json_bytes},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        fprintf(out, "\"%s\":%" PRIu64 ",", counts[i].name, counts[i].value);
}

static void print_json_latency(const struct fleet_stats *stats, FILE *out)
{
    uint64_t kept =
        stats->outlier_count < FLEET_OUTLIERS_MAX ? stats->outlier_count : FLEET_OUTLIERS_MAX;
    fprintf(out, "\"outlier_count\":%" PRIu64 ",\"outliers\":[", stats->outlier_count);
    for (uint64_t i = 0; i < kept; i++) {
        const struct fleet_outlier *one = &stats->outliers[i];
        fprintf(out, "%s{\"unix_ms\":%" PRIu64 ",\"batch\":%" PRIu64 ",\"ms\":%.1f}",
                i == 0 ? "" : ",", one->answered_unix_ms, one->batch, (double)one->waited_ns / 1e6);
    }
    fprintf(out,
            "],\"latency_ms\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"p99_9\":%.3f,"
            "\"max\":%.3f}",
            latency_ms(stats, 0.50), latency_ms(stats, 0.95), latency_ms(stats, 0.99),
            latency_ms(stats, 0.999), (double)stats->latency.max / 1e6);
}

void fleet_stats_print_json(const struct fleet_stats *stats, bool interrupted, uint32_t run,
                            uint64_t seed, int64_t start_ms, FILE *out)
{
    double seconds = seconds_between(stats->start_ns, stats->end_ns);
    const char *comma = "";
    fprintf(out, "{\"complete\":%s,\"interrupted\":%s,",
            fleet_stats_complete(stats) ? "true" : "false", interrupted ? "true" : "false");
    fprintf(out, "\"run\":\"%08" PRIx32 "\",\"seed\":%" PRIu64 ",\"start_ms\":%" PRId64 ",", run,
            seed, start_ms);
    print_json_counts(stats, out);
    fprintf(out, "\"statuses\":{");
    for (int i = 0; i < FLEET_STATUS_MAX; i++) {
        if (stats->statuses[i] != 0) {
            fprintf(out, "%s\"%d\":%" PRIu64, comma, i, stats->statuses[i]);
            comma = ",";
        }
    }
    fprintf(out, "},\"seconds\":%.6f,\"events_per_second\":%.1f,", seconds,
            (double)stats->events_acked / seconds);
    fprintf(out, "\"send_cpu_seconds\":%.6f,", stats->cpu_seconds);
    print_json_latency(stats, out);
    fprintf(out, "}\n");
}
