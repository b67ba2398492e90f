/* sink_settings.h: settings of the built-in sinks, as the server's configuration hands them over.
 * Immutable. */
#ifndef VSOC_STORAGE_SINK_SETTINGS_H
#define VSOC_STORAGE_SINK_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_property {
    const char *name, *value;
};

struct sink_kafka_settings {
    bool enabled;
    bool exactly_once; /* delivery: exactly_once | at_least_once */
    const char *topic_events, *topic_quarantine, *topic_health, *topic_findings, *topic_progress;
    uint32_t transaction_events;
    uint64_t transaction_bytes;
    int64_t transaction_interval_ns;
    const struct sink_property *properties; /* librdkafka's */
    size_t property_count;
};

struct sink_postgres_settings {
    bool enabled;
    const char *dsn; /* libpq connection string */
    bool allow_superuser;
    unsigned connections;
    uint32_t batch_events;
    int64_t batch_interval_ns;
    unsigned partitions_ahead;   /* retention.partitions_ahead: days */
    int64_t batch_key_window_ns; /* dedup.window */
};

struct sink_file_settings {
    bool enabled;
    const char *path;
    uint64_t rotate_bytes;
    unsigned keep;
};

struct sink_settings {
#define SINK(name) struct sink_##name##_settings name;
#include "storage/sinks/sinks.def"
#undef SINK
};

#endif
