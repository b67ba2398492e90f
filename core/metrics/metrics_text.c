/* metrics_text.c: all series as Prometheus text 0.0.4. Thread: main (reads cells of all threads).
 * Does not serve HTTP. */
#include "core/metrics/metrics.h"
#include "core/metrics/metrics_table.h"

#include <math.h>

#include "core/thread.h"

#define SCRAPE_HOOKS_MAX 16

static struct {
    void (*refresh)(void *);
    void *arg;
} scrape_hooks[SCRAPE_HOOKS_MAX];
static size_t scrape_hooks_used;

void metrics_on_scrape(void (*refresh)(void *), void *arg)
{
    ensure(scrape_hooks_used < SCRAPE_HOOKS_MAX);
    scrape_hooks[scrape_hooks_used].refresh = refresh;
    scrape_hooks[scrape_hooks_used++].arg = arg;
}

static void write_value(struct writer *out, double v)
{
    if (isnan(v))
        writer_text(out, "NaN");
    else if (isinf(v))
        writer_text(out, v > 0 ? "+Inf" : "-Inf");
    else
        writer_json_double(out, v);
}

void metrics_write_head(struct writer *out, enum metric_family family)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct metric_family_info *info = &metric_family_table[family];
    writer_format(out, "# HELP %s ", info->name);
    for (const char *at = info->help; *at; at++) {
        if (*at == '\\' || *at == '\n')
            writer_text(out, *at == '\n' ? "\\n" : "\\\\");
        else
            writer_u8(out, (uint8_t)*at);
    }
    writer_format(out, "\n# TYPE %s %s\n", info->name, types[info->type]);
}

static void write_plain(struct writer *out, metric_t number, const struct metric_series *series)
{
    writer_text(out, metric_family_table[series->family].name);
    if (series->labels[0])
        writer_format(out, "{%s}", series->labels);
    writer_u8(out, ' ');
    write_value(out, metric_value(number));
    writer_u8(out, '\n');
}

static void write_histogram_end(struct writer *out, const struct metric_series *series,
                                const char *suffix, double v)
{
    writer_format(out, "%s_%s", metric_family_table[series->family].name, suffix);
    if (series->labels[0])
        writer_format(out, "{%s}", series->labels);
    writer_u8(out, ' ');
    write_value(out, v);
    writer_u8(out, '\n');
}

static void write_histogram(struct writer *out, const struct metric_series *series)
{
    struct metric_buckets buckets = metric_buckets(series->family);
    uint64_t count = 0;
    for (size_t i = 0; i <= buckets.count; i++) {
        count += metric_cell_sum(series, i);
        writer_format(out, "%s_bucket{%s%sle=\"", metric_family_table[series->family].name,
                      series->labels, series->labels[0] ? "," : "");
        write_value(out, i < buckets.count ? buckets.bounds[i] : INFINITY);
        writer_format(out, "\"} %llu\n", (unsigned long long)count);
    }
    write_histogram_end(out, series, "sum", metric_real_sum(series, buckets.count + 1));
    write_histogram_end(out, series, "count", (double)count);
}

static void write_family(struct writer *out, enum metric_family family)
{
    bool headed = false;
    uint32_t used = metric_series_count();
    for (metric_t i = 1; i < used; i++) {
        const struct metric_series *series = metric_series_at(i);
        if (series->family != family)
            continue;
        if (!headed)
            metrics_write_head(out, family);
        headed = true;
        if (metric_family_table[family].type == METRIC_HISTOGRAM)
            write_histogram(out, series);
        else
            write_plain(out, i, series);
    }
}

void metrics_write(struct writer *out)
{
    thread_assert(THREAD_MAIN);
    for (size_t i = 0; i < scrape_hooks_used; i++)
        scrape_hooks[i].refresh(scrape_hooks[i].arg);
    for (unsigned family = 0; family < METRIC_FAMILY_COUNT; family++)
        write_family(out, (enum metric_family)family);
    metrics_write_process(out);
}
