/* The value of a record of the progress topic, and reading it when nobody leads the topic. What
 * else there is of reading is in test_sink_kafka.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "core/clock.h"
#include "storage/sinks/kafka/kafka_closing.h"
#include "storage/sinks/kafka/kafka_progress.h"
#include "storage/sinks/kafka/kafka_settings.h"

#include <librdkafka/rdkafka_mock.h>

static void progress_value_is_read_back(void **state)
{
    (void)state;
    char value[KAFKA_PROGRESS_BYTES];
    struct kafka_progress wrote = {.author = {{1}, {2}, 15, 16}, {true, INT64_MAX, {3}}}, read;
    size_t size = kafka_progress_write(value, &wrote);
    assert_true(kafka_progress_parse(slice_make(value, size), &read));
    assert_memory_equal(&read.author, &wrote.author, sizeof read.author);
    assert_true(read.there.known && read.there.position == INT64_MAX);
    assert_memory_equal(read.there.batch_uid, wrote.there.batch_uid, UUID_BYTES);
    wrote.there.known = false;
    size = kafka_progress_write(value, &wrote);
    assert_true(kafka_progress_parse(slice_make(value, size), &read));
    assert_false(read.there.known);
    assert_false(kafka_progress_parse(SLICE_EMPTY, &read));
    assert_false(kafka_progress_parse(slice_make(value, size - 1), &read));
    assert_false(kafka_progress_parse(SLICE_LITERAL("{\"position\":-1}"), &read));
    assert_false(kafka_progress_parse(SLICE_LITERAL("[]"), &read));
}

static enum sink_result read_position(struct kafka_client *client, struct sink_problem *problem)
{
    struct kafka_standing standing;
    rd_kafka_t *reader = kafka_client_open(client, KAFKA_READER, problem);
    assert_non_null(reader);
    enum sink_result result = kafka_progress_read(
        client, reader, clock_monotonic_ns() + 2 * NS_PER_S, &standing, problem);
    kafka_close_handle(reader);
    return result;
}

/* The broker that leads the topic has died, and no other leads it yet. Before, the lane waited in
 * librdkafka until that broker was back, whatever the deadline or an interrupt said. */
static void position_whose_leader_is_gone_is_read_later(void **state)
{
    (void)state;
    static const uint8_t spool_uid[UUID_BYTES] = {1};
    static struct kafka_client client;
    char why[256];
    struct sink_problem problem;
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(handle, 2);
    rd_kafka_mock_topic_create(mock, "progress", 1, 2);
    rd_kafka_mock_partition_set_leader(mock, "progress", KAFKA_PROGRESS_PARTITION, 2);
    rd_kafka_mock_broker_set_down(mock, 2);
    const char *name = "bootstrap.servers", *value = rd_kafka_mock_cluster_bootstraps(mock);
    struct sink_kafka_settings settings = {
        .delivery = KAFKA_EXACTLY_ONCE,
        .topic_progress = "progress",
        .properties = {.names = &name, .values = &value, .count = 1}};
    struct sink_config config = {.struct_size = sizeof config,
                                 .instance = "unit",
                                 .lanes = 1,
                                 .spool_uid = spool_uid,
                                 .settings = &settings};
    assert_true(kafka_client_init(&client, &config, &problem));
    alarm(120); /* ends a program that hangs */
    assert_int_equal(read_position(&client, &problem), SINK_LATER);
    assert_non_null(strstr(problem.text, "the position in topic progress can't be read back"));
    rd_kafka_mock_broker_set_up(mock, 2);
    while (read_position(&client, &problem) == SINK_LATER)
        ;
    alarm(0);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_value_is_read_back),
        cmocka_unit_test(position_whose_leader_is_gone_is_read_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
