/* test_address.c: IPv4 as inet_pton takes it, and both families. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "parsers/fill/address.h"

static bool is_ipv4_for_inet_pton(const char *text)
{
    struct in_addr bytes;
    return inet_pton(AF_INET, text, &bytes) == 1;
}

/* Every text of up to seven of these characters, alone and as the end of an address. */
static void ipv4_is_what_inet_pton_takes(void **state)
{
    (void)state;
    static const char characters[] = "0.25x", beginning[] = "10.20.3";
    enum { COUNT = sizeof characters - 1, LENGTH = 7 };
    char text[sizeof beginning + LENGTH];
    size_t taken = 0;
    for (size_t length = 0; length <= LENGTH; length++) {
        size_t count = 1;
        for (size_t i = 0; i < length; i++)
            count *= COUNT;
        for (size_t number = 0; number < count; number++) {
            size_t rest = number, start = sizeof beginning - 1;
            memcpy(text, beginning, start);
            for (size_t i = 0; i < length; i++, rest /= COUNT)
                text[start + i] = characters[rest % COUNT];
            text[start + length] = '\0';
            assert_int_equal(address_is_ipv4(slice_from_text(text)), is_ipv4_for_inet_pton(text));
            assert_int_equal(address_is_ipv4(slice_from_text(text + start)),
                             is_ipv4_for_inet_pton(text + start));
            taken += address_is_ipv4(slice_from_text(text));
        }
    }
    assert_true(taken > 20);
    for (unsigned value = 0; value < 1200; value++) {
        size_t size = (size_t)snprintf(text, sizeof text, "%u.1.1.%u", value, value % 300);
        assert_int_equal(address_is_ipv4(slice_make(text, size)), is_ipv4_for_inet_pton(text));
    }
}

static void both_families_are_valid(void **state)
{
    (void)state;
    assert_true(address_is_valid(SLICE_LITERAL("192.168.100.200")));
    assert_true(address_is_valid(SLICE_LITERAL("0.0.0.0")));
    assert_true(address_is_valid(SLICE_LITERAL("2001:db8::1")));
    assert_true(address_is_valid(SLICE_LITERAL("::ffff:10.0.0.1")));
    assert_true(address_is_valid(SLICE_LITERAL("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")));
    assert_false(address_is_valid(SLICE_EMPTY));
    assert_false(address_is_valid(SLICE_LITERAL("10.0.0.1/8")));
    assert_false(address_is_valid(SLICE_LITERAL("10.0.0.1 ")));
    assert_false(address_is_valid(SLICE_LITERAL("10.0.0.1\0")));
    assert_false(address_is_valid(SLICE_LITERAL("::1\0")));
    assert_false(address_is_valid(SLICE_LITERAL("fe80::1%eth0")));
    assert_false(address_is_valid(SLICE_LITERAL("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_is_what_inet_pton_takes),
        cmocka_unit_test(both_families_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
