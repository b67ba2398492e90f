/* test_http_url.c: URLs that the client takes, and those it refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include "server/client/http_url.h"
#include "core/log/problem.h"

static void assert_url(const char *text, bool tls, const char *host, const char *port,
                       const char *path)
{
    struct problem problem;
    struct http_url url;
    assert_int_equal(http_url_parse(text, &url, &problem), STATUS_OK);
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_string_equal(url.port, port);
    assert_string_equal(url.path, path);
}

static void urls_fall_into_their_parts(void **state)
{
    (void)state;
    assert_url("http://h", false, "h", "80", "/");
    assert_url("https://h/", true, "h", "443", "/");
    assert_url("https://h.example:8443/v1/events?a=b", true, "h.example", "8443", "/v1/events?a=b");
    assert_url("http://[::1]:9600/readyz", false, "::1", "9600", "/readyz");
    assert_url("http://[fe80::1]", false, "fe80::1", "80", "/");
    assert_url("http://127.0.0.1:1?q", false, "127.0.0.1", "1", "/?q");
    assert_url("http://h:/x", false, "h", "80", "/x");
}

static void what_is_no_url_is_refused_with_a_reason(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "h:80",
                         "ftp://h",
                         "http://",
                         "http:///path",
                         "http://u:p@h/",
                         "http://h:0",
                         "http://h:65536",
                         "http://h:8x",
                         "http://h:-1",
                         "http://h:99999999999999999999",
                         "http://[::1",
                         "http://[::1]x",
                         "http://[]",
                         "http://h/a b",
                         "http://h/a\r\nX: y",
                         "http://h/\xc3\xa9",
                         "http://h/#top"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct problem problem = {""};
        struct http_url url;
        if (http_url_parse(bad[i], &url, &problem) != STATUS_MALFORMED)
            fail_msg("taken: %s", bad[i]);
        assert_true(problem.text[0] != '\0');
    }
}

static void what_is_too_long_is_refused(void **state)
{
    (void)state;
    char text[3000];
    struct problem problem;
    struct http_url url;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    text[300] = '\0';
    assert_int_equal(http_url_parse(text, &url, &problem), STATUS_MALFORMED);
    text[300] = 'a';
    text[10] = '/';
    text[2999] = '\0';
    assert_int_equal(http_url_parse(text, &url, &problem), STATUS_MALFORMED);
    text[900] = '\0';
    assert_int_equal(http_url_parse(text, &url, &problem), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_fall_into_their_parts),
        cmocka_unit_test(what_is_no_url_is_refused_with_a_reason),
        cmocka_unit_test(what_is_too_long_is_refused),
    };
    return cmocka_run_group_tests_name("http_url", tests, NULL, NULL);
}
