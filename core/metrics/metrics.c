/* metrics.c: series and their cells. Each thread slot has a block of cells of its own, made when
 * the thread first counts: adding shares no cache line with other threads. Any thread. Text form:
 * metrics_text.c. */
#include "core/metrics/metrics.h"
#include "core/metrics/metrics_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/thread.h"

#define METRIC_WORDS 16384 /* cells of one thread slot; pages are allocated when first touched */

const struct metric_family_info metric_family_table[] = {
#define METRIC(name, type, unit, help) {#name, METRIC_##type, unit, help},
#include "core/metrics/metrics.def"
#undef METRIC
};

static const double seconds_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                        0.1,    0.25,  0.5,    1,     2.5,  5,     10};
static const double bytes_bounds[] = {256,    1024,    4096,    16384,    65536,
                                      262144, 1048576, 4194304, 16777216, 67108864};

/* Cells by slot. A cell of a counter is a count; a histogram has its buckets (the last is +Inf) and
 * then the sum, a double's bits. */
typedef _Atomic uint64_t cell_t;
/* Cells of the last slot, which threads without a slot of their own share, and threads whose block
 * could not be allocated */
static cell_t shared_cells[METRIC_WORDS];
static _Atomic(cell_t *) slot_cells[THREAD_SLOT_MAX] = {[THREAD_SLOT_MAX - 1] = shared_cells};

static struct metric_series all_series[METRIC_SERIES_MAX];
/* Series by the hash of family and labels, open addressing. A series is complete before its number
 * is stored here and never changes or leaves, so it is found without the lock. */
#define INDEX_SLOTS (2 * METRIC_SERIES_MAX)
static _Atomic metric_t series_index[INDEX_SLOTS];
static _Atomic uint32_t series_used = 1; /* 0 swallows */
static size_t words_used;
static pthread_mutex_t series_lock = PTHREAD_MUTEX_INITIALIZER;

struct metric_buckets metric_buckets(enum metric_family family)
{
    if (strcmp(metric_family_table[family].unit, "bytes") == 0)
        return (struct metric_buckets){bytes_bounds, sizeof bytes_bounds / sizeof(double)};
    return (struct metric_buckets){seconds_bounds, sizeof seconds_bounds / sizeof(double)};
}

static uint64_t real_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double real_from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void real_add(cell_t *cell, double v)
{
    uint64_t old = atomic_load_explicit(cell, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(cell, &old, real_bits(real_from_bits(old) + v),
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

uint32_t metric_series_count(void)
{
    return atomic_load_explicit(&series_used, memory_order_acquire);
}

struct metric_series *metric_series_at(metric_t series)
{
    ensure(series < metric_series_count());
    return &all_series[series];
}

/* FNV-1a. Labels are fixed at build time or by the configuration, so no seed is needed. */
static size_t series_hash(enum metric_family family, const char *labels)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)family;
    for (; *labels; labels++)
        hash = (hash * UINT64_C(1099511628211)) ^ (uint8_t)*labels;
    return (size_t)(hash ^ hash >> 32) % INDEX_SLOTS;
}

/* The slot of the series, or the empty one where it belongs. At most half of the slots are used. */
static _Atomic metric_t *series_slot(enum metric_family family, const char *labels)
{
    size_t i = series_hash(family, labels);
    for (;; i = (i + 1) % INDEX_SLOTS) {
        metric_t series = atomic_load_explicit(&series_index[i], memory_order_acquire);
        if (!series ||
            (all_series[series].family == family && strcmp(all_series[series].labels, labels) == 0))
            return &series_index[i];
    }
}

static metric_t series_find(enum metric_family family, const char *labels)
{
    return atomic_load_explicit(series_slot(family, labels), memory_order_acquire);
}

static metric_t series_make(enum metric_family family, const char *labels)
{
    metric_t made = atomic_load_explicit(&series_used, memory_order_relaxed);
    ensure(made < METRIC_SERIES_MAX);
    char *own_labels = strdup(labels);
    if (!own_labels)
        return 0; /* not counted */
    struct metric_series *series = &all_series[made];
    series->family = family;
    series->labels = own_labels;
    series->first_word = words_used;
    if (metric_family_table[family].type == METRIC_COUNTER)
        words_used += 1;
    else if (metric_family_table[family].type == METRIC_HISTOGRAM)
        words_used += metric_buckets(family).count + 2;
    ensure(words_used <= METRIC_WORDS);
    atomic_store_explicit(&series_used, made + 1, memory_order_release);
    atomic_store_explicit(series_slot(family, labels), made, memory_order_release);
    return made;
}

metric_t metric_series(enum metric_family family, const char *labels)
{
    ensure((unsigned)family < METRIC_FAMILY_COUNT);
    metric_t series = series_find(family, labels);
    if (series)
        return series;
    pthread_mutex_lock(&series_lock);
    series = series_find(family, labels);
    if (!series)
        series = series_make(family, labels);
    pthread_mutex_unlock(&series_lock);
    return series;
}

metric_t metric_series_in(metric_cell *cell, enum metric_family family, const char *label,
                          const char *value)
{
    char labels[128];
    /* Acquire: the thread that found the series may be another one, and all_series goes with it. */
    metric_t series = atomic_load_explicit(cell, memory_order_acquire);
    if (series)
        return series;
    snprintf(labels, sizeof labels, "%s=\"%s\"", label, value);
    series = metric_series(family, labels);
    atomic_store_explicit(cell, series, memory_order_release);
    return series;
}

/* Zeroed, page-aligned memory. Threads that share a slot may both make the block: one wins. */
static cell_t *slot_cells_make(unsigned slot)
{
    const size_t bytes = METRIC_WORDS * sizeof(cell_t);
    void *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cell_t *there = NULL;
    if (made == MAP_FAILED)
        return shared_cells; /* until there is memory */
    if (atomic_compare_exchange_strong_explicit(&slot_cells[slot], &there, (cell_t *)made,
                                                memory_order_acq_rel, memory_order_acquire))
        return made;
    munmap(made, bytes);
    return there;
}

static cell_t *own_cells(const struct metric_series *series)
{
    unsigned slot = thread_slot();
    cell_t *cells = atomic_load_explicit(&slot_cells[slot], memory_order_acquire);
    if (__builtin_expect(!cells, 0))
        cells = slot_cells_make(slot);
    return cells + series->first_word;
}

void metric_add(metric_t series, uint64_t n)
{
    if (series)
        atomic_fetch_add_explicit(own_cells(&all_series[series]), n, memory_order_relaxed);
}

void metric_set(metric_t series, double v)
{
    if (series)
        atomic_store_explicit(&all_series[series].base, real_bits(v), memory_order_relaxed);
}

void metric_move(metric_t series, double v)
{
    if (series)
        real_add(&all_series[series].base, v);
}

void metric_observe(metric_t series, double v)
{
    if (!series)
        return;
    struct metric_buckets buckets = metric_buckets(all_series[series].family);
    cell_t *cells = own_cells(&all_series[series]);
    size_t i = 0;
    while (i < buckets.count && !(v <= buckets.bounds[i]))
        i++;
    atomic_fetch_add_explicit(&cells[i], 1, memory_order_relaxed);
    real_add(&cells[buckets.count + 1], v);
}

uint64_t metric_cell_sum(const struct metric_series *series, size_t word)
{
    uint64_t sum = 0;
    for (unsigned slot = 0; slot < THREAD_SLOT_MAX; slot++) {
        cell_t *cells = atomic_load_explicit(&slot_cells[slot], memory_order_acquire);
        if (cells)
            sum += atomic_load_explicit(&cells[series->first_word + word], memory_order_relaxed);
    }
    return sum;
}

double metric_real_sum(const struct metric_series *series, size_t word)
{
    double sum = 0;
    for (unsigned slot = 0; slot < THREAD_SLOT_MAX; slot++) {
        cell_t *cells = atomic_load_explicit(&slot_cells[slot], memory_order_acquire);
        if (cells)
            sum += real_from_bits(
                atomic_load_explicit(&cells[series->first_word + word], memory_order_relaxed));
    }
    return sum;
}

double metric_value(metric_t series)
{
    if (!series)
        return 0;
    const struct metric_series *s = metric_series_at(series);
    double base = real_from_bits(atomic_load_explicit(&s->base, memory_order_relaxed));
    if (metric_family_table[s->family].type == METRIC_COUNTER)
        return base + (double)metric_cell_sum(s, 0);
    return base;
}
