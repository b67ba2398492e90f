#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "server/identity/tokens.h"
#include "core/log/problem.h"

#define SALT "000102030405060708090a0b0c0d0e0f"
/* python3: hashlib.sha256(bytes(range(16)) + b"secret").hexdigest() */
#define HASH "67557c0d86179c45199f096d85b7aeb2b8b34bf423c403ba517f72bcc5913c4c"

#define LINE(id, more)                                                                             \
    "{\"id\":\"" id "\",\"tenant\":\"Demo Motors\",\"salt\":\"" SALT "\",\"hash\":\"" HASH         \
    "\"" more "}\n"

static struct tokens *parse(const char *text)
{
    struct tokens *tokens = NULL;
    struct problem problem = {""};
    if (tokens_parse(slice_from_text(text), &tokens, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    return tokens;
}

static void assert_refused(const char *text, const char *problem)
{
    struct tokens *tokens = NULL;
    struct problem reason = {""};
    assert_int_equal(tokens_parse(slice_from_text(text), &tokens, &reason), STATUS_CONFIG);
    if (!strstr(reason.text, problem))
        fail_msg("'%s' says nothing of '%s'", reason.text, problem);
}

static enum status check(const struct tokens *tokens, const char *shown)
{
    const struct token *token = NULL;
    return tokens_check(tokens, slice_from_text(shown), &token);
}

static void token_is_known_by_its_secret_alone(void **state)
{
    struct tokens *tokens = parse(LINE("gw-1", ""));
    (void)state;
    assert_int_equal(check(tokens, "gw-1.secret"), STATUS_OK);
    assert_int_equal(check(tokens, "gw-1.secreT"), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, "gw-1.secret "), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, "gw-1."), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, "gw-1"), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, "gw-2.secret"), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, ".secret"), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, ""), STATUS_NOT_FOUND);
    assert_int_equal(check(tokens, "gw-1." HASH), STATUS_NOT_FOUND);
    tokens_destroy(tokens);
}

static void revoked_token_is_told_apart_from_an_unknown_one(void **state)
{
    struct tokens *tokens = parse(LINE("gw-1", ",\"revoked\":\"2026-11-22T10:00:00Z\""));
    (void)state;
    assert_int_equal(check(tokens, "gw-1.secret"), STATUS_REFUSED);
    assert_int_equal(check(tokens, "gw-1.other"), STATUS_NOT_FOUND);
    tokens_destroy(tokens);
}

static void as_many_formats_as_are_written_are_read_back(void **state)
{
    char names[1024];
    struct tokens *made = tokens_create(), *read = NULL;
    struct problem problem = {""};
    struct writer w;
    (void)state;
    for (size_t i = 0; i < sizeof names; i++)
        names[i] = i % 2 ? ',' : 'a';
    struct token t = {.id = SLICE_LITERAL("a"), .tenant = SLICE_LITERAL("demo")};
    t.formats = slice_make(names, sizeof names);
    assert_int_equal(tokens_add(made, &t), STATUS_OUT_OF_RANGE);
    t.formats.size--;
    assert_int_equal(tokens_add(made, &t), STATUS_OK);
    writer_init(&w, 65536);
    tokens_write(made, &w);
    if (tokens_parse(writer_slice(&w), &read, &problem) != STATUS_OK)
        fail_msg("%s", problem.text);
    assert_int_equal(tokens_at(read, 0)->formats.size, t.formats.size);
    writer_fini(&w);
    tokens_destroy(read);
    tokens_destroy(made);
}

static void file_is_read_back_as_it_was_written(void **state)
{
    static const char text[] =
        LINE("a", "") LINE("b", ",\"formats\":[\"hec\",\"syslog\"],\"events_per_second\":7,"
                                "\"burst\":90,\"created\":\"2026-11-22T10:00:00Z\"");
    struct tokens *tokens = parse(text);
    struct writer w;
    (void)state;
    writer_init(&w, 65536);
    tokens_write(tokens, &w);
    assert_int_equal(w.size, sizeof text - 1);
    assert_memory_equal(w.data, text, w.size);
    const struct token *b = tokens_find(tokens, SLICE_LITERAL("b"));
    assert_int_equal(b->events_per_second, 7);
    assert_true(token_formats_allow(b->formats, SLICE_LITERAL("syslog")));
    assert_true(token_formats_allow(b->formats, SLICE_LITERAL("hec")));
    assert_false(token_formats_allow(b->formats, SLICE_LITERAL("he")));
    assert_false(token_formats_allow(b->formats, SLICE_LITERAL("cef")));
    assert_true(token_formats_allow(SLICE_EMPTY, SLICE_LITERAL("cef")));
    writer_fini(&w);
    tokens_destroy(tokens);
}

static void thousands_of_tokens_are_found_by_their_ids(void **state)
{
    struct tokens *tokens = tokens_create();
    char id[16], secret[2 * TOKEN_SECRET_BYTES + 1], shown[80];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        struct token t = {.id = slice_from_text(id), .tenant = SLICE_LITERAL("demo")};
        token_renew(&t, secret);
        assert_int_equal(tokens_add(tokens, &t), STATUS_OK);
        snprintf(shown, sizeof shown, "%s.%s", id, secret);
        assert_int_equal(check(tokens, shown), STATUS_OK);
        assert_int_equal(tokens_add(tokens, &t), STATUS_EXISTS);
    }
    assert_int_equal(tokens_count(tokens), 3000);
    assert_non_null(tokens_find(tokens, SLICE_LITERAL("t-0")));
    tokens_destroy(tokens);
}

static void mistake_is_told_with_its_line(void **state)
{
    (void)state;
    assert_refused(LINE("a", "") "\n" LINE("a", ""), "line 3: its id is used in an earlier line");
    assert_refused(LINE("a", "") "[1]\n", "line 2: expected a JSON object");
    assert_refused("{\"id\":\n", "line 1, column 7: expected a JSON object");
    assert_refused(LINE("a", ",\"format\":[\"hec\"]"), "line 1, column 159: 'format'");
    assert_refused(LINE("a", ",\"formats\":\"hec\""), "line 1, column 160: 'formats'");
    assert_refused(LINE("a", ",\"formats\":[]"), "line 1, column 160: 'formats'");
    assert_refused(LINE("a", ",\"events_per_second\":-1"),
                   "line 1, column 170: 'events_per_second'");
    assert_refused(LINE("a b", ""), "line 1: 'id' and 'tenant'");
    assert_refused("{\"id\":\"a\",\"tenant\":\"t\",\"salt\":\"" SALT "\"}", "'salt' and 'hash'");
    assert_refused("{\"id\":\"a\",\"salt\":\"" SALT "\",\"hash\":\"" HASH "\"}", "'id' and");
    assert_refused("{\"salt\":\"00\"}", "'salt'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_is_known_by_its_secret_alone),
        cmocka_unit_test(revoked_token_is_told_apart_from_an_unknown_one),
        cmocka_unit_test(as_many_formats_as_are_written_are_read_back),
        cmocka_unit_test(file_is_read_back_as_it_was_written),
        cmocka_unit_test(thousands_of_tokens_are_found_by_their_ids),
        cmocka_unit_test(mistake_is_told_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
