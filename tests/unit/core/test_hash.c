/* test_hash.c: official vectors: FIPS 180-4 examples, RFC 4231, RFC 3720 appendix B.4. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/hash.h"

static void assert_hex(const uint8_t *bytes, const char *hex)
{
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        assert_int_equal(bytes[i], strtoul(pair, NULL, 16));
    }
}

static void sha256_gives_the_fips_180_examples(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES];
    sha256_bytes(SLICE_LITERAL("abc"), digest);
    assert_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_bytes(SLICE_EMPTY, digest);
    assert_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_bytes(SLICE_LITERAL("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_hex(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sha256_in_pieces_equals_one_shot_and_is_reusable(void **state)
{
    (void)state;
    static uint8_t million[1000000];
    memset(million, 'a', sizeof million);
    struct sha256 *h = sha256_create();
    uint8_t digest[SHA256_BYTES];
    for (int round = 0; round < 2; round++) {
        sha256_start(h);
        for (size_t at = 0, step = 1; at < sizeof million; at += step, step = step * 3 % 4099 + 1) {
            size_t n = step < sizeof million - at ? step : sizeof million - at;
            sha256_update(h, slice_make(million + at, n));
        }
        sha256_finish(h, digest);
        assert_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    sha256_destroy(h);
    sha256_destroy(NULL);
}

static void sha256_goes_on_from_a_prefix_again_and_again(void **state)
{
    (void)state;
    uint8_t text[200], expected[SHA256_BYTES], digest[SHA256_BYTES];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(7 * i);
    for (size_t start = 0; start <= sizeof text; start++) {
        struct sha256_prefix prefix;
        sha256_prefix_init(&prefix, slice_make(text, start));
        for (size_t end = start; end <= sizeof text; end += 37) {
            sha256_bytes(slice_make(text, end), expected);
            sha256_prefix_finish(&prefix, slice_make(text + start, end - start), digest);
            assert_memory_equal(digest, expected, SHA256_BYTES);
        }
    }
}

static void hmac_gives_the_rfc_4231_vectors(void **state)
{
    (void)state;
    uint8_t key1[20], key6[131], mac[SHA256_BYTES];
    memset(key1, 0x0b, sizeof key1);
    memset(key6, 0xaa, sizeof key6);
    const struct {
        struct slice key, data;
        const char *mac;
    } vectors[] = {
        {slice_make(key1, sizeof key1), SLICE_LITERAL("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {SLICE_LITERAL("Jefe"), SLICE_LITERAL("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {slice_make(key6, sizeof key6),
         SLICE_LITERAL("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct hmac *h = hmac_create(vectors[i].key);
        struct hmac_key key = {0};
        if (vectors[i].key.size <= SHA256_BLOCK_BYTES)
            hmac_key_init(&key, vectors[i].key);
        for (int round = 0; round < 3; round++) { /* the key is set once */
            hmac_compute(h, vectors[i].data, mac);
            assert_hex(mac, vectors[i].mac);
            if (vectors[i].key.size > SHA256_BLOCK_BYTES)
                continue;
            hmac_key_compute(&key, vectors[i].data, mac);
            assert_hex(mac, vectors[i].mac);
        }
        hmac_destroy(h);
    }
}

static void hmac_takes_an_empty_key(void **state)
{
    (void)state;
    uint8_t mac[SHA256_BYTES];
    struct hmac *h = hmac_create(SLICE_EMPTY);
    assert_non_null(h);
    hmac_compute(h, SLICE_EMPTY, mac);
    assert_hex(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    hmac_destroy(h);
}

static void derived_key_is_the_hmac_of_label_zero_and_context(void **state)
{
    (void)state;
    uint8_t derived[SHA256_BYTES], expected[SHA256_BYTES];
    struct hmac_key key;
    struct hmac *h = hmac_create(SLICE_LITERAL("Jefe"));
    hmac_key_init(&key, SLICE_LITERAL("Jefe"));
    hmac_key_derive(&key, "label", SLICE_LITERAL("context"), derived);
    hmac_compute(h, SLICE_LITERAL("label\0context"), expected);
    assert_memory_equal(derived, expected, sizeof derived);
    hmac_key_derive(&key, "label", SLICE_EMPTY, derived);
    hmac_compute(h, slice_make("label", 6), expected);
    assert_memory_equal(derived, expected, sizeof derived);
    hmac_destroy(h);
}

static void crc32c_gives_the_rfc_3720_vectors(void **state)
{
    (void)state;
    uint8_t data[32];
    memset(data, 0, sizeof data);
    assert_int_equal(crc32c(0, slice_make(data, 32)), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    assert_int_equal(crc32c(0, slice_make(data, 32)), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, slice_make(data, 32)), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(crc32c(0, slice_make(data, 32)), 0x113fdb5c);
    assert_int_equal(crc32c(0, SLICE_LITERAL("123456789")), 0xe3069283);
    assert_int_equal(crc32c(0, SLICE_EMPTY), 0);
}

static void crc32c_continues_over_any_cut(void **state)
{
    (void)state;
    uint8_t data[257];
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + 7);
    uint32_t whole = crc32c(0, slice_make(data, sizeof data));
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        uint32_t crc = crc32c(0, slice_make(data, cut));
        assert_int_equal(crc32c(crc, slice_make(data + cut, sizeof data - cut)), whole);
    }
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[512] = {0}, b[512] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    random_bytes(a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_fips_180_examples),
        cmocka_unit_test(sha256_in_pieces_equals_one_shot_and_is_reusable),
        cmocka_unit_test(sha256_goes_on_from_a_prefix_again_and_again),
        cmocka_unit_test(hmac_gives_the_rfc_4231_vectors),
        cmocka_unit_test(hmac_takes_an_empty_key),
        cmocka_unit_test(derived_key_is_the_hmac_of_label_zero_and_context),
        cmocka_unit_test(crc32c_gives_the_rfc_3720_vectors),
        cmocka_unit_test(crc32c_continues_over_any_cut),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
