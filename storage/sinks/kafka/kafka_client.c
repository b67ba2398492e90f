/* kafka_client.c: librdkafka configuration and handles. Runs on the sink's thread; the log callback
 * on librdkafka's. Does not produce, read or check topics. */
#define LOG_COMPONENT "kafka"
#include "storage/sinks/kafka/kafka_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/hash.h"
#include "core/log/log.h"

/* Defaults that the operator may override. A short reconnect back-off, or an outage of seconds
 * exceeds the delivery timeout; the partitioner of the Java clients, so that keyed messages go to
 * the same partitions; a queue that bounds memory, whatever the size of a transaction; a
 * transaction timeout that limits how long readers of committed messages wait after a crash. */
static const struct kafka_property producer_defaults[] = {
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"},
    {"socket.keepalive.enable", "true"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "20"},
    {"batch.size", "1000000"},
    {"queue.buffering.max.messages", "1000000"},
    {"queue.buffering.max.kbytes", "16384"},
    {"transaction.timeout.ms", "30000"},
    {NULL, NULL}};
/* The reader reads the end of a topic, where brokers delay answers by fetch.wait.max.ms. */
static const struct kafka_property reader_defaults[] = {{"fetch.wait.max.ms", "20"},
                                                        {"reconnect.backoff.ms", "100"},
                                                        {"reconnect.backoff.max.ms", "1000"},
                                                        {"socket.keepalive.enable", "true"},
                                                        {NULL, NULL}};

/* Fixed properties; the operator may set the same value. NULL: the operator may not set it. */
static const struct kafka_property producer_fixed[] = {{"enable.idempotence", "true"},
                                                       {"acks", "all"},
                                                       {"delivery.report.only.error", "true"},
                                                       {NULL, NULL}};
static const struct kafka_property reader_fixed[] = {
    {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"}, {"enable.partition.eof", "true"},
    {"auto.offset.reset", "earliest"},     {NULL, NULL}};
static const char *const ours[] = {"transactional.id", "group.id", "group.instance.id", NULL};

static const struct kafka_property *property_find(const struct kafka_property *list, size_t count,
                                                  const char *name)
{
    for (size_t i = 0; i < count && list[i].name; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* librdkafka's other names for the same property. */
static const char *canonical(const char *name)
{
    if (strcmp(name, "request.required.acks") == 0)
        return "acks";
    return name;
}

static bool same_value(const char *fixed, const char *given)
{
    if (strcasecmp(fixed, given) == 0)
        return true;
    return (strcmp(fixed, "all") == 0 && strcmp(given, "-1") == 0) ||
           (strcmp(fixed, "true") == 0 && strcmp(given, "1") == 0);
}

static void tell(struct sink_problem *problem, const char *name, const char *text)
{
    snprintf(problem->text, sizeof problem->text, "sinks.kafka.properties: %s %s", name, text);
}

/* Whether delivery depends on the operator's property. */
static bool property_conflicts(const struct kafka_property *property, struct sink_problem *problem)
{
    const char *name = canonical(property->name);
    const struct kafka_property *fixed = property_find(producer_fixed, SIZE_MAX, name);
    char text[256];
    if (!fixed)
        fixed = property_find(reader_fixed, SIZE_MAX, name);
    for (size_t i = 0; ours[i]; i++) {
        if (strcmp(ours[i], name) == 0) {
            tell(problem, property->name,
                 "is derived from the instance's name: remove it; to change it, set 'instance'");
            return true;
        }
    }
    if (!fixed || same_value(fixed->value, property->value))
        return false;
    snprintf(text, sizeof text, "must be %s, or events could be lost or repeated: remove it",
             fixed->value);
    tell(problem, property->name, text);
    return true;
}

static bool conf_set(rd_kafka_conf_t *conf, const struct kafka_property *property,
                     struct sink_problem *problem)
{
    char why[256];
    if (rd_kafka_conf_set(conf, property->name, property->value, why, sizeof why) ==
        RD_KAFKA_CONF_OK)
        return true;
    tell(problem, property->name, why);
    return false;
}

static bool conf_set_list(rd_kafka_conf_t *conf, const struct kafka_property *list,
                          struct sink_problem *problem)
{
    bool good = true;
    for (; good && list->name; list++)
        good = conf_set(conf, list, problem);
    return good;
}

static int conf_number(const rd_kafka_conf_t *conf, const char *name)
{
    char value[64] = "";
    size_t size = sizeof value;
    if (rd_kafka_conf_get(conf, name, value, &size) != RD_KAFKA_CONF_OK)
        return 0;
    return (int)strtol(value, NULL, 10);
}

/* A batch over the topic's limit is refused as a whole, whatever its messages' sizes. */
static bool conf_limit_batch(rd_kafka_conf_t *conf, size_t max_bytes, struct sink_problem *problem)
{
    char value[32];
    if (max_bytes == 0 || (size_t)conf_number(conf, "batch.size") <= max_bytes)
        return true;
    snprintf(value, sizeof value, "%zu", max_bytes);
    return conf_set(conf, &(struct kafka_property){"batch.size", value}, problem);
}

/* librdkafka logs each attempt; the lane reports the problem once. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)level;
    log_debug("librdkafka", LOG_TEXT("facility", facility), LOG_TEXT("text", text));
}

/* Serious errors stay until they are forgotten; "all brokers down" is less specific than its cause.
 */
static void on_error(rd_kafka_t *handle, int error, const char *text, void *opaque)
{
    struct kafka_client *client = kafka_client_cast(opaque);
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)error;
    char fatal[256];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(handle, fatal, sizeof fatal);
        text = fatal;
    }
    bool vague = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    bool kept = client->last_error && kafka_classify(client->last_error) == SINK_BROKEN;
    if (kept || (vague && client->last_error))
        return;
    client->last_error = code;
    snprintf(client->last_error_text, sizeof client->last_error_text, "%s", text);
    char *tail = strstr(client->last_error_text, " (after "); /* "28ms in state CONNECT, …" */
    if (tail)
        *tail = '\0'; /* otherwise each attempt would look like a new problem */
}

/* Topics may share a name. */
static void learn_limit(struct kafka_client *client, const rd_kafka_message_t *message)
{
    const struct sink_kafka_settings *s = client->settings;
    const char *const names[KAFKA_TOPICS] = {s->topic_events, s->topic_quarantine, s->topic_health,
                                             s->topic_audit};
    const char *name = rd_kafka_topic_name(message->rkt);
    struct kafka_size size = kafka_size_of(message);
    for (enum kafka_topic i = 0; i < KAFKA_TOPICS; i++)
        if (strcmp(names[i], name) == 0)
            kafka_limits_refused(&client->limits, i, kafka_size_in_topic(&size),
                                 client->batch_bytes);
}

/* Only failures are reported, see delivery.report.only.error. */
static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_client *client = kafka_client_cast(opaque);
    (void)handle;
    bool purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                  message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        learn_limit(client, message);
    if (message->err && !purged && !client->delivery_error)
        client->delivery_error = message->err;
}

static bool conf_fill(struct kafka_client *client, rd_kafka_conf_t *conf, enum kafka_role role,
                      struct sink_problem *problem)
{
    const struct sink_kafka_settings *settings = client->settings;
    bool producer = role == KAFKA_PRODUCER;
    if (!conf_set(conf, &(struct kafka_property){"client.id", client->id}, problem) ||
        !conf_set_list(conf, producer ? producer_defaults : reader_defaults, problem))
        return false;
    for (size_t i = 0; i < settings->properties.count; i++) {
        const struct kafka_property set = {settings->properties.names[i],
                                           settings->properties.values[i]};
        if (property_conflicts(&set, problem) || !conf_set(conf, &set, problem))
            return false;
    }
    if (!conf_set_list(conf, producer ? producer_fixed : reader_fixed, problem))
        return false;
    if (!producer)
        return conf_set(conf, &(struct kafka_property){"group.id", client->id}, problem);
    if (!conf_limit_batch(conf, kafka_limit_batch(&client->limits), problem))
        return false;
    client->batch_bytes = (size_t)conf_number(conf, "batch.size");
    client->limits.client = (size_t)conf_number(conf, "message.max.bytes");
    return !kafka_client_is_exact(client) ||
           conf_set(conf, &(struct kafka_property){"transactional.id", client->id}, problem);
}

/* New configuration for the role, or NULL. */
static rd_kafka_conf_t *conf_make(struct kafka_client *client, enum kafka_role role,
                                  struct sink_problem *problem)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!conf_fill(client, conf, role, problem)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (role == KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return conf;
}

static bool client_init(struct kafka_client *client, const struct sink_config *config,
                        const char *prefix, bool plain, struct sink_problem *problem)
{
    memset(client, 0, sizeof *client);
    client->plain = plain;
    client->settings = config->settings;
    client->magic = KAFKA_CLIENT_MAGIC;
    client->author = (struct kafka_author){.lane = config->lane, .lanes = config->lanes};
    memcpy(client->author.spool_uid, config->spool_uid, UUID_BYTES);
    random_bytes(client->author.owner, UUID_BYTES);
    if (strlen(config->instance) > 128) {
        snprintf(problem->text, sizeof problem->text,
                 "instance: at most 128 bytes, it names the Kafka transactions");
        return false;
    }
    if (config->lanes > 1)
        snprintf(client->id, sizeof client->id, "%s%s.%u", prefix, config->instance, config->lane);
    else
        snprintf(client->id, sizeof client->id, "%s%s", prefix, config->instance);
    client->name = client->id + strlen(prefix);
    rd_kafka_conf_t *reader = conf_make(client, KAFKA_READER, problem);
    if (!reader)
        return false;
    rd_kafka_conf_destroy(reader);
    rd_kafka_conf_t *producer = conf_make(client, KAFKA_PRODUCER, problem);
    if (!producer)
        return false;
    client->transaction_timeout_ms = conf_number(producer, "transaction.timeout.ms");
    rd_kafka_conf_destroy(producer);
    return true;
}

bool kafka_client_init(struct kafka_client *client, const struct sink_config *config,
                       struct sink_problem *problem)
{
    const char *prefix = config->replay ? "vsocd-replay:" : "vsocd-";
    return client_init(client, config, prefix, false, problem);
}

bool kafka_client_init_heads(struct kafka_client *client, const struct sink_config *config,
                             struct sink_problem *problem)
{
    return client_init(client, config, "vsocd-heads:", true, problem);
}

rd_kafka_t *kafka_client_open(struct kafka_client *client, enum kafka_role role,
                              struct sink_problem *problem)
{
    char why[256];
    rd_kafka_conf_t *conf = conf_make(client, role, problem);
    if (!conf)
        return NULL;
    rd_kafka_t *handle = rd_kafka_new(
        role == KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!handle) {
        snprintf(problem->text, sizeof problem->text, "sinks.kafka.properties conflict: %s", why);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return handle;
}

void kafka_client_forget_errors(struct kafka_client *client)
{
    client->last_error = client->delivery_error = client->told = RD_KAFKA_RESP_ERR_NO_ERROR;
    client->last_error_text[0] = '\0';
}

bool kafka_is_fenced(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR__FENCED || error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

enum sink_result kafka_classify(rd_kafka_resp_err_t error)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__NOT_CONFIGURED:
        return SINK_BROKEN;
    default:
        return SINK_LATER;
    }
}

/* What an operator can do; "" if only waiting helps. */
static const char *advice(rd_kafka_resp_err_t error)
{
    switch ((int)error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return ": check the sasl.* and ssl.* lines of sinks.kafka.properties";
    case RD_KAFKA_RESP_ERR__SSL:
        return ": check the ssl.* lines of sinks.kafka.properties and the brokers' certificate";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return ": grant this principal Describe, Read and Write on the topics of "
               "sinks.kafka.topics";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return ": grant this principal Describe and Write on transactional ids that start with "
               "vsocd-, or set sinks.kafka.delivery to at_least_once";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return ": grant this principal IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return ": grant this principal Read on groups that start with vsocd-";
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
        return ": set transaction.timeout.ms in sinks.kafka.properties to at most the brokers' "
               "transaction.max.timeout.ms";
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return ": the clock of this host is ahead of the brokers'; correct it";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ": trying smaller batches; grant this principal DescribeConfigs on the topics, so "
               "that their limits are known beforehand";
    default:
        return "";
    }
}

enum sink_result kafka_problem(struct kafka_client *client, rd_kafka_resp_err_t error,
                               const char *error_text, const char *doing,
                               struct sink_problem *problem)
{
    enum sink_result result = kafka_classify(error);
    rd_kafka_resp_err_t cause = error;
    const char *said = "";
    if (client->last_error && (client->last_error != error || !error_text)) {
        said = client->last_error_text;
        if (result == SINK_LATER && kafka_classify(client->last_error) == SINK_BROKEN) {
            cause = client->last_error;
            result = SINK_BROKEN;
        }
    }
    client->told = cause;
    snprintf(problem->text, sizeof problem->text, "%s: %s%s%s%s%s", doing,
             error_text ? error_text : rd_kafka_err2str(error), *said ? " (" : "", said,
             *said ? ")" : "", advice(cause));
    return result;
}

enum sink_result kafka_problem_of(struct kafka_client *client, rd_kafka_error_t *error,
                                  const char *doing, struct sink_problem *problem)
{
    enum sink_result result = kafka_problem(client, rd_kafka_error_code(error),
                                            rd_kafka_error_string(error), doing, problem);
    rd_kafka_error_destroy(error);
    return result;
}
