/* sink_config.c: converts the sinks.* rows for the built-in sinks. Main thread. */
#include "server/daemon/sink_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void fill_kafka(const struct config *c, const struct sink_property *properties,
                       struct sink_kafka_settings *out)
{
    *out = (struct sink_kafka_settings){
        .enabled = c->kafka_enabled,
        .exactly_once = c->kafka_delivery == 0,
        .topic_events = c->kafka_topic_events,
        .topic_quarantine = c->kafka_topic_quarantine,
        .topic_health = c->kafka_topic_health,
        .topic_findings = c->kafka_topic_findings,
        .topic_progress = c->kafka_topic_progress,
        .transaction_events = (uint32_t)c->kafka_transaction_events,
        .transaction_bytes = c->kafka_transaction_bytes,
        .transaction_interval_ns = c->kafka_transaction_interval,
        .properties = properties,
        .property_count = c->kafka_properties.count,
    };
}

static void fill_postgres(const struct config *c, const struct sink_property *properties,
                          struct sink_postgres_settings *out)
{
    (void)properties;
    *out = (struct sink_postgres_settings){
        .enabled = c->postgres_enabled,
        .dsn = c->postgres_dsn,
        .allow_superuser = c->postgres_allow_superuser,
        .connections = (unsigned)c->postgres_connections,
        .batch_events = (uint32_t)c->postgres_batch_events,
        .batch_interval_ns = c->postgres_batch_interval,
        .partitions_ahead = (unsigned)c->retention_partitions_ahead,
        .batch_key_window_ns = c->dedup_window,
    };
}

static void fill_file(const struct config *c, const struct sink_property *properties,
                      struct sink_file_settings *out)
{
    (void)properties;
    *out = (struct sink_file_settings){
        .enabled = c->file_enabled,
        .path = c->file_path,
        .rotate_bytes = c->file_rotate_bytes,
        .keep = (unsigned)c->file_keep,
    };
}

void sink_settings_from_config(const struct config *config,
                               struct sink_property properties[CONFIG_ITEMS_MAX],
                               struct sink_settings *out)
{
    const struct config_map *map = &config->kafka_properties;
    for (size_t i = 0; i < map->count; i++)
        properties[i] = (struct sink_property){map->names[i], map->values[i]};
#define SINK(name) fill_##name(config, properties, &out->name);
#include "storage/sinks/sinks.def"
#undef SINK
}

void sink_instance_name(const struct config *config, char *name, size_t size)
{
    memset(name, 0, size);
    if (config->instance && config->instance[0])
        snprintf(name, size, "%s", config->instance);
    else if (gethostname(name, size - 1) != 0)
        snprintf(name, size, "vsocd");
}
