#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/identity/credential.h"
#include "server/http/http_query.h"

static struct slice text_of(enum status status, struct slice value)
{
    return status == STATUS_OK ? value : slice_from_text(status_text(status));
}

static void assert_shows(const char *authorization, const char *token)
{
    struct arena arena;
    struct slice value = SLICE_EMPTY;
    arena_init(&arena, 65536);
    enum status s = credential_of_header(slice_from_text(authorization), &arena, &value);
    if (!token)
        assert_int_equal(s, STATUS_MALFORMED);
    else if (!slice_equal_text(text_of(s, value), token))
        fail_msg("%s: %.*s", authorization, SLICE_ARGS(text_of(s, value)));
    arena_fini(&arena);
}

static void token_stands_in_every_usual_form(void **state)
{
    (void)state;
    assert_shows("Bearer gw.secret", "gw.secret");
    assert_shows("bearer  gw.secret", "gw.secret");
    assert_shows("Splunk gw.secret", "gw.secret");
    assert_shows("SPLUNK gw.secret", "gw.secret");
    assert_shows("Basic eDpndy5zZWNyZXQ=", "gw.secret"); /* x:gw.secret */
    assert_shows("Basic Omd3LnNlY3JldA==", "gw.secret"); /* :gw.secret */
}

static void other_schemes_show_no_token(void **state)
{
    static const char *const bad[] = {
        "",           "Bearer",     "Bearer ",  "gw.secret",       "Splunk",        "Basic ???",
        "Basic eA==", "Basic eDo=", "Digest a", "Bearergw.secret", "Negotiate YQ=="};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_shows(bad[i], NULL);
}

static void assert_value(const char *query, const char *name, const char *value)
{
    struct arena arena;
    struct slice out = SLICE_EMPTY;
    arena_init(&arena, 65536);
    enum status s = http_query_value(slice_from_text(query), name, &arena, &out);
    if (!slice_equal_text(text_of(s, out), value))
        fail_msg("%s: %.*s", query, SLICE_ARGS(text_of(s, out)));
    arena_fini(&arena);
}

static void value_of_a_query_is_decoded(void **state)
{
    const char *none = status_text(STATUS_NOT_FOUND), *bad = status_text(STATUS_MALFORMED);
    (void)state;
    assert_value("token=a.b", "token", "a.b");
    assert_value("x=1&token=a%2eb+c&token=2", "token", "a.b c");
    assert_value("host=", "host", "");
    assert_value("", "host", none);
    assert_value("host", "host", none);
    assert_value("hosts=1&ghost=2", "host", none);
    assert_value("host=%", "host", bad);
    assert_value("host=%2", "host", bad);
    assert_value("host=%zz", "host", bad);
    assert_value("host=%41", "host", "A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_stands_in_every_usual_form),
        cmocka_unit_test(other_schemes_show_no_token),
        cmocka_unit_test(value_of_a_query_is_decoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
