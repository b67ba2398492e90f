/* test_http_host.c: hosts, and lists of header values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "server/http/http_host.h"
#include "server/http/http_list.h"

static void hosts_are_judged_by_their_grammar(void **state)
{
    static const char *const good[] = {
        "h",          "h:80",           "h:",           "a.example.com",  "a=b",
        "a_b",        "192.0.2.1:8443", "a%20b",        "a%7E",           "[::1]",
        "[::1]:8443", "[2001:db8::1]",  "[v1.a:b]:1",   "[fe80::1%25e0]", "[::ffff:192.0.2.1]",
        "a!b$c&d'",   "(a)*+,;=",       "xn--bcher-kva"};
    static const char *const bad[] = {
        "",       ":80",     "a%zz",     "a%",    "a%2",       "a b",   "a/b",        "u@h",
        "h:8a",   "h:80:80", "[::1",     "::1",   "[]",        "[zz]",  "[::g]",      "[v.a]",
        "[v1.]",  "[1]",     "h?",       "h#",    "h:123456",  "a\\b",  "a\"b",       "[::1]x",
        "[::1%]", "a<b",     "[::1%25]", "h\x7f", "h\xc3\xa4", "[v1a]", "[::1%25a/b]"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!http_host_is_valid(slice_from_text(good[i])))
            fail_msg("'%s' is a host", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (http_host_is_valid(slice_from_text(bad[i])))
            fail_msg("'%s' is no host", bad[i]);
}

static void empty_elements_are_passed_over(void **state)
{
    static const struct {
        const char *list, *elements;
    } rows[] = {{"", ""},
                {",", ""},
                {" , ,\t", ""},
                {"gzip", "gzip|"},
                {"gzip,", "gzip|"},
                {", gzip ,,", "gzip|"},
                {"a,b , c", "a|b|c|"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice list = slice_from_text(rows[i].list), one = SLICE_LITERAL("kept");
        char text[64] = "";
        size_t used = 0;
        while (http_list_next(&list, &one))
            used += (size_t)snprintf(text + used, sizeof text - used, "%.*s|", SLICE_ARGS(one));
        assert_string_equal(text, rows[i].elements);
        assert_true(one.size > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_judged_by_their_grammar),
        cmocka_unit_test(empty_elements_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
