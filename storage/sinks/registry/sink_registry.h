/* sink_registry.h: the built-in sinks, from sinks.def. Immutable; thread: any. */
#ifndef VSOC_STORAGE_SINK_REGISTRY_H
#define VSOC_STORAGE_SINK_REGISTRY_H

#include "storage/sink.h"
#include "storage/sinks/sink_table.h"

#define SINK(name)                                                                                 \
    extern const struct sink sink_##name;                                                          \
    extern const struct sink_table_row sink_##name##_table[];                                      \
    void sink_##name##_check(const void *settings, const struct sink_settings_judge *judge);
#include "storage/sinks/registry/sinks.def"
#undef SINK

/* Number of built-in sinks. */
enum {
#define SINK(name) SINK_AT_##name,
#include "storage/sinks/registry/sinks.def"
#undef SINK
    SINK_BUILT_IN_COUNT
};

/* Built-in sink number i < SINK_BUILT_IN_COUNT. */
const struct sink *sink_built_in(size_t i);
/* Its settings: rows up to one without key. */
const struct sink_table_row *sink_built_in_table(size_t i);
/* Tells the judge what is wrong with its settings when it is enabled, beside what the rows say. */
void sink_built_in_check(size_t i, const void *settings, const struct sink_settings_judge *judge);
/* Built-in sink of that name, in any case, or NULL. */
const struct sink *sink_by_name(struct slice name);
/* True if these settings (those of sink_config) enable it. */
bool sink_is_enabled(const struct sink *sink, const void *settings);
/* The sink's lanes, load limits and needs under these settings. */
struct sink_limits sink_limits_of(const struct sink *sink, const void *settings);
/* Open files that the sink needs at most under these settings, those of its lanes' feeds included.
 */
uint64_t sink_files(const struct sink *sink, const void *settings);

#endif
