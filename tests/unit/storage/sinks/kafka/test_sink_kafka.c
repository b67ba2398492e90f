/* Behaviour of the Kafka sink against librdkafka's mock brokers. What needs real brokers (reading
 * only what is committed, creating topics) is in tests/integration/test_kafka_sink.py. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../support/made_load.h"

#include "core/clock.h"
#include "core/json/json.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "storage/sinks/kafka/kafka_client.h"
#include "storage/sinks/kafka/kafka_settings.h"
#include "storage/sinks/sink_runner.h"

#include <librdkafka/rdkafka_mock.h>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

/* Kafka protocol: request keys that the tests break. */
enum { PRODUCE = 0, ADD_PARTITIONS = 24, END_TXN = 26 };

static const uint8_t spool_uid[UUID_BYTES] = {1}, other_spool[UUID_BYTES] = {2};

static rd_kafka_t *mock_handle;
static rd_kafka_mock_cluster_t *mock;
static const char *names[8], *values[8]; /* of properties */
static struct sink_kafka_settings settings;
static struct sink_config config;
static struct sink_problem problem;
static void *lane;
static struct sink_position there;

static void property_set(const char *name, const char *value)
{
    names[settings.properties.count] = name;
    values[settings.properties.count++] = value;
}

/* Fresh brokers and settings for each test; the lane is opened by the test. */
static int start(void **state)
{
    char why[256];
    (void)state;
    mock_handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    mock = rd_kafka_mock_cluster_new(mock_handle, 1);
    settings = (struct sink_kafka_settings){.enabled = true,
                                            .delivery = KAFKA_EXACTLY_ONCE,
                                            .topic_events = "events",
                                            .topic_quarantine = "quarantine",
                                            .topic_health = "health",
                                            .topic_findings = "findings",
                                            .topic_audit = "audit",
                                            .topic_progress = "progress",
                                            .properties = {.names = names, .values = values}};
    static const char *const topics[] = {"events", "quarantine", "health", "audit", "progress"};
    for (size_t i = 0; i < 4; i++)
        rd_kafka_mock_topic_create(mock, topics[i], i == 0 ? 3 : 1, 1);
    property_set("bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock));
    config = (struct sink_config){.struct_size = sizeof config,
                                  .instance = "unit",
                                  .lanes = 1,
                                  .spool_uid = spool_uid,
                                  .settings = &settings};
    return 0;
}

static void lane_close(void)
{
    if (lane)
        sink_kafka.close(lane);
    lane = NULL;
}

static int end(void **state)
{
    (void)state;
    lane_close();
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_handle);
    return 0;
}

static enum sink_result lane_connect(void)
{
    there = (struct sink_position){0};
    problem.text[0] = '\0';
    return sink_kafka.connect(lane, &there, &problem);
}

static void lane_open(void)
{
    lane = sink_kafka.open(&config, &problem);
    if (!lane)
        fail_msg("%s", problem.text);
    if (lane_connect() != SINK_DELIVERED)
        fail_msg("%s", problem.text);
}

static struct made_load small_load(uint64_t first)
{
    return (struct made_load){.first = first,
                              .batches = 2,
                              .events = 10,
                              .rejects = 1,
                              .vehicles = 3,
                              .received_ns = clock_wall_ns(),
                              .health = -1,
                              .large = -1};
}

static enum sink_result deliver(struct made_load *m)
{
    problem.text[0] = '\0';
    made_load_make(m, spool_uid);
    enum sink_result result = sink_kafka.deliver(lane, &m->load, &problem);
    made_load_free(m);
    return result;
}

static void assert_delivered(struct made_load *m)
{
    if (deliver(m) != SINK_DELIVERED)
        fail_msg("%s", problem.text);
}

static void assert_delivers(struct made_load m)
{
    assert_delivered(&m);
}

static void assert_told(const char *words)
{
    if (!strstr(problem.text, words))
        fail_msg("'%s' is not in '%s'", words, problem.text);
}

/* --- what is in a topic --- */

struct seen {
    size_t count;
    char value[8192], key[128], header[2048]; /* of the last message; headers as name=value; */
};

static void see_headers(const rd_kafka_message_t *message, struct seen *seen)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size, used = 0;
    seen->header[0] = '\0';
    if (rd_kafka_message_headers(message, &headers))
        return;
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++)
        used += (size_t)snprintf(seen->header + used, sizeof seen->header - used, "%s=%.*s;", name,
                                 (int)size, (const char *)value);
}

static void see(const rd_kafka_message_t *message, struct seen *seen)
{
    seen->count++;
    snprintf(seen->value, sizeof seen->value, "%.*s", (int)message->len,
             (const char *)message->payload);
    snprintf(seen->key, sizeof seen->key, "%.*s", (int)message->key_len,
             (const char *)message->key);
    see_headers(message, seen);
}

static rd_kafka_t *reader_open(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(mock), why,
                      sizeof why);
    rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", why, sizeof why);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(reader);
    rd_kafka_poll_set_consumer(reader);
    return reader;
}

static struct seen *topic_read(const char *topic, int partitions)
{
    static struct seen seen;
    int ended = 0;
    seen = (struct seen){0};
    rd_kafka_t *reader = reader_open();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    assert_int_equal(rd_kafka_assign(reader, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    int64_t deadline_ns = clock_monotonic_ns() + 20 * NS_PER_S;
    while (ended < partitions && clock_monotonic_ns() < deadline_ns) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 100);
        if (!message)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ended++;
        else if (!message->err)
            see(message, &seen);
        rd_kafka_message_destroy(message);
    }
    assert_int_equal(ended, partitions);
    rd_kafka_destroy_flags(reader, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return &seen;
}

/* --- the good way --- */

static void load_and_position_are_there_together(void **state)
{
    (void)state;
    lane_open();
    assert_false(there.known);
    assert_delivers(small_load(5));
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_true(there.known);
    assert_int_equal(there.position, 6);
    assert_int_equal(topic_read("events", 3)->count, 20);
    assert_int_equal(topic_read("quarantine", 1)->count, 2);
    struct seen *progress = topic_read("progress", 1);
    assert_int_equal(progress->count, 2); /* the claim of the name, and the load's */
    assert_string_equal(progress->key, "unit");
    assert_non_null(
        strstr(progress->value, "{\"lane\":0,\"lanes\":1,\"position\":6,\"batch_id\":\""));
    assert_non_null(
        strstr(progress->value, "\",\"spool\":\"01000000-0000-0000-0000-000000000000\",\"owner\""));
}

static void position_survives_the_process(void **state)
{
    (void)state;
    lane_open();
    assert_delivers(small_load(1));
    assert_delivers(small_load(3));
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    struct sink_position before = there;
    assert_int_equal(before.position, 4);
    for (int i = 0; i < 2; i++) { /* the second finds the first one's claim */
        lane_close();
        lane_open();
        assert_true(there.known);
        assert_int_equal(there.position, 4);
        assert_memory_equal(there.batch_uid, before.batch_uid, UUID_BYTES);
    }
}

static void position_is_the_spools_under_whatever_name(void **state)
{
    (void)state;
    lane_open();
    assert_delivers(small_load(1));
    lane_close();
    config.spool_uid = other_spool;
    lane_open();
    assert_false(there.known);
    lane_close();
    config.spool_uid = spool_uid;
    config.instance = "other";
    lane_open();
    assert_true(there.known);
    assert_int_equal(there.position, 2);
    assert_delivers(small_load(3));
    lane_close();
    config.instance = "unit";
    lane_open();
    assert_int_equal(there.position, 4);
    lane_close();
    config.lanes = 2; /* positions of another sharing out are not those of this one */
    lane_open();
    assert_false(there.known);
}

static void message_has_key_headers_and_value(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = m.events = m.vehicles = 1;
    m.rejects = 0;
    m.received_ns = INT64_C(1795397532263438000);
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("events", 3);
    assert_int_equal(seen->count, 1);
    assert_string_equal(seen->key,
                        "0101010101010101010101010101010101010101010101010101010101010101");
    assert_non_null(strstr(seen->header, "ce_specversion=1.0;ce_id="));
    assert_non_null(strstr(seen->header,
                           ";ce_source=/vsocd/unit;ce_type=vsoc.event.v1;ce_time=2026-11-23T"
                           "01:32:12.263438Z;content-type=application/json;tenant=demo;"
                           "format=vsoc_json;"));
    assert_null(strstr(seen->header, "traceparent"));
    assert_int_equal(strncmp(seen->value, "{\"event_uid\":\"", 14), 0);
    assert_int_equal(strncmp(seen->value + 14, strstr(seen->header, "ce_id=") + 6, 36), 0);
    assert_non_null(strstr(seen->value, "\"event_name\":\"SEV_UDS_SECURITY_ACCESS_FAILED\""));
}

static void event_of_no_vehicle_has_the_batch_as_key(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = m.events = 1;
    m.vehicles = 0;
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("events", 3);
    assert_int_equal(strlen(seen->key), UUID_TEXT_BYTES);
    char member[80];
    snprintf(member, sizeof member, "\"batch_uid\":\"%s\"", seen->key);
    assert_non_null(strstr(seen->value, member));
}

static void health_event_goes_to_both_topics(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.health = 4;
    lane_open();
    assert_delivered(&m);
    assert_int_equal(topic_read("events", 3)->count, 20);
    struct seen *health = topic_read("health", 1);
    assert_int_equal(health->count, 2);
    assert_non_null(strstr(health->value, "\"event_category\":\"ids_health\""));
}

static void reject_goes_to_quarantine_as_a_reference(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = 1;
    m.events = 0;
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("quarantine", 1);
    assert_non_null(strstr(seen->value, "{\"batch_uid\":\""));
    assert_non_null(strstr(seen->value, "\"tenant_id\":\"demo\""));
    assert_non_null(strstr(seen->value, "\"index\":0,"));
    assert_non_null(strstr(seen->value, "\"raw_offset\":"));
    assert_null(strstr(seen->value, "\"raw\":"));
    assert_non_null(strstr(seen->header, "ce_type=vsoc.quarantine.v1"));
}

static void at_least_once_delivers_without_transactions(void **state)
{
    (void)state;
    settings.delivery = KAFKA_AT_LEAST_ONCE;
    lane_open();
    assert_delivers(small_load(1));
    assert_delivers(small_load(3));
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_true(there.known);
    assert_int_equal(there.position, 4);
    assert_int_equal(topic_read("events", 3)->count, 40);
}

static void full_queue_of_the_client_only_slows(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.events = 2000;
    property_set("queue.buffering.max.messages", "64");
    property_set("linger.ms", "1");
    lane_open();
    assert_delivered(&m);
    assert_int_equal(topic_read("events", 3)->count, 4000);
}

/* The bound of memory is the queue's, not the load's: 2 MB go through 64 KiB. */
static void full_queue_in_bytes_only_slows(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.events = 1000;
    property_set("queue.buffering.max.kbytes", "64");
    property_set("linger.ms", "1");
    lane_open();
    assert_delivered(&m);
    assert_int_equal(topic_read("events", 3)->count, 2000);
}

static void minimal_headers_are_what_the_value_does_not_have(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    settings.headers = KAFKA_HEADERS_MINIMAL;
    m.batches = 1;
    lane_open();
    assert_delivered(&m);
    assert_string_equal(topic_read("events", 3)->header, "");
    assert_string_equal(topic_read("quarantine", 1)->header, "");
    m.first = 2;
    m.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_delivered(&m);
    assert_string_equal(topic_read("quarantine", 1)->header,
                        "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01;");
    assert_int_equal(topic_read("events", 3)->count, 20);
}

static void no_headers_are_none_at_all(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    settings.headers = KAFKA_HEADERS_NONE;
    m.batches = 1;
    m.traceparent = SLICE_LITERAL("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("events", 3);
    assert_string_equal(seen->header, "");
    assert_int_equal(strlen(seen->key), 64);
}

static void empty_load_is_delivered(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = 0;
    lane_open();
    assert_delivered(&m);
    assert_int_equal(topic_read("progress", 1)->count, 1); /* the claim of the name */
}

/* --- too large --- */

static double recreated(void)
{
    return metric_value(metric_series(METRIC_vsocd_kafka_producer_recreated_total, ""));
}

static void too_large_events_are_quarantined_in_the_pass_that_finds_them(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    double before = recreated();
    m.large = 3;
    m.large_events = 5;
    m.large_bytes = 5000;
    property_set("message.max.bytes", "5000");
    lane_open();
    assert_delivered(&m);
    assert_int_equal(m.marked, 10);
    assert_int_equal(m.marked_last.batch, 1);
    assert_int_equal(m.marked_last.index, 7);
    assert_non_null(strstr(m.marked_reason, "over the 5000 of message.max.bytes"));
    assert_true(recreated() == before);
    assert_int_equal(topic_read("events", 3)->count, 10);
    struct seen *seen = topic_read("quarantine", 1);
    assert_int_equal(seen->count, 12);
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_int_equal(there.position, 2);
}

/* Byte by byte around the limit: none is held back that librdkafka takes, none is handed over that
 * it refuses. */
static void size_is_what_librdkafka_counts(void **state)
{
    (void)state;
    size_t limit = 5000, value = 0;
    property_set("message.max.bytes", "5000");
    lane_open();
    for (size_t bytes = limit - 1900; bytes < limit - 1200; bytes++) {
        struct made_load m = small_load(bytes);
        m.batches = m.events = 1;
        m.rejects = 0;
        m.large = 0;
        m.large_bytes = bytes;
        assert_delivered(&m);
        if (m.marked)
            break;
        value = bytes;
    }
    assert_in_range(value, limit - 1899, limit - 1201); /* the limit is within */
    struct made_load m = small_load(limit);
    m.batches = m.events = 1;
    m.rejects = 0;
    m.large = 0;
    m.large_bytes = value + 1;
    assert_delivered(&m);
    assert_non_null(strstr(m.marked_reason, "message of 5001 bytes")); /* one too many */
}

static void load_that_cannot_be_read_is_left(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.lost = true;
    lane_open();
    assert_int_equal(deliver(&m), SINK_LATER);
    assert_told("can't be read from the spool");
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_delivers(small_load(1));
    assert_int_equal(topic_read("events", 3)->count, 20);
}

static void quarantine_that_takes_no_reference_is_said(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    property_set("message.max.bytes", "1000"); /* librdkafka's least */
    m.events = 0;
    m.large = -1;
    m.tenant_bytes = 800;
    lane_open();
    assert_int_equal(deliver(&m), SINK_BROKEN);
    assert_told("raise it to 4096 or more");
}

static void diverted_event_keeps_its_place_and_reason(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = 1;
    m.rejects = 0;
    m.rejected = (struct sink_rejected){0, 7, "it was too large"};
    m.load.rejected_count = 1;
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("quarantine", 1);
    assert_int_equal(seen->count, 1);
    assert_non_null(strstr(seen->value, "\"index\":7,\"raw_offset\":2660,\"raw_size\":380"));
    assert_non_null(strstr(seen->value, "\"code\":\"too_large\",\"detail\":\"it was too large\""));
    assert_null(strstr(seen->value, "\"raw\":"));
    assert_int_equal(topic_read("events", 3)->count, 9);
}

static void large_reject_is_a_short_reference(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.rejects_large = true;
    m.large_bytes = 300000;
    property_set("message.max.bytes", "5000");
    lane_open();
    assert_delivered(&m);
    struct seen *seen = topic_read("quarantine", 1);
    assert_int_equal(seen->count, 2);
    assert_non_null(strstr(seen->value, "\"raw_size\":300000"));
    assert_in_range(strlen(seen->value), 200, 600);
}

/* --- brokers that fail --- */

static void errors_of_brokers_that_pass_are_not_seen(void **state)
{
    (void)state;
    lane_open();
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    assert_delivers(small_load(1));
    assert_int_equal(topic_read("events", 3)->count, 20);
}

static void failed_transaction_is_done_again_by_a_new_producer(void **state)
{
    (void)state;
    metric_t recreated = metric_series(METRIC_vsocd_kafka_producer_recreated_total, "");
    double before = metric_value(recreated);
    struct made_load m = small_load(3);
    lane_open();
    assert_delivers(small_load(1));
    rd_kafka_mock_push_request_errors(mock, ADD_PARTITIONS, 1,
                                      RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING);
    enum sink_result result = deliver(&m);
    assert_int_not_equal(result, SINK_DELIVERED);
    assert_int_not_equal(result, SINK_REJECTED);
    assert_int_equal(deliver(&m), SINK_LATER); /* not before connect */
    assert_told("not connected");
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_int_equal(there.position, 2);
    assert_delivers(small_load(3));
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_int_equal(there.position, 4);
    assert_true(metric_value(recreated) > before);
}

static void later_process_of_a_name_wins_and_the_earlier_gives_up(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    lane_open();
    void *earlier = lane;
    lane = NULL;
    lane_open();
    void *later = lane;
    lane = earlier;
    rd_kafka_mock_push_request_errors(mock, ADD_PARTITIONS, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_int_equal(deliver(&m), SINK_LATER);
    assert_told("finding out which");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lane_connect(), SINK_BROKEN);
        assert_told("another vsocd runs with the same instance name 'unit'");
    }
    lane_close();
    lane = later;
    assert_delivers(small_load(1));
}

static void fence_of_nobody_is_passed_after_a_while(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    lane_open();
    rd_kafka_mock_push_request_errors(mock, END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    assert_int_equal(deliver(&m), SINK_LATER);
    int64_t start_ns = clock_monotonic_ns();
    while (lane_connect() != SINK_DELIVERED)
        assert_true(clock_monotonic_ns() - start_ns < 240 * NS_PER_S);
    assert_true(clock_monotonic_ns() - start_ns >= 4 * NS_PER_S);
    assert_delivers(small_load(1));
}

static void missing_rights_say_which_to_grant(void **state)
{
    (void)state;
    struct made_load m = small_load(1), n = small_load(1);
    lane_open();
    rd_kafka_mock_push_request_errors(mock, END_TXN, 1,
                                      RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    assert_int_equal(deliver(&m), SINK_BROKEN);
    assert_told("grant this principal Describe and Write on transactional ids");
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    rd_kafka_mock_push_request_errors(mock, ADD_PARTITIONS, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(deliver(&n), SINK_BROKEN);
    assert_told("grant this principal Describe, Read and Write on the topics");
}

static void missing_topic_is_named_with_the_way_out(void **state)
{
    (void)state;
    settings.topic_progress = "elsewhere";
    rd_kafka_mock_topic_set_error(mock, "elsewhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    lane = sink_kafka.open(&config, &problem);
    assert_non_null(lane);
    assert_int_not_equal(lane_connect(), SINK_DELIVERED);
    assert_told("topic elsewhere (sinks.kafka.topics.progress) does not exist");
    assert_told("kafka-topics.sh --create --topic elsewhere --partitions 1 --config "
                "cleanup.policy=compact");
}

static void interrupt_soon(void *arg)
{
    struct timespec wait = {0, 300000000};
    (void)arg;
    nanosleep(&wait, NULL);
    sink_kafka.interrupt(lane);
}

static void interrupt_ends_a_wait_for_brokers(void **state)
{
    (void)state;
    struct thread thread = {0};
    struct made_load m = small_load(1);
    property_set("transaction.timeout.ms", "600000"); /* what it would wait without the interrupt */
    lane_open();
    rd_kafka_mock_broker_set_down(mock, 1);
    int64_t start_ns = clock_monotonic_ns();
    assert_int_equal(thread_start(&thread, THREAD_NONE, "interrupt", interrupt_soon, NULL),
                     STATUS_OK);
    assert_int_equal(deliver(&m), SINK_LATER);
    thread_join(&thread);
    assert_true(clock_monotonic_ns() - start_ns < 240 * NS_PER_S);
    assert_int_equal(lane_connect(), SINK_LATER);
}

static void brokers_that_come_back_take_the_load(void **state)
{
    (void)state;
    lane_open();
    rd_kafka_mock_broker_set_down(mock, 1);
    lane_close();
    lane = sink_kafka.open(&config, &problem);
    int64_t start_ns = clock_monotonic_ns();
    assert_int_equal(lane_connect(), SINK_LATER);
    assert_true(clock_monotonic_ns() - start_ns < 240 * NS_PER_S);
    rd_kafka_mock_broker_set_up(mock, 1);
    assert_int_equal(lane_connect(), SINK_DELIVERED);
    assert_delivers(small_load(1));
}

/* --- settings --- */

static void assert_refused(const char *name, const char *value, const char *words)
{
    property_set(name, value);
    lane = sink_kafka.open(&config, &problem);
    assert_null(lane);
    assert_told(name);
    assert_told(words);
    settings.properties.count--;
}

static void properties_that_break_delivery_are_refused(void **state)
{
    (void)state;
    assert_refused("transactional.id", "x", "set 'instance'");
    assert_refused("group.id", "x", "set 'instance'");
    assert_refused("enable.idempotence", "false", "must be true");
    assert_refused("acks", "1", "must be all");
    assert_refused("request.required.acks", "0", "must be all");
    assert_refused("isolation.level", "read_uncommitted", "must be read_committed");
    assert_refused("no.such.thing", "1", "No such configuration property");
    assert_refused("linger.ms", "soon", "linger.ms");
}

static void properties_that_say_the_same_are_taken(void **state)
{
    (void)state;
    property_set("enable.idempotence", "True");
    property_set("acks", "-1");
    property_set("transaction.timeout.ms", "20000");
    lane_open();
    assert_delivers(small_load(1));
}

/* --- parts --- */

/* --- size of transactions --- */

/* The first transaction takes more than a third of its time, so the next load is several, each with
 * its own position. */
static void slow_brokers_get_a_load_in_several_transactions(void **state)
{
    (void)state;
    struct made_load m = small_load(1);
    m.batches = 8;
    m.events = 100;
    m.rejects = 0;
    property_set("transaction.timeout.ms", "3000");
    lane_open();
    rd_kafka_mock_broker_set_rtt(mock, -1, 600);
    assert_delivered(&m);
    rd_kafka_mock_broker_set_rtt(mock, -1, 0);
    size_t positions = topic_read("progress", 1)->count;
    m.first = 9;
    assert_delivered(&m);
    assert_true(topic_read("progress", 1)->count >= positions + 2);
    assert_int_equal(topic_read("events", 3)->count, 1600);
    lane_close();
    lane_open();
    assert_int_equal(there.position, 16);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(load_and_position_are_there_together),
        CASE(position_survives_the_process),
        CASE(position_is_the_spools_under_whatever_name),
        CASE(message_has_key_headers_and_value),
        CASE(event_of_no_vehicle_has_the_batch_as_key),
        CASE(health_event_goes_to_both_topics),
        CASE(reject_goes_to_quarantine_as_a_reference),
        CASE(at_least_once_delivers_without_transactions),
        CASE(full_queue_of_the_client_only_slows),
        CASE(full_queue_in_bytes_only_slows),
        CASE(minimal_headers_are_what_the_value_does_not_have),
        CASE(no_headers_are_none_at_all),
        CASE(slow_brokers_get_a_load_in_several_transactions),
        CASE(empty_load_is_delivered),
        CASE(too_large_events_are_quarantined_in_the_pass_that_finds_them),
        CASE(size_is_what_librdkafka_counts),
        CASE(load_that_cannot_be_read_is_left),
        CASE(quarantine_that_takes_no_reference_is_said),
        CASE(diverted_event_keeps_its_place_and_reason),
        CASE(large_reject_is_a_short_reference),
        CASE(errors_of_brokers_that_pass_are_not_seen),
        CASE(failed_transaction_is_done_again_by_a_new_producer),
        CASE(later_process_of_a_name_wins_and_the_earlier_gives_up),
        CASE(fence_of_nobody_is_passed_after_a_while),
        CASE(missing_rights_say_which_to_grant),
        CASE(missing_topic_is_named_with_the_way_out),
        CASE(interrupt_ends_a_wait_for_brokers),
        CASE(brokers_that_come_back_take_the_load),
        CASE(properties_that_break_delivery_are_refused),
        CASE(properties_that_say_the_same_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
