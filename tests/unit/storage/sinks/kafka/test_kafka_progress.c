/* The value of a record of the progress topic. Reading the topic is in test_sink_kafka.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage/sinks/kafka/kafka_progress.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_value_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
