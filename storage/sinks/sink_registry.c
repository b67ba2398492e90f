/* sink_registry.c: the built-in sinks, and what any sink says of its settings. Any thread;
 * immutable. */
#include "storage/sinks/sink_registry.h"

#include "core/clock.h"

static const struct sink *const built_in[] = {
#define SINK(name) &sink_##name,
#include "storage/sinks/sinks.def"
#undef SINK
};

const struct sink *sink_built_in(size_t i)
{
    return built_in[i];
}

const struct sink *sink_by_name(struct slice name)
{
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++)
        if (slice_equal_nocase(name, built_in[i]->name))
            return built_in[i];
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
                                 .load_interval_ns = 100 * NS_PER_MS};
    if (sink->limits)
        sink->limits(settings, &limits);
    return limits;
}
