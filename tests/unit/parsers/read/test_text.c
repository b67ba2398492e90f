#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/base64.h"
#include "parsers/read/text.h"

static void *test_alloc(const struct parser_context *context, size_t size)
{
    static uint8_t memory[1024];
    (void)context;
    return size <= sizeof memory ? memory : NULL;
}

static const struct parser_context context = {.alloc = test_alloc};

/* RFC 3629 by the letter: decodes and encodes again; what differs is no UTF-8. */
static bool oracle(const uint8_t *p, size_t size)
{
    while (size) {
        size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
        uint32_t c = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
        if (p[0] == 0 || (p[0] >= 0x80 && p[0] < 0xC0) || p[0] >= 0xF8 || n > size)
            return false;
        for (size_t i = 1; i < n; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 0x3F);
        }
        static const uint32_t first[] = {0, 0, 0x80, 0x800, 0x10000};
        if (c < first[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
            return false;
        p += n;
        size -= n;
    }
    return true;
}

/* Every pair of lead bytes with chosen continuations, behind 0 to 9 plain bytes. */
static void utf8_check_agrees_with_the_letter_of_the_standard(void **state)
{
    (void)state;
    static const uint8_t rest[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                   0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    uint8_t text[16];
    memset(text, 'a', sizeof text);
    for (unsigned lead = 0; lead < 256; lead++)
        for (size_t i = 0; i < sizeof rest; i++)
            for (size_t k = 0; k < sizeof rest; k++)
                for (size_t at = 0; at < 10; at += 3)
                    for (size_t size = at + 1; size <= at + 5; size++) {
                        uint8_t c[5] = {(uint8_t)lead, rest[i], rest[k], 0x80, 'a'};
                        memset(text, 'a', sizeof text);
                        memcpy(text + at, c, sizeof c);
                        assert_int_equal(utf8_check(slice_make(text, size)) == STATUS_OK,
                                         oracle(text, size));
                    }
}

static void byte_zero_has_its_own_status(void **state)
{
    (void)state;
    assert_int_equal(utf8_check(SLICE_LITERAL("a\0b")), STATUS_REFUSED);
    assert_int_equal(utf8_check(SLICE_LITERAL("aaaaaaaaaaa\0")), STATUS_REFUSED);
    assert_int_equal(utf8_check(SLICE_LITERAL("a\xff")), STATUS_INVALID_UTF8);
    assert_int_equal(utf8_check(SLICE_EMPTY), STATUS_OK);
}

static void repair_replaces_what_is_no_character(void **state)
{
    (void)state;
    struct slice text = SLICE_LITERAL("é\xff\0z\xed\xa0\x80");
    bool repaired = false;
    assert_int_equal(text_repair(&context, &text, &repaired), STATUS_OK);
    assert_true(repaired);
    assert_true(slice_equal_text(text, "é\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD"));
    struct slice clean = SLICE_LITERAL("clean é"), before = clean;
    repaired = false;
    assert_int_equal(text_repair(&context, &clean, &repaired), STATUS_OK);
    assert_false(repaired);
    assert_ptr_equal(clean.data, before.data);
    uint8_t large[600];
    memset(large, 0xFF, sizeof large);
    struct slice too_large = slice_make(large, sizeof large);
    assert_int_equal(text_repair(&context, &too_large, &repaired), STATUS_NO_MEMORY);
}

static void base64_vectors_of_rfc4648_are_decoded(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"Zg==", "f"},
                                             {"Zm8=", "fo"},
                                             {"Zm9v", "foo"},
                                             {"Zm9vYg==", "foob"},
                                             {"Zm9vYmE=", "fooba"},
                                             {"Zm9vYmFy", "foobar"},
                                             {"Zm9vYg", "foob"},
                                             {"Zm8", "fo"}};
    static const char *const bad[] = {
        "Z", "Zg=", "Zg===", "Zh==", "Zm9v=", "Zm-v", "Zm 9", "====", "Zg==Zg=="};
    uint8_t out[32];
    struct slice bytes;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_int_equal(base64_decode(slice_from_text(vectors[i][0]), out, &bytes), STATUS_OK);
        assert_true(slice_equal_text(bytes, vectors[i][1]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(base64_decode(slice_from_text(bad[i]), out, &bytes), STATUS_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_check_agrees_with_the_letter_of_the_standard),
        cmocka_unit_test(byte_zero_has_its_own_status),
        cmocka_unit_test(repair_replaces_what_is_no_character),
        cmocka_unit_test(base64_vectors_of_rfc4648_are_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
