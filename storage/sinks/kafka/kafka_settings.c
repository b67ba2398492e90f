/* kafka_settings.c: the settings of the Kafka sink as data, and checks across their rows. Any
 * thread. Reads no file and connects to nothing. */
#include "storage/sinks/kafka/kafka_settings.h"

#include <string.h>

const struct sink_table_row sink_kafka_table[] = {
#define SINK_SETTING SINK_ROW
#include "storage/sinks/kafka/sink.def"
#undef SINK_SETTING
    {0}};
_Static_assert(sizeof(struct sink_kafka_settings) <= SINK_SETTINGS_BYTES, "they fit");

static bool is_topic(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '.' || *p == '_' || *p == '-'))
            return false;
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool has_entry(const struct setting_map *map, const char *name)
{
    for (size_t i = 0; i < map->count; i++)
        if (!strcmp(map->names[i], name))
            return map->values[i][0] != '\0';
    return false;
}

static void check_topic(const struct sink_settings_judge *judge, const char *key, const char *name,
                        const char *progress)
{
    struct problem problem;
    if (!is_topic(name)) {
        problem_say(&problem,
                    "a topic's name has letters, digits, '.', '_' and '-' only, not '%.64s'", name);
        judge->tell(judge->arg, key, &problem);
    }
    if (progress && !strcmp(name, progress)) {
        problem_say(&problem,
                    "must not be the topic of sinks.kafka.topics.progress, which is compacted");
        judge->tell(judge->arg, key, &problem);
    }
}

void sink_kafka_check(const void *settings, const struct sink_settings_judge *judge)
{
    const struct sink_kafka_settings *s = settings;
    struct problem problem;
    if (!s->enabled)
        return;
    if (!has_entry(&s->properties, "bootstrap.servers") &&
        !has_entry(&s->properties, "metadata.broker.list")) {
        problem_say(&problem, "needs bootstrap.servers: host:port of the brokers, or set "
                              "sinks.kafka.enabled to false");
        judge->tell(judge->arg, "sinks.kafka.properties", &problem);
    }
    check_topic(judge, "sinks.kafka.topics.events", s->topic_events, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.quarantine", s->topic_quarantine, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.health", s->topic_health, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.audit", s->topic_audit, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.evidence_heads", s->topic_heads, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.findings", s->topic_findings, s->topic_progress);
    check_topic(judge, "sinks.kafka.topics.progress", s->topic_progress, NULL);
}
