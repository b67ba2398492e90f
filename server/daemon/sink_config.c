/* sink_config.c: hands the sinks.* rows to the built-in sinks. Main thread. */
#include "server/daemon/sink_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/sinks/sink_runner.h"

void sink_settings_from_config(const struct config *config,
                               struct sink_property properties[CONFIG_ITEMS_MAX],
                               struct sink_settings *out)
{
    const struct config *c = config;
    for (size_t i = 0; i < c->kafka_properties.count; i++)
        properties[i] =
            (struct sink_property){c->kafka_properties.names[i], c->kafka_properties.values[i]};
    *out = (struct sink_settings){
        .kafka =
            {
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
            },
        .postgres =
            {
                .enabled = c->postgres_enabled,
                .dsn = c->postgres_dsn,
                .allow_superuser = c->postgres_allow_superuser,
                .connections = (unsigned)c->postgres_connections,
                .batch_events = (uint32_t)c->postgres_batch_events,
                .batch_interval_ns = c->postgres_batch_interval,
                .partitions_ahead = (unsigned)c->retention_partitions_ahead,
                .batch_key_window_ns = c->dedup_window,
            },
        .file =
            {
                .enabled = c->file_enabled,
                .path = c->file_path,
                .rotate_bytes = c->file_rotate_bytes,
                .keep = (unsigned)c->file_keep,
            },
    };
}

void sink_instance_name(const struct config *config, char *name, size_t size)
{
    memset(name, 0, size);
    if (config->instance && config->instance[0])
        snprintf(name, size, "%s", config->instance);
    else if (gethostname(name, size - 1) != 0)
        snprintf(name, size, "vsocd");
}

enum status sink_settings_check(const struct config *config, char *problem)
{
    static const uint8_t no_spool[16];
    struct sink_property properties[CONFIG_ITEMS_MAX];
    struct sink_settings settings;
    sink_settings_from_config(config, properties, &settings);
    const struct sink *enabled[] = {settings.kafka.enabled ? &sink_kafka : NULL,
                                    settings.postgres.enabled ? &sink_postgres : NULL,
                                    settings.file.enabled ? &sink_file : NULL};
    for (size_t i = 0; i < sizeof enabled / sizeof *enabled; i++) {
        struct sink_problem told = {0};
        const struct sink_config sink = {.struct_size = sizeof sink,
                                         .instance = "check",
                                         .lanes = 1,
                                         .spool_uid = no_spool,
                                         .settings = &settings};
        void *lane = enabled[i] ? enabled[i]->open(&sink, &told) : NULL;
        if (lane)
            enabled[i]->close(lane);
        if (!enabled[i] || lane)
            continue;
        snprintf(problem, 512, "%s", told.text);
        return STATUS_CONFIG;
    }
    return STATUS_OK;
}
