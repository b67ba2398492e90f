/* The id of a message in the topic. Headers on the wire are in test_sink_kafka.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage/sinks/kafka/kafka_message.h"

/* A replay finds what the topic has by these ids, also where the headers were other ones then. */
static void id_is_found_in_header_or_value(void **state)
{
    (void)state;
    static const char *const with[] = {
        "{\"event_uid\":\"019b76da-c3d0-7000-8000-000000000003\",\"count\":1}",
        "{\"event\":{\"id\":\"019b76da-c3d0-7000-8000-000000000003\",\"kind\":\"event\"}}",
        "{\"metadata\":{\"uid\":\"019b76da-c3d0-7000-8000-000000000003\",\"version\":\"1.5.0\"}}",
        "{\"batch_uid\":\"019b76da-c3d0-7000-8000-000000000000\",\"tenant_id\":\"a,\\\"index\\\":"
        "7\","
        "\"index\":2,\"code\":\"x\"}"};
    static const char *const without[] = {
        "",
        "{}",
        "{\"event_uid\":\"019b76da-c3d0-7000-8000-00000000000",
        "{\"event_uid\":\"x19b76da-c3d0-7000-8000-000000000003\"}",
        "{\"batch_uid\":\"019b76da-c3d0-7000-8000-000000000000\",\"index\":99999999999999}",
        "{\"batch_uid\":\"019b76da-c3d0-7000-8000-000000000000\"}"};
    static const uint8_t expected[UUID_BYTES] = {0x01, 0x9b, 0x76, 0xda, 0xc3, 0xd0, 0x70, 0,
                                                 0x80, 0,    0,    0,    0,    0,    0,    3};
    uint8_t id[UUID_BYTES];
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        memset(id, 0xff, sizeof id);
        assert_true(kafka_message_id_in(slice_from_text(with[i]), id));
        assert_memory_equal(id, expected, sizeof id);
    }
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        assert_false(kafka_message_id_in(slice_from_text(without[i]), id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_is_found_in_header_or_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
