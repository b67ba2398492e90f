/* test_id_set.c: keys are found again whatever the seed is, and while the set grows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/engine/id_set.h"

enum { KEYS = 5000 };

static void make_key(unsigned i, uint8_t key[ID_SET_KEY_BYTES])
{
    memset(key, 0, ID_SET_KEY_BYTES);
    key[0] = 1; /* all zero is no digest */
    memcpy(key + 4 * (i % 3 + 1), &i, sizeof i);
}

static void add_all(uint64_t seed)
{
    struct arena arena;
    struct id_set set;
    uint8_t key[ID_SET_KEY_BYTES];
    arena_init(&arena, 1 << 20);
    id_set_init(&set, &arena, seed);
    for (unsigned i = 1; i <= KEYS; i++) {
        make_key(i, key);
        assert_int_equal(id_set_add(&set, key), STATUS_OK);
        assert_int_equal(id_set_add(&set, key), STATUS_EXISTS);
    }
    for (unsigned i = 1; i <= KEYS; i++) {
        make_key(i, key);
        assert_int_equal(id_set_add(&set, key), STATUS_EXISTS);
    }
    assert_int_equal(set.count, KEYS);
    arena_fini(&arena);
}

static void keys_are_found_again_whatever_the_seed_is(void **state)
{
    (void)state;
    const uint64_t seeds[] = {0, 1, UINT64_MAX, UINT64_C(0x123456789ABCDEF0)};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        add_all(seeds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_again_whatever_the_seed_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
