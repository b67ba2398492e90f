/* test_proto_reader.c: fields of usual form, which are read in place, are what nanopb reads, and so
 * are all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "parsers/read/proto_reader.h"

static void assert_same(const struct proto_field *a, const struct proto_field *b)
{
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->offset, b->offset);
    if (a->type == PROTO_BYTES) {
        assert_ptr_equal(a->bytes.data, b->bytes.data);
        assert_int_equal(a->bytes.size, b->bytes.size);
    } else {
        assert_int_equal(a->value, b->value);
    }
}

/* Reads the message in both ways; returns the number of fields. */
static size_t compare(const uint8_t *bytes, size_t size)
{
    struct proto_reader quick = proto_reader_make(slice_make(bytes, size)), slow = quick;
    struct proto_field a = {0}, b = {0};
    for (size_t count = 0;; count++) {
        bool more = proto_next(&quick, &a);
        bool expected = slow.at < size && !slow.broken && proto_next_slow(&slow, &b);
        assert_int_equal(more, expected);
        assert_int_equal(quick.broken, slow.broken);
        assert_int_equal(quick.at, slow.at);
        if (!more)
            return count;
        assert_same(&a, &b);
    }
}

/* Any two bytes, and any third at some, before bytes that a field may need. */
static void every_short_beginning_is_read_alike(void **state)
{
    static const uint8_t thirds[] = {0, 1, 0x7f, 0x81};
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++)
            for (size_t i = 0; i < sizeof thirds; i++)
                for (size_t size = 1; size <= 12; size += size < 4 ? 1 : 4) {
                    uint8_t *exact = calloc(1, size); /* sanitizers see what is read after it */
                    const uint8_t bytes[12] = {(uint8_t)first, (uint8_t)second, thirds[i], 1, 2};
                    memcpy(exact, bytes, size);
                    compare(exact, size);
                    free(exact);
                }
}

static void random_messages_are_read_alike(void **state)
{
    unsigned seed = 7;
    size_t fields = 0;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        size_t size = (size_t)rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < size; i++) { /* most are tags of low numbers and small sizes */
            unsigned v = (unsigned)rand_r(&seed) >> 4;
            bytes[i] = (uint8_t)(v % 16 ? (v >> 4 & 0x18) | (v >> 9 & 2) : v >> 4);
        }
        fields += compare(bytes, size);
    }
    assert_true(fields > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_beginning_is_read_alike),
        cmocka_unit_test(random_messages_are_read_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
