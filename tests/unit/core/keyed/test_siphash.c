/* test_siphash.c: the vectors of the authors' reference implementation, and OpenSSL's SipHash as a
 * second implementation. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/keyed/siphash.h"

enum { MESSAGE_MAX = 600 };

static void count_up(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)i;
}

static void siphash_gives_the_vectors_of_its_authors(void **state)
{
    (void)state;
    /* vectors_sip128: key 00 01 … 0f, message of n bytes 00 01 … */
    static const struct {
        size_t size;
        uint8_t hash[SIPHASH_BYTES + 1];
    } vectors[] = {
        {0, "\xa3\x81\x7f\x04\xba\x25\xa8\xe6\x6d\xf6\x72\x14\xc7\x55\x02\x93"},
        {1, "\xda\x87\xc1\xd8\x6b\x99\xaf\x44\x34\x76\x59\x11\x9b\x22\xfc\x45"},
        {2, "\x81\x77\x22\x8d\xa4\xa4\x5d\xc7\xfc\xa3\x8b\xde\xf6\x0a\xff\xe4"},
        {3, "\x9c\x70\xb6\x0c\x52\x67\xa9\x4e\x5f\x33\xb6\xb0\x29\x85\xed\x51"},
    };
    uint8_t bytes[SIPHASH_KEY_BYTES], hash[SIPHASH_BYTES];
    struct siphash h;
    count_up(bytes, sizeof bytes);
    siphash_start(&h, bytes);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        siphash_finish(&h, slice_make(bytes, vectors[i].size), hash);
        assert_memory_equal(hash, vectors[i].hash, SIPHASH_BYTES);
    }
}

static void make_with_openssl(EVP_MAC_CTX *context, const uint8_t *key, struct slice message,
                              uint8_t hash[SIPHASH_BYTES])
{
    size_t wanted = SIPHASH_BYTES, size = 0;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &wanted),
                                 OSSL_PARAM_construct_end()};
    assert_int_equal(EVP_MAC_init(context, key, SIPHASH_KEY_BYTES, params), 1);
    assert_int_equal(EVP_MAC_update(context, message.data, message.size), 1);
    assert_int_equal(EVP_MAC_final(context, hash, &size, SIPHASH_BYTES), 1);
    assert_int_equal(size, SIPHASH_BYTES);
}

static void siphash_of_every_size_and_beginning_equals_openssls(void **state)
{
    (void)state;
    EVP_MAC *method = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(method);
    uint8_t message[MESSAGE_MAX], expected[SIPHASH_BYTES], hash[SIPHASH_BYTES];
    assert_non_null(context);
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * i + 3 * i);
    for (size_t size = 0; size <= sizeof message; size++) {
        make_with_openssl(context, message + size % 9, slice_make(message, size), expected);
        for (size_t begun = 0; begun <= size; begun += 40) {
            struct siphash h;
            siphash_start(&h, message + size % 9);
            siphash_add_words(&h, slice_make(message, begun));
            siphash_finish(&h, slice_make(message + begun, size - begun), hash);
            assert_memory_equal(hash, expected, SIPHASH_BYTES);
        }
    }
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(method);
}

static void a_beginning_serves_many_messages(void **state)
{
    (void)state;
    uint8_t key[SIPHASH_KEY_BYTES] = {1}, word[SIPHASH_WORD] = {2}, first[SIPHASH_BYTES],
            again[SIPHASH_BYTES], other[SIPHASH_BYTES];
    struct siphash h;
    siphash_start(&h, key);
    siphash_add_words(&h, slice_make(word, sizeof word));
    siphash_finish(&h, SLICE_LITERAL("a"), first);
    siphash_finish(&h, SLICE_EMPTY, other);
    siphash_finish(&h, SLICE_LITERAL("a"), again);
    assert_memory_equal(first, again, SIPHASH_BYTES);
    assert_memory_not_equal(first, other, SIPHASH_BYTES);
    key[15] = 1; /* every bit of the key counts */
    siphash_start(&h, key);
    siphash_add_words(&h, slice_make(word, sizeof word));
    siphash_finish(&h, SLICE_LITERAL("a"), other);
    assert_memory_not_equal(first, other, SIPHASH_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_vectors_of_its_authors),
        cmocka_unit_test(siphash_of_every_size_and_beginning_equals_openssls),
        cmocka_unit_test(a_beginning_serves_many_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
