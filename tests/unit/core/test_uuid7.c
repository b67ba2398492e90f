/* test_uuid7.c: layout of RFC 9562 §5.7, event ids, text form; the fake clock. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/uuid7.h"

/* Time of RFC 9562 appendix A.6. */
#define EXAMPLE_NS (INT64_C(1645557742000) * NS_PER_MS)

static void time_version_and_variant_stand_where_rfc_9562_puts_them(void **state)
{
    (void)state;
    const uint8_t time_bytes[] = {0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0};
    for (int i = 0; i < 100; i++) {
        uint8_t uuid[UUID_BYTES];
        uuid7_make(EXAMPLE_NS + 999999, uuid);
        assert_memory_equal(uuid, time_bytes, 6);
        assert_int_equal(uuid[6] >> 4, 7);
        assert_int_equal(uuid[8] >> 6, 2);
        assert_int_equal(uuid[13] | uuid[14] | uuid[15], 0);
    }
}

static void ids_of_one_time_differ(void **state)
{
    (void)state;
    uint8_t a[UUID_BYTES], b[UUID_BYTES];
    uuid7_make(EXAMPLE_NS, a);
    uuid7_make(EXAMPLE_NS, b);
    assert_memory_not_equal(a, b, UUID_BYTES);
}

#define THREADS 4
#define IDS     1000

static void *make_ids(void *arg)
{
    uint8_t(*ids)[UUID_BYTES] = arg;
    for (int i = 0; i < IDS; i++)
        uuid7_make(EXAMPLE_NS, ids[i]);
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, UUID_BYTES);
}

static void no_random_bytes_are_used_twice_by_one_thread_or_by_two(void **state)
{
    static uint8_t ids[THREADS][IDS][UUID_BYTES];
    pthread_t threads[THREADS];
    (void)state;
    for (int t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, make_ids, ids[t]), 0);
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    uint8_t *all = ids[0][0];
    qsort(all, THREADS * IDS, UUID_BYTES, compare_ids);
    for (int i = 1; i < THREADS * IDS; i++)
        assert_memory_not_equal(all + (size_t)(i - 1) * UUID_BYTES, all + (size_t)i * UUID_BYTES,
                                UUID_BYTES);
}

static void event_ids_are_the_batch_id_and_the_index(void **state)
{
    (void)state;
    uint8_t batch[UUID_BYTES], event[UUID_BYTES];
    uuid7_make(EXAMPLE_NS, batch);
    uuid7_of_event(batch, 0, event);
    assert_memory_equal(event, batch, 13);
    assert_memory_equal(event + 13, "\0\0\1", 3);
    uuid7_of_event(batch, 0x010203, event);
    assert_memory_equal(event + 13, "\1\2\4", 3);
    uuid7_of_event(batch, UUID7_EVENT_MAX - 2, event);
    assert_memory_equal(event + 13, "\xff\xff\xff", 3);
    uuid7_of_event(batch, 1, batch); /* in place */
    assert_memory_equal(batch + 13, "\0\0\2", 3);
}

static void text_form_reads_back(void **state)
{
    (void)state;
    const char *text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"; /* RFC 9562 appendix A.6 */
    uint8_t uuid[UUID_BYTES];
    char back[UUID_TEXT_BYTES];
    assert_int_equal(uuid_from_text(slice_from_text(text), uuid), STATUS_OK);
    assert_int_equal(uuid[0], 0x01);
    assert_int_equal(uuid[15], 0x8f);
    uuid_to_text(uuid, back);
    assert_memory_equal(back, text, UUID_TEXT_BYTES);
    assert_int_equal(uuid_from_text(SLICE_LITERAL("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), uuid),
                     STATUS_OK);
}

static void wrong_text_is_malformed_and_leaves_out_alone(void **state)
{
    (void)state;
    const char *wrong[] = {"",
                           "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                           "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
                           "017f22e279b0-7cc3-98c4-dc0c0c07398f00",
                           "017f22e2x79b0-7cc3-98c4-dc0c0c07398f",
                           "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                           "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t uuid[UUID_BYTES] = {42};
        assert_int_equal(uuid_from_text(slice_from_text(wrong[i]), uuid), STATUS_MALFORMED);
        assert_int_equal(uuid[0], 42);
    }
}

static int64_t fixed_wall(void)
{
    return EXAMPLE_NS;
}

static int64_t fixed_monotonic(void)
{
    return 7;
}

static void clock_can_be_faked_and_given_back(void **state)
{
    (void)state;
    clock_fake(fixed_wall, fixed_monotonic);
    assert_int_equal(clock_wall_ns(), EXAMPLE_NS);
    assert_int_equal(clock_monotonic_ns(), 7);
    clock_fake(NULL, NULL);
    assert_true(clock_wall_ns() > EXAMPLE_NS);
    int64_t before = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_version_and_variant_stand_where_rfc_9562_puts_them),
        cmocka_unit_test(ids_of_one_time_differ),
        cmocka_unit_test(no_random_bytes_are_used_twice_by_one_thread_or_by_two),
        cmocka_unit_test(event_ids_are_the_batch_id_and_the_index),
        cmocka_unit_test(text_form_reads_back),
        cmocka_unit_test(wrong_text_is_malformed_and_leaves_out_alone),
        cmocka_unit_test(clock_can_be_faked_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
