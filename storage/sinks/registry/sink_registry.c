/* sink_registry.c: the built-in sinks, and the limits of any sink under its settings. Any thread;
 * immutable. */
#include "storage/sinks/registry/sink_registry.h"

#include "core/clock.h"

/* Open files of a lane: the segment that it reads, its connection, and briefly opened files. */
#define FILES_LANE 4
/* Limits of a sink that sets none. */
#define FILES_SINK 12

static const struct {
    const struct sink *sink;
    const struct sink_table_row *table;
    void (*check)(const void *settings, const struct sink_settings_judge *judge);
} built_in[] = {
#define SINK(name) {&sink_##name, sink_##name##_table, sink_##name##_check},
#include "storage/sinks/registry/sinks.def"
#undef SINK
};

const struct sink *sink_built_in(size_t i)
{
    return built_in[i].sink;
}

const struct sink_table_row *sink_built_in_table(size_t i)
{
    return built_in[i].table;
}

void sink_built_in_check(size_t i, const void *settings, const struct sink_settings_judge *judge)
{
    built_in[i].check(settings, judge);
}

const struct sink *sink_by_name(struct slice name)
{
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++)
        if (slice_equal_nocase(name, built_in[i].sink->name))
            return built_in[i].sink;
    return NULL;
}

bool sink_is_enabled(const struct sink *sink, const void *settings)
{
    return !sink->enabled || sink->enabled(settings);
}

struct sink_limits sink_limits_of(const struct sink *sink, const void *settings)
{
    struct sink_limits limits = {.lanes = 1,
                                 .load_events = 10000,
                                 .load_bytes = UINT64_C(8) << 20,
                                 .load_interval_ns = 100 * NS_PER_MS,
                                 .files = FILES_SINK};
    if (sink->limits)
        sink->limits(settings, &limits);
    return limits;
}

uint64_t sink_files(const struct sink *sink, const void *settings)
{
    struct sink_limits limits = sink_limits_of(sink, settings);
    return limits.files + (uint64_t)FILES_LANE * limits.lanes;
}
