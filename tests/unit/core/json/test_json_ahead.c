/* core/json/json.h reads a document alike whether it reads ahead in a body or not, and whether the
 * document is written as most senders write it or with white space everywhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/json/json.h"
#include "core/json/json_names.h"
#include "core/writer.h"

enum { BODY = 200000, DOCS = 3000 };

static struct json_parser *ahead, *alone;
static struct json_names names;
static uint8_t body[BODY + JSON_PADDING];
static size_t body_size, starts[DOCS + 1], docs;
static uint64_t seed;

static int start(void **state)
{
    (void)state;
    ahead = json_parser_create(8, 200);
    alone = json_parser_create(8, 200);
    memset(&names, 0, sizeof names);
    static const char *const keys[] = {"id",
                                       "vin",
                                       "time",
                                       "sensor_kind",
                                       "event_name",
                                       "bool",
                                       "0123456789abcdef",
                                       "0123456789abcdefg"};
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        json_names_add(&names, keys[i], i + 1);
    return ahead && alone ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    json_parser_destroy(ahead);
    json_parser_destroy(alone);
    return 0;
}

static size_t below(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((seed >> 33) % n);
}

static void put(const char *text)
{
    size_t size = strlen(text);
    if (body_size + size <= BODY)
        memcpy(body + body_size, text, size);
    body_size += body_size + size <= BODY ? size : 0;
}

static const char *some(const char *const *texts, size_t count)
{
    return texts[below(count)];
}
#define SOME(...)                                                                                  \
    some((const char *const[]){__VA_ARGS__},                                                       \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void put_value(unsigned depth);

static void put_object(unsigned depth)
{
    char key[24];
    size_t members = below(8);
    put("{");
    for (size_t i = 0; i < members; i++) {
        snprintf(key, sizeof key, "\"k%zu\"", i);
        put(i ? SOME(",", ",", ",", ",", " , ", ",,") : "");
        put(SOME("\"id\"", "\"vin\"", "\"time\"", "\"sensor_kind\"", "\"event_name\"", "\"bool\"",
                 "\"0123456789abcdef\"", "\"0123456789abcdefg\"", "\"0123456789abcdefh\"", key, key,
                 key, key, key, key, key, key, "\"\\u0069d\"", "\"\"", "\"a \"", "\"a\" ", "id"));
        put(SOME(":", ":", ":", ":", ":", ":", ":", ": ", " :", ""));
        put_value(depth + 1);
    }
    put("}");
}

static void put_value(unsigned depth)
{
    if (below(10) == 0 && depth < 10) {
        put_object(depth);
        return;
    }
    put(SOME("1", "0", "52.5", "-3", "1e9", "01", "12345678901234567", "18446744073709551616",
             "1e999", "true", "false", "null", "tru", "nulll", "falsy", "\"text\"", "\"text\"",
             "\"text\"", "\"\"", "\"a\\nb\"", "\"\\u0000\"", "\"\\\"", "\"caf\xc3\xa9\"",
             "\"\xc3\"", "\"tab\t\"", "[]", "[1,2,{\"id\":1}]", "[1,", "\"{\\\"id\\\":1}\"", "",
             "\"text\" ", " 7", "7 "));
}

static void put_sound_value(void)
{
    put(SOME("1", "0", "52.5", "-3", "true", "false", "null", "\"text\"", "\"caf\xc3\xa9\"",
             "\"a\\nb\"", "[1,2,{\"id\":1}]", "{\"id\":\"x\",\"a\":{}}", "12345678901234567"));
}

static void put_sound_object(void)
{
    char key[24];
    put("{");
    for (size_t i = 0, members = below(12); i < members; i++) {
        snprintf(key, sizeof key, "%s\"k%zu\":", i ? "," : "", i);
        put(key);
        put_sound_value();
    }
    put("}");
}

/* Lines, of which `of_hundred` in a hundred may have errors. */
static void make_body(size_t of_hundred, const char *between)
{
    body_size = docs = 0;
    while (docs < DOCS && body_size < BODY - 4096) {
        starts[docs++] = body_size;
        if (below(100) < of_hundred)
            put_object(0);
        else
            put_sound_object();
        put(between);
    }
    starts[docs] = body_size;
}

static void assert_same_slice(struct slice a, struct slice b)
{
    if (!slice_equal(a, b))
        fail_msg("%.*s is not %.*s", SLICE_ARGS(a), SLICE_ARGS(b));
}

static void assert_same_node(const struct json_node *a, const struct json_node *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->has_key, b->has_key);
    assert_int_equal(a->name, b->name);
    assert_int_equal(a->repeat, b->repeat);
    assert_int_equal(a->span, b->span);
    assert_same_slice(a->key, b->key);
    if (a->type == JSON_STRING || a->type == JSON_BIG_UINT)
        assert_same_slice(a->text, b->text);
    if (a->type == JSON_BOOL)
        assert_int_equal(a->boolean, b->boolean);
    if (a->type == JSON_INT || a->type == JSON_DOUBLE)
        assert_int_equal(a->integer, b->integer);
}

/* Both parsers on the same bytes. */
static enum status assert_same_result(struct slice text, bool is_lenient)
{
    struct json_document a = {NULL, 0}, b = {NULL, 0};
    struct json_error why_a = {0, NULL}, why_b = {0, NULL};
    enum status (*parse)(struct json_parser *, const struct json_names *, struct slice,
                         struct json_document *, struct json_error *) =
        is_lenient ? json_parse_lenient : json_parse_named;
    enum status status = parse(alone, &names, text, &b, &why_b);
    assert_int_equal(parse(ahead, &names, text, &a, &why_a), status);
    assert_int_equal(a.count, b.count);
    if (status != STATUS_OK) {
        assert_int_equal(why_a.offset, why_b.offset);
        assert_string_equal(why_a.detail, why_b.detail);
    }
    for (size_t i = 0; i < a.count; i++) {
        assert_same_node(&a.nodes[i], &b.nodes[i]);
        assert_ptr_equal(a.nodes[i].raw.data, b.nodes[i].raw.data);
        assert_int_equal(a.nodes[i].raw.size, b.nodes[i].raw.size);
    }
    return status;
}

static struct slice document_at(size_t i, size_t between)
{
    return slice_make(body + starts[i], starts[i + 1] - starts[i] - between);
}

/* Documents in their order; some twice, in parts, skipped, or leniently. Returns the good ones. */
static size_t read_body(size_t between)
{
    size_t good = 0;
    json_parser_ahead(ahead, slice_make(body, body_size));
    for (size_t i = 0; i < docs; i++) {
        struct slice text = document_at(i, between);
        good += assert_same_result(text, false) == STATUS_OK;
        switch (below(12)) {
        case 0:
            (void)assert_same_result(text, true);
            break;
        case 1:
            (void)assert_same_result(document_at(below(docs), between), false);
            break;
        case 2:
            (void)assert_same_result(slice_sub(text, 0, below(text.size) + 1), false);
            break;
        case 3:
            (void)assert_same_result(slice_sub(text, below(text.size), text.size), false);
            break;
        case 4: /* more than one document */
            (void)assert_same_result(
                slice_sub(slice_make(body, body_size), starts[i], text.size + below(100)), false);
            break;
        default:
            break;
        }
    }
    json_parser_ahead(ahead, SLICE_EMPTY);
    return good;
}

static void bodies_read_alike_ahead(void **state)
{
    (void)state;
    static const size_t broken[] = {0, 1, 10, 100};
    static const char *const between[] = {"\n", "\r\n", ",", "", " \n\n", "\n,\n"};
    for (size_t i = 0; i < 4 * 6 * 2; i++) {
        seed = i;
        make_body(broken[i % 4], between[i / 4 % 6]);
        size_t good = read_body(strlen(between[i / 4 % 6]));
        if (i % 4 == 0)
            assert_int_equal(good, docs);
        assert_true(good > 0);
    }
}

static void flipped_bytes_read_alike_ahead(void **state)
{
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        seed = 100 + i;
        make_body(i % 3, "\n");
        for (size_t k = 0; k <= i; k++)
            body[below(body_size)] = (uint8_t)SOME("\"", "\\", "{", "}", "\n", ",", "\xff")[0];
        (void)read_body(1);
    }
}

static enum status parse_ahead(size_t start_at, size_t size)
{
    struct json_document document;
    struct json_error error;
    return json_parse_named(ahead, &names, slice_make(body + start_at, size), &document, &error);
}

/* What was found ahead is not used for other bytes at the same place: tokens are where they were,
 * but a text holds a byte that none may hold. */
static void a_new_body_at_the_same_place_is_read_anew(void **state)
{
    (void)state;
    body_size = 0;
    put("{\"a\":\"x\"}\n{\"a\":\"x\"}\n");
    json_parser_ahead(ahead, slice_make(body, body_size));
    assert_int_equal(parse_ahead(0, 9), STATUS_OK);
    body[16] = 0xff;
    json_parser_ahead(ahead, slice_make(body, body_size));
    assert_int_equal(parse_ahead(10, 9), STATUS_INVALID_UTF8);
    body[16] = 1;
    json_parser_ahead(ahead, SLICE_EMPTY);
    assert_int_equal(parse_ahead(10, 9), STATUS_MALFORMED);
}

/* text with a space on both sides of every token, into *w. */
static void write_spaced(struct slice text, struct writer *w)
{
    bool inside = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool is_mark = !inside && strchr("{}[]:,", c);
        if (c == '"' && (i == 0 || text.data[i - 1] != '\\'))
            inside = !inside;
        if (is_mark)
            writer_u8(w, ' ');
        writer_u8(w, c);
        if (is_mark)
            writer_u8(w, ' ');
    }
}

static void white_space_changes_no_value(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1 << 20);
    for (size_t i = 0; i < 4; i++) {
        seed = i;
        make_body(i, "\n");
        for (size_t k = 0; k < docs; k++) {
            struct json_document a = {NULL, 0}, b = {NULL, 0};
            struct json_error error;
            struct slice text = document_at(k, 1);
            writer_reset(&w);
            write_spaced(text, &w);
            struct slice wide = writer_slice(&w);
            assert_true(writer_reserve(&w, JSON_PADDING));
            wide.data = w.data;
            enum status status = json_parse_named(ahead, &names, text, &a, &error);
            assert_int_equal(json_parse_named(alone, &names, wide, &b, &error), status);
            assert_int_equal(a.count, b.count);
            for (size_t n = 0; n < a.count; n++)
                assert_same_node(&a.nodes[n], &b.nodes[n]);
        }
    }
    writer_fini(&w);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(bodies_read_alike_ahead),
        CASE(flipped_bytes_read_alike_ahead),
        CASE(a_new_body_at_the_same_place_is_read_anew),
        CASE(white_space_changes_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
