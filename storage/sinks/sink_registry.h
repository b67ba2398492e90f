/* sink_registry.h: the built-in sinks, from sinks.def. Immutable; thread: any. */
#ifndef VSOC_STORAGE_SINK_REGISTRY_H
#define VSOC_STORAGE_SINK_REGISTRY_H

#include "storage/sink.h"

#define SINK(name) extern const struct sink sink_##name;
#include "storage/sinks/sinks.def"
#undef SINK

/* Number of built-in sinks. */
enum {
#define SINK(name) SINK_AT_##name,
#include "storage/sinks/sinks.def"
#undef SINK
    SINK_BUILT_IN_COUNT
};

/* Built-in sink number i < SINK_BUILT_IN_COUNT. */
const struct sink *sink_built_in(size_t i);
/* Built-in sink of that name, in any case, or NULL. */
const struct sink *sink_by_name(struct slice name);
/* True when these settings (those of sink_config) switch it on. */
bool sink_is_enabled(const struct sink *sink, const void *settings);
/* How the sink is fed under these settings. */
struct sink_limits sink_limits_of(const struct sink *sink, const void *settings);

#endif
