/* kafka_topics.c: creates and checks topics through the admin API. Runs on the sink's thread. Does
 * not change existing topics: their owner decides about their configuration. */
#define LOG_COMPONENT "kafka"
#include "storage/sinks/kafka/kafka_topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/log/log.h"

/* Number of partitions among which consumers of events can share the work. */
#define EVENT_PARTITIONS 6

struct topic {
    const char *name, *setting;
    enum kafka_topic limited; /* KAFKA_TOPICS: its limit does not matter */
    int partitions;           /* if we create it; -1: the brokers' default */
    bool compacted;
    bool missing;
    const struct kafka_property *created_with; /* settings if we create it; NULL: none */
};

/* Small segments that are rolled often: only closed segments are compacted, and a start may read
 * the whole topic. */
static const struct kafka_property progress_settings[] = {{"cleanup.policy", "compact"},
                                                          {"segment.bytes", "16777216"},
                                                          {"segment.ms", "3600000"},
                                                          {"min.cleanable.dirty.ratio", "0.1"},
                                                          {NULL, NULL}};
/* Every head for 30 days, then the newest one of each log for ever. */
static const struct kafka_property heads_settings[] = {{"cleanup.policy", "compact"},
                                                       {"segment.bytes", "16777216"},
                                                       {"min.compaction.lag.ms", "2592000000"},
                                                       {NULL, NULL}};

enum { TOPICS = 5 };

static void topics_list(const struct sink_kafka_settings *s, struct topic topics[TOPICS])
{
    topics[0] = (struct topic){.name = s->topic_progress,
                               .setting = "sinks.kafka.topics.progress",
                               .limited = KAFKA_TOPICS,
                               .partitions = 1,
                               .compacted = true,
                               .created_with = progress_settings};
    topics[1] = (struct topic){.name = s->topic_events,
                               .setting = "sinks.kafka.topics.events",
                               .limited = KAFKA_EVENTS,
                               .partitions = EVENT_PARTITIONS};
    topics[2] = (struct topic){.name = s->topic_quarantine,
                               .setting = "sinks.kafka.topics.quarantine",
                               .limited = KAFKA_QUARANTINE,
                               .partitions = -1};
    topics[3] = (struct topic){.name = s->topic_health,
                               .setting = "sinks.kafka.topics.health",
                               .limited = KAFKA_HEALTH,
                               .partitions = -1};
    topics[4] = (struct topic){.name = s->topic_audit,
                               .setting = "sinks.kafka.topics.audit",
                               .limited = KAFKA_AUDIT,
                               .partitions = -1};
}

static int slice_ms(int64_t deadline_ns)
{
    int64_t left = (deadline_ns - clock_monotonic_ns()) / NS_PER_MS;
    return left <= 0 ? 0 : left < KAFKA_SLICE_MS ? (int)left : KAFKA_SLICE_MS;
}

static bool must_stop(const struct kafka_client *client, int64_t deadline_ns)
{
    return atomic_load(&client->interrupted) || clock_monotonic_ns() >= deadline_ns;
}

static enum sink_result problem_with(struct kafka_client *client, const struct topic *topic,
                                     rd_kafka_resp_err_t error, const char *text, const char *what,
                                     struct sink_problem *problem)
{
    char doing[400];
    snprintf(doing, sizeof doing, "topic %s (%s) %s", topic->name, topic->setting, what);
    return kafka_problem(client, error, text, doing, problem);
}

/* Queries only this topic: the list of all topics of a large cluster is long. */
static rd_kafka_resp_err_t topic_ask(rd_kafka_t *handle, const char *name, int timeout_ms)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error =
        topic ? rd_kafka_metadata(handle, 0, topic, &metadata, timeout_ms) : rd_kafka_last_error();
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                         : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (!error && metadata->topics[0].partition_cnt == 0)
            error = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return error;
}

/* Until it exists, is certainly missing, or the deadline has passed. A topic that was just created
 * needs a moment.
 */
static enum sink_result topic_find(struct kafka_client *client, rd_kafka_t *handle,
                                   struct topic *topic, int64_t deadline_ns,
                                   struct sink_problem *problem)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while (!must_stop(client, deadline_ns)) {
        error = topic_ask(handle, topic->name, slice_ms(deadline_ns));
        rd_kafka_poll(handle, 0); /* serves the error callback */
        topic->missing = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        if (!error || topic->missing)
            return SINK_DELIVERED;
        if (kafka_classify(error) == SINK_BROKEN ||
            (client->last_error && kafka_classify(client->last_error) == SINK_BROKEN))
            break;
        if (error != RD_KAFKA_RESP_ERR__TIMED_OUT)
            rd_kafka_poll(handle, slice_ms(deadline_ns) / 10);
    }
    return problem_with(client, topic, error, NULL, "can't be looked up", problem);
}

/* Waits for the answer to an admin request. */
static rd_kafka_event_t *admin_wait(struct kafka_client *client, rd_kafka_t *handle,
                                    rd_kafka_queue_t *queue, int64_t deadline_ns)
{
    rd_kafka_event_t *event = NULL;
    while (!event && !must_stop(client, deadline_ns)) {
        event = rd_kafka_queue_poll(queue, slice_ms(deadline_ns));
        rd_kafka_poll(handle, 0);
    }
    return event;
}

static enum sink_result creation_refused(struct kafka_client *client, const struct topic *topic,
                                         rd_kafka_resp_err_t error, const char *text,
                                         struct sink_problem *problem)
{
    char what[300];
    snprintf(what, sizeof what,
             "does not exist and can't be created; create it, for example with kafka-topics.sh "
             "--create --topic %s%s",
             topic->name,
             topic->compacted ? " --partitions 1 --config cleanup.policy=compact" : "");
    enum sink_result result = problem_with(client, topic, error, text, what, problem);
    return error == RD_KAFKA_RESP_ERR__TIMED_OUT   ? SINK_LATER
           : error == RD_KAFKA_RESP_ERR__TRANSPORT ? SINK_LATER
           : result == SINK_LATER                  ? SINK_LATER
                                                   : SINK_BROKEN;
}

static enum sink_result creation_result(struct kafka_client *client, const struct topic *topic,
                                        rd_kafka_event_t *event, struct sink_problem *problem)
{
    if (!event)
        return creation_refused(client, topic, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, problem);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    size_t count = 0;
    if (!error) {
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        error = count ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__FAIL;
        text = count ? rd_kafka_topic_result_error_string(results[0]) : NULL;
    }
    enum sink_result result = SINK_DELIVERED;
    if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        result = creation_refused(client, topic, error, text, problem);
    else if (!error)
        log_info("topic created", LOG_TEXT("topic", topic->name));
    return result;
}

/* Admin requests go to the controller; without one (or with one that is not among the brokers, as
 * mock clusters say) they would wait in vain. */
static bool has_controller(rd_kafka_t *handle, const char *topic_name, int64_t deadline_ns)
{
    int32_t id = rd_kafka_controllerid(handle, slice_ms(deadline_ns));
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, topic_name, NULL);
    const struct rd_kafka_metadata *metadata;
    bool found = false;
    if (id >= 0 && topic &&
        rd_kafka_metadata(handle, 0, topic, &metadata, slice_ms(deadline_ns)) ==
            RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < metadata->broker_cnt; i++)
            found = found || metadata->brokers[i].id == id;
        rd_kafka_metadata_destroy(metadata);
    }
    if (topic)
        rd_kafka_topic_destroy(topic);
    return found;
}

static enum sink_result topic_create(struct kafka_client *client, rd_kafka_t *handle,
                                     const struct topic *topic, int64_t deadline_ns,
                                     struct sink_problem *problem)
{
    char why[256];
    if (!has_controller(handle, topic->name, deadline_ns))
        return creation_refused(client, topic, RD_KAFKA_RESP_ERR__TIMED_OUT,
                                "the cluster has no controller", problem);
    rd_kafka_NewTopic_t *created =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, -1, why, sizeof why);
    if (!created)
        return creation_refused(client, topic, RD_KAFKA_RESP_ERR__INVALID_ARG, why, problem);
    for (const struct kafka_property *p = topic->created_with; p && p->name; p++)
        rd_kafka_NewTopic_set_config(created, p->name, p->value);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_CreateTopics(handle, &created, 1, NULL, queue);
    rd_kafka_event_t *event = admin_wait(client, handle, queue, deadline_ns);
    enum sink_result result = creation_result(client, topic, event, problem);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(created);
    return result;
}

/* The brokers create it asynchronously: waits until all of it is visible. */
static enum sink_result topic_await(struct kafka_client *client, rd_kafka_t *handle,
                                    struct topic *topic, int64_t deadline_ns,
                                    struct sink_problem *problem)
{
    topic->missing = true;
    while (topic->missing) {
        enum sink_result result = topic_find(client, handle, topic, deadline_ns, problem);
        if (result != SINK_DELIVERED)
            return result;
        if (topic->missing)
            rd_kafka_poll(handle, slice_ms(deadline_ns) / 10);
    }
    return SINK_DELIVERED;
}

static const char *setting_of(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

static enum sink_result topic_check(const struct topic *topic,
                                    const rd_kafka_ConfigResource_t *resource,
                                    struct kafka_topics *topics, struct sink_problem *problem)
{
    const char *policy = setting_of(resource, "cleanup.policy");
    const char *bytes = setting_of(resource, "max.message.bytes");
    if (topic->compacted && policy && !strstr(policy, "compact")) {
        snprintf(problem->text, sizeof problem->text,
                 "topic %s (%s) has cleanup.policy=%s, so positions would be lost with time; set "
                 "it: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config "
                 "cleanup.policy=compact",
                 topic->name, topic->setting, policy, topic->name);
        return SINK_BROKEN;
    }
    if (topic->limited < KAFKA_TOPICS && bytes)
        topics->max_message_bytes[topic->limited] = strtoul(bytes, NULL, 10);
    return SINK_DELIVERED;
}

/* Topics may share a name. */
static enum sink_result settings_check(const struct topic list[TOPICS],
                                       const rd_kafka_ConfigResource_t *resource,
                                       struct kafka_topics *topics, struct sink_problem *problem)
{
    enum sink_result result = SINK_DELIVERED;
    const char *name = rd_kafka_ConfigResource_name(resource);
    for (size_t k = 0; k < TOPICS && result == SINK_DELIVERED; k++)
        if (strcmp(list[k].name, name) == 0)
            result = topic_check(&list[k], resource, topics, problem);
    return result;
}

/* Continue if the settings can't be read: that is a separate right. */
static void settings_unknown(const struct topic list[TOPICS], struct kafka_topics *topics,
                             const char *why)
{
    if (topics->unchecked)
        return;
    topics->unchecked = true;
    log_warn("settings of the topics can't be read, so they are not checked; is cleanup.policy of "
             "the progress topic compact?",
             LOG_TEXT("topic", list[0].name), LOG_TEXT("error", why));
}

static enum sink_result settings_result(const struct topic list[TOPICS], rd_kafka_event_t *event,
                                        struct kafka_topics *topics, struct sink_problem *problem)
{
    size_t count = 0;
    if (!event || rd_kafka_event_error(event)) {
        settings_unknown(list, topics, event ? rd_kafka_event_error_string(event) : "no answer");
        return SINK_DELIVERED;
    }
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    enum sink_result result = SINK_DELIVERED;
    const char *refused = NULL;
    for (size_t i = 0; i < count && result == SINK_DELIVERED; i++) {
        if (rd_kafka_ConfigResource_error(resources[i]))
            refused = rd_kafka_ConfigResource_error_string(resources[i]);
        else
            result = settings_check(list, resources[i], topics, problem);
    }
    if (refused)
        settings_unknown(list, topics, refused);
    topics->unchecked = refused;
    return result;
}

/* Topics may share a name, but a request may not name one twice. */
static size_t resources_make(const struct topic list[TOPICS],
                             rd_kafka_ConfigResource_t *resources[TOPICS])
{
    size_t count = 0;
    for (size_t i = 0; i < TOPICS; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || strcmp(list[i].name, list[k].name) == 0;
        if (!again)
            resources[count++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, list[i].name);
    }
    return count;
}

static enum sink_result topics_describe(struct kafka_client *client, rd_kafka_t *handle,
                                        const struct topic list[TOPICS], int64_t deadline_ns,
                                        struct kafka_topics *topics, struct sink_problem *problem)
{
    rd_kafka_ConfigResource_t *resources[TOPICS];
    size_t count = resources_make(list, resources);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    char why[64];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, 3000, why, sizeof why);
    rd_kafka_DescribeConfigs(handle, resources, count, options, queue);
    rd_kafka_event_t *event = admin_wait(client, handle, queue, deadline_ns);
    enum sink_result result = settings_result(list, event, topics, problem);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    return result;
}

static enum sink_result topic_make_sure(struct kafka_client *client, rd_kafka_t *handle,
                                        struct topic *topic, bool create, int64_t deadline_ns,
                                        struct sink_problem *problem)
{
    enum sink_result result = topic_find(client, handle, topic, deadline_ns, problem);
    if (result != SINK_DELIVERED || !topic->missing)
        return result;
    if (!create) {
        snprintf(problem->text, sizeof problem->text,
                 "topic %s (%s) does not exist: start the server, which creates it, or create it",
                 topic->name, topic->setting);
        return SINK_BROKEN;
    }
    result = topic_create(client, handle, topic, deadline_ns, problem);
    if (result == SINK_DELIVERED)
        result = topic_await(client, handle, topic, deadline_ns, problem);
    return result;
}

enum sink_result kafka_topics_check(struct kafka_client *client, rd_kafka_t *handle, bool create,
                                    int64_t deadline_ns, struct kafka_topics *topics,
                                    struct sink_problem *problem)
{
    struct topic list[TOPICS];
    enum sink_result result = SINK_DELIVERED;
    topics_list(client->settings, list);
    memset(topics->max_message_bytes, 0, sizeof topics->max_message_bytes);
    for (size_t i = 0; i < TOPICS && result == SINK_DELIVERED; i++)
        result = topic_make_sure(client, handle, &list[i], create, deadline_ns, problem);
    if (result != SINK_DELIVERED)
        return result;
    if (!has_controller(handle, list[0].name, deadline_ns)) {
        settings_unknown(list, topics, "the cluster has no controller");
        return SINK_DELIVERED;
    }
    return topics_describe(client, handle, list, deadline_ns, topics, problem);
}

enum sink_result kafka_topics_check_heads(struct kafka_client *client, rd_kafka_t *handle,
                                          int64_t deadline_ns, struct sink_problem *problem)
{
    struct topic topic = {.name = client->settings->topic_heads,
                          .setting = "sinks.kafka.topics.evidence_heads",
                          .limited = KAFKA_TOPICS,
                          .partitions = 1,
                          .created_with = heads_settings};
    return topic_make_sure(client, handle, &topic, true, deadline_ns, problem);
}
