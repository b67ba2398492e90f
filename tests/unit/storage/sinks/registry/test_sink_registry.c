/* test_sink_registry.c: what the built-in sinks say of themselves is all that the server knows of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/clock.h"
#include "storage/sinks/registry/sink_registry.h"
#include "storage/sinks/file/file_settings.h"
#include "storage/sinks/kafka/kafka_settings.h"
#include "storage/sinks/postgres/pg_settings.h"

static void every_sink_is_of_this_abi_and_found_by_its_name(void **state)
{
    (void)state;
    assert_true(SINK_BUILT_IN_COUNT >= 3);
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++) {
        const struct sink *sink = sink_built_in(i);
        assert_int_equal(sink->abi_version, VSOC_SINK_ABI);
        assert_int_equal(sink->struct_size, sizeof *sink);
        assert_int_equal(sink->event_abi, VSOC_EVENT_ABI);
        assert_int_equal(sink->event_size, sizeof(struct event));
        assert_true(sink->open && sink->connect && sink->deliver && sink->close);
        assert_true(sink->version[0] && sink->description[0]);
        assert_ptr_equal(sink_by_name(slice_from_text(sink->name)), sink);
    }
    assert_ptr_equal(sink_by_name(SLICE_LITERAL("Kafka")), &sink_kafka);
    assert_null(sink_by_name(SLICE_LITERAL("kafk")));
    assert_null(sink_by_name(SLICE_EMPTY));
}

static void sinks_are_on_when_their_settings_say_so(void **state)
{
    (void)state;
    static const struct sink_settings_room off;
    const struct sink_kafka_settings kafka = {.enabled = true};
    const struct sink_postgres_settings postgres = {.enabled = true};
    const struct sink_file_settings file = {.enabled = true};
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++)
        assert_false(sink_is_enabled(sink_built_in(i), off.bytes));
    assert_true(sink_is_enabled(&sink_kafka, &kafka));
    assert_true(sink_is_enabled(&sink_postgres, &postgres));
    assert_true(sink_is_enabled(&sink_file, &file));
    const struct sink always = {.name = "always"};
    assert_true(sink_is_enabled(&always, NULL));
}

static void limits_are_those_of_the_settings(void **state)
{
    (void)state;
    const struct sink_kafka_settings kafka_set = {.transaction_events = 7,
                                                  .transaction_bytes = 4096,
                                                  .transaction_interval_ns = 5 * NS_PER_MS};
    const struct sink_postgres_settings postgres_set = {
        .connections = 3, .batch_events = 11, .batch_interval_ns = 13};
    const struct sink_file_settings file_set = {.enabled = true};
    struct sink_limits kafka = sink_limits_of(&sink_kafka, &kafka_set);
    assert_int_equal(kafka.lanes, 1);
    assert_int_equal(kafka.load_events, 7);
    assert_int_equal(kafka.load_bytes, 4096);
    assert_int_equal(kafka.load_interval_ns, 5 * NS_PER_MS);
    struct sink_limits postgres = sink_limits_of(&sink_postgres, &postgres_set);
    assert_int_equal(postgres.lanes, 3);
    assert_int_equal(postgres.load_events, 11);
    assert_int_equal(postgres.load_bytes, 8 << 20);
    assert_int_equal(postgres.load_interval_ns, 13);
    struct sink_limits file = sink_limits_of(&sink_file, &file_set);
    assert_int_equal(file.lanes, 1);
    assert_int_equal(file.load_events, 10000);
    assert_int_equal(file.load_bytes, 8 << 20);
    assert_int_equal(file.load_interval_ns, 100 * NS_PER_MS);
}

static void open_files_are_those_of_the_sink_and_of_its_lanes(void **state)
{
    (void)state;
    const struct sink_kafka_settings kafka = {.enabled = true};
    const struct sink_postgres_settings one = {.connections = 1}, nine = {.connections = 9};
    const struct sink_file_settings file = {.enabled = true};
    const struct sink silent = {.name = "silent"};
    uint64_t lane = sink_files(&sink_file, &file);
    assert_true(lane >= 2); /* its segment and its file */
    assert_int_equal(sink_files(&sink_postgres, &nine) - sink_files(&sink_postgres, &one),
                     8 * lane);
    assert_true(sink_files(&sink_kafka, &kafka) >= 100);
    assert_true(sink_files(&silent, NULL) > lane); /* what it does not say */
}

static void every_row_of_a_table_has_a_place_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++) {
        const struct sink_table_row *rows = sink_built_in_table(i);
        char section[64];
        snprintf(section, sizeof section, "sinks.%s.enabled", sink_built_in(i)->name);
        assert_string_equal(rows[0].key, section);
        for (size_t r = 0; rows[r].key; r++)
            for (size_t before = 0; before < r; before++) {
                assert_string_not_equal(rows[r].key, rows[before].key);
                assert_true(rows[r].offset != rows[before].offset);
            }
    }
}

static char told[512]; /* keys and problems */

static void on_mistake(void *arg, const char *key, const struct problem *problem)
{
    assert_ptr_equal(arg, told);
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s: %.40s\n", key, problem->text);
}

static const char *mistakes_of(size_t sink, const void *settings)
{
    told[0] = '\0';
    sink_built_in_check(sink, settings, &(struct sink_settings_judge){on_mistake, told});
    return told;
}

static void mistakes_are_reported_at_the_setting_to_change(void **state)
{
    (void)state;
    const char *const names[] = {"bootstrap.servers"}, *const values[] = {"localhost:1"};
    struct sink_kafka_settings kafka = {.enabled = true,
                                        .topic_events = "e",
                                        .topic_quarantine = "q",
                                        .topic_health = "h",
                                        .topic_findings = "f",
                                        .topic_audit = "a",
                                        .topic_heads = "v",
                                        .topic_progress = "p",
                                        .properties = {names, values, 1}};
    struct sink_postgres_settings postgres = {.enabled = true, .dsn_file = "/dsn"};
    struct sink_file_settings file = {.enabled = true, .path = "/f"};
    assert_string_equal(mistakes_of(SINK_AT_kafka, &kafka), "");
    assert_string_equal(mistakes_of(SINK_AT_postgres, &postgres), "");
    assert_string_equal(mistakes_of(SINK_AT_file, &file), "");
    kafka.properties.count = 0;
    kafka.topic_events = "p";
    kafka.topic_health = "a b";
    assert_string_equal(mistakes_of(SINK_AT_kafka, &kafka),
                        "sinks.kafka.properties: needs bootstrap.servers: host:port of th\n"
                        "sinks.kafka.topics.events: must not be the topic of sinks.kafka.top\n"
                        "sinks.kafka.topics.health: a topic's name has letters, digits, '.',\n");
    postgres.dsn_file = NULL;
    assert_string_equal(mistakes_of(SINK_AT_postgres, &postgres),
                        "sinks.postgres.dsn: required if sinks.postgres.enabled is tr\n");
    file.path = "";
    assert_string_equal(mistakes_of(SINK_AT_file, &file),
                        "sinks.file.path: required if sinks.file.enabled is true: \n");
    kafka.enabled = postgres.enabled = file.enabled = false;
    assert_string_equal(mistakes_of(SINK_AT_kafka, &kafka), "");
    assert_string_equal(mistakes_of(SINK_AT_postgres, &postgres), "");
    assert_string_equal(mistakes_of(SINK_AT_file, &file), "");
}

static void senders_wait_for_shared_stores_only(void **state)
{
    (void)state;
    assert_true(sink_kafka.awaited);
    assert_true(sink_postgres.awaited);
    assert_false(sink_file.awaited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sink_is_of_this_abi_and_found_by_its_name),
        cmocka_unit_test(sinks_are_on_when_their_settings_say_so),
        cmocka_unit_test(limits_are_those_of_the_settings),
        cmocka_unit_test(open_files_are_those_of_the_sink_and_of_its_lanes),
        cmocka_unit_test(every_row_of_a_table_has_a_place_of_its_own),
        cmocka_unit_test(mistakes_are_reported_at_the_setting_to_change),
        cmocka_unit_test(senders_wait_for_shared_stores_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
