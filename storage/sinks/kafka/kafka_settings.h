/* kafka_settings.h: the settings of the Kafka sink, from sink.def. Immutable; texts are the
 * server's. Thread: any. */
#ifndef VSOC_STORAGE_KAFKA_SETTINGS_H
#define VSOC_STORAGE_KAFKA_SETTINGS_H

#include "storage/sinks/sink_table.h"

/* Words of the setting delivery. */
enum kafka_delivery { KAFKA_EXACTLY_ONCE, KAFKA_AT_LEAST_ONCE };
/* Words of the setting headers. */
enum kafka_headers { KAFKA_HEADERS_FULL, KAFKA_HEADERS_MINIMAL, KAFKA_HEADERS_NONE };
/* Words of the setting format. */
enum kafka_format { KAFKA_FORMAT_JSON, KAFKA_FORMAT_LEAN, KAFKA_FORMAT_ECS, KAFKA_FORMAT_OCSF };

struct sink_kafka_settings {
#define SINK_SETTING SINK_MEMBER
#include "storage/sinks/kafka/sink.def"
#undef SINK_SETTING
};

struct sink;
extern const struct sink sink_kafka;
extern const struct sink_table_row sink_kafka_table[];
/* Tells the judge each mistake in a struct sink_kafka_settings that is enabled. */
void sink_kafka_check(const void *settings, const struct sink_settings_judge *judge);

#endif
