/* test_keyed_digest.c: the digest of long data is HMAC-SHA-256 of a GMAC tag, whatever the pieces.
 * Expected values: AES-128-GCM and HMAC of Python's cryptography and hashlib. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/keyed/keyed_digest.h"

#define DATA_BYTES 1000
static const char of_data[] = "65eb00cf2779c9e2de9f8f7fb3117509f9212bcd593e2abc44c534c87ee3df53";
static const char of_nothing[] = "b391f3b9804270703f9450e4b4e816945640ad80da13405a3257af11eefbd5ad";

static struct keyed_digest_key key;
static uint8_t data[DATA_BYTES];

static int setup(void **state)
{
    struct hmac_key master;
    uint8_t bytes[SHA256_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t i = 0; i < DATA_BYTES; i++)
        data[i] = (uint8_t)(i % 251);
    hmac_key_init(&master, slice_make(bytes, sizeof bytes));
    keyed_digest_key_derive(&master, &key);
    return (*state = keyed_digest_create(&key)) ? 0 : -1;
}

static int teardown(void **state)
{
    keyed_digest_destroy(*state);
    return 0;
}

static void assert_digest(struct keyed_digest *d, const char *expected)
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    keyed_digest_finish(d, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void every_cut_gives_the_same(void **state)
{
    for (size_t cut = 0; cut <= DATA_BYTES; cut++) {
        keyed_digest_start(*state);
        keyed_digest_update(*state, slice_make(data, cut));
        keyed_digest_update(*state, slice_make(data + cut, DATA_BYTES - cut));
        assert_digest(*state, of_data);
    }
}

static void nothing_has_a_digest(void **state)
{
    keyed_digest_start(*state);
    assert_digest(*state, of_nothing);
}

static void any_changed_byte_changes_it(void **state)
{
    uint8_t first[SHA256_BYTES], other[SHA256_BYTES];
    keyed_digest_start(*state);
    keyed_digest_update(*state, slice_make(data, DATA_BYTES));
    keyed_digest_finish(*state, first);
    for (size_t i = 0; i < DATA_BYTES; i++) {
        data[i] ^= 1;
        keyed_digest_start(*state);
        keyed_digest_update(*state, slice_make(data, DATA_BYTES));
        keyed_digest_finish(*state, other);
        data[i] ^= 1;
        assert_memory_not_equal(first, other, sizeof first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(nothing_has_a_digest),
        cmocka_unit_test(any_changed_byte_changes_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
