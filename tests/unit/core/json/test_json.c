/* Behaviour of core/json/json.h: what is taken, what is refused and how. */
#include "json_case.h"

#include <math.h>
#include <stdio.h>

static enum status parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void assert_slice(struct slice s, const char *text)
{
    assert_int_equal(s.size, strlen(text));
    assert_memory_equal(s.data, text, s.size);
}

static void flat_object_is_laid_out_in_document_order(void **state)
{
    (void)state;
    assert_int_equal(parse(" {\"a\" : 1, \"b\":[true,null] ,\"c\":\"x\"} "), STATUS_OK);
    assert_int_equal(doc.count, 6);
    assert_int_equal(doc.nodes[0].type, JSON_OBJECT);
    assert_int_equal(doc.nodes[0].span, 6);
    assert_slice(doc.nodes[0].raw, "{\"a\" : 1, \"b\":[true,null] ,\"c\":\"x\"}");
    assert_int_equal(doc.nodes[1].integer, 1);
    assert_slice(doc.nodes[1].key, "a");
    assert_slice(doc.nodes[1].raw, "1");
    assert_int_equal(doc.nodes[2].type, JSON_ARRAY);
    assert_int_equal(doc.nodes[2].span, 3);
    assert_slice(doc.nodes[2].raw, "[true,null]");
    assert_true(doc.nodes[3].boolean);
    assert_false(doc.nodes[3].has_key);
    assert_int_equal(doc.nodes[4].type, JSON_NULL);
    assert_slice(doc.nodes[5].text, "x");
    assert_slice(doc.nodes[5].raw, "\"x\"");
    assert_ptr_equal(json_find(&doc, 0, "c"), &doc.nodes[5]);
    assert_null(json_find(&doc, 0, "d"));
    assert_null(json_find(&doc, 2, "a"));
}

struct valid_case {
    const char *text;
    enum json_type type;
    int64_t integer;
    double real;
    const char *string;
};

static const struct valid_case valid_cases[] = {
    {"0", JSON_INT, 0, 0, NULL},
    {"-0", JSON_INT, 0, 0, NULL},
    {" 42\r\n\t", JSON_INT, 42, 0, NULL},
    {"9223372036854775807", JSON_INT, INT64_MAX, 0, NULL},
    {"-9223372036854775808", JSON_INT, INT64_MIN, 0, NULL},
    {"9223372036854775808", JSON_BIG_UINT, 0, 0, "9223372036854775808"},
    {"18446744073709551615", JSON_BIG_UINT, 0, 0, "18446744073709551615"},
    {"18446744073709551616", JSON_DOUBLE, 0, 18446744073709551616.0, NULL},
    {"-9223372036854775809", JSON_DOUBLE, 0, -9223372036854775809.0, NULL},
    {"123456789012345678901234567890", JSON_DOUBLE, 0, 1.2345678901234568e29, NULL},
    {"0.5", JSON_DOUBLE, 0, 0.5, NULL},
    {"-1.25e2", JSON_DOUBLE, 0, -125, NULL},
    {"1E+2", JSON_DOUBLE, 0, 100, NULL},
    {"1e-400", JSON_DOUBLE, 0, 0, NULL},
    {"0e99999999999999999999", JSON_DOUBLE, 0, 0, NULL},
    {"0.000001e-99999999999999999999", JSON_DOUBLE, 0, 0, NULL},
    {"1.7976931348623157e308", JSON_DOUBLE, 0, 1.7976931348623157e308, NULL},
    {"4.9e-324", JSON_DOUBLE, 0, 4.9e-324, NULL},
    {"true", JSON_BOOL, 0, 0, NULL},
    {"null", JSON_NULL, 0, 0, NULL},
    {"\"\"", JSON_STRING, 0, 0, ""},
    {"\"caf\xc3\xa9\"", JSON_STRING, 0, 0, "caf\xc3\xa9"},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", JSON_STRING, 0, 0, "\"\\/\b\f\n\r\t"},
    {"\"a\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"", JSON_STRING, 0, 0,
     "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"},
    {"\"\\uffff\"", JSON_STRING, 0, 0, "\xef\xbf\xbf"},
    {"\"\x7f\"", JSON_STRING, 0, 0, "\x7f"},
    {"\"0123456789012345678901234567890\\n\"", JSON_STRING, 0, 0,
     "0123456789012345678901234567890\n"},
    {"\"[{,:}]\"", JSON_STRING, 0, 0, "[{,:}]"},
    {"[]", JSON_ARRAY, 0, 0, NULL},
    {"{}", JSON_OBJECT, 0, 0, NULL},
};

static void scalars_are_read_as_the_standard_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof valid_cases / sizeof *valid_cases; i++) {
        const struct valid_case *c = &valid_cases[i];
        if (parse(c->text) != STATUS_OK || doc.count != 1 || doc.nodes[0].type != c->type)
            fail_msg("%s: %s, type %d", c->text, error.detail, doc.nodes[0].type);
        if (c->type == JSON_INT)
            assert_int_equal(doc.nodes[0].integer, c->integer);
        if (c->type == JSON_DOUBLE && doc.nodes[0].real != c->real)
            fail_msg("%s: %.17g", c->text, doc.nodes[0].real);
        if (c->string)
            assert_slice(doc.nodes[0].text, c->string);
    }
}

struct refused_case {
    const char *text;
    enum status status;
    size_t offset;
};

static const struct refused_case refused_cases[] = {
    {"", STATUS_MALFORMED, 0},
    {" \n", STATUS_MALFORMED, 0},
    {"{", STATUS_MALFORMED, 1},
    {"[", STATUS_MALFORMED, 1},
    {"[1", STATUS_MALFORMED, 2},
    {"]", STATUS_MALFORMED, 0},
    {"[1,]", STATUS_MALFORMED, 3},
    {"[,1]", STATUS_MALFORMED, 1},
    {"[1,,2]", STATUS_MALFORMED, 3},
    {"[1 2]", STATUS_MALFORMED, 3},
    {"[1}", STATUS_MALFORMED, 2},
    {"{\"a\":1]", STATUS_MALFORMED, 6},
    {"{\"a\"}", STATUS_MALFORMED, 4},
    {"{\"a\":}", STATUS_MALFORMED, 5},
    {"{\"a\":1,}", STATUS_MALFORMED, 7},
    {"{\"a\" 1}", STATUS_MALFORMED, 5},
    {"{\"a\"::1}", STATUS_MALFORMED, 5},
    {"{,}", STATUS_MALFORMED, 1},
    {"{1:2}", STATUS_MALFORMED, 1},
    {"{a:2}", STATUS_MALFORMED, 1},
    {"{'a':2}", STATUS_MALFORMED, 1},
    {"{\"a\":1 \"b\":2}", STATUS_MALFORMED, 7},
    {"1 2", STATUS_MALFORMED, 2},
    {"{} {}", STATUS_MALFORMED, 3},
    {"{}x", STATUS_MALFORMED, 2},
    {"[]]", STATUS_MALFORMED, 2},
    {"\"a\"\"b\"", STATUS_MALFORMED, 3},
    {"\"a\"b", STATUS_MALFORMED, 3},
    {"01", STATUS_MALFORMED, 0},
    {"-01", STATUS_MALFORMED, 0},
    {"00", STATUS_MALFORMED, 0},
    {"-", STATUS_MALFORMED, 0},
    {"+1", STATUS_MALFORMED, 0},
    {".5", STATUS_MALFORMED, 0},
    {"1.", STATUS_MALFORMED, 0},
    {"1.e2", STATUS_MALFORMED, 0},
    {"1e", STATUS_MALFORMED, 0},
    {"1e+", STATUS_MALFORMED, 0},
    {"1e1.5", STATUS_MALFORMED, 0},
    {"0x1", STATUS_MALFORMED, 0},
    {"1a", STATUS_MALFORMED, 0},
    {"1\"a\"", STATUS_MALFORMED, 0},
    {"--1", STATUS_MALFORMED, 0},
    {"NaN", STATUS_MALFORMED, 0},
    {"nan", STATUS_MALFORMED, 0},
    {"Infinity", STATUS_MALFORMED, 0},
    {"-Infinity", STATUS_MALFORMED, 0},
    {"inf", STATUS_MALFORMED, 0},
    {"tru", STATUS_MALFORMED, 0},
    {"truee", STATUS_MALFORMED, 0},
    {"True", STATUS_MALFORMED, 0},
    {"nul", STATUS_MALFORMED, 0},
    {"1e999", STATUS_OUT_OF_RANGE, 0},
    {"-1e999", STATUS_OUT_OF_RANGE, 0},
    {"[1, 0.001e400]", STATUS_OUT_OF_RANGE, 4},
    {"1e99999999999999999999", STATUS_OUT_OF_RANGE, 0},
    {"\"", STATUS_MALFORMED, 0},
    {"\"abc", STATUS_MALFORMED, 0},
    {"\"abc\\\"", STATUS_MALFORMED, 0},
    {"[\"a\", \"b]", STATUS_MALFORMED, 6},
    {"\"a\nb\"", STATUS_MALFORMED, 2},
    {"\"a\tb\"", STATUS_MALFORMED, 2},
    {"\"a\x1f\"", STATUS_MALFORMED, 2},
    {"\"\\x\"", STATUS_MALFORMED, 1},
    {"\"\\a\"", STATUS_MALFORMED, 1},
    {"\"ab\\u12\"", STATUS_MALFORMED, 3},
    {"\"\\u12G4\"", STATUS_MALFORMED, 1},
    {"\"\\U0041\"", STATUS_MALFORMED, 1},
    {"\"\\ud800\"", STATUS_MALFORMED, 1},
    {"\"\\ud800x\"", STATUS_MALFORMED, 1},
    {"\"\\ud800\\n\"", STATUS_MALFORMED, 1},
    {"\"\\ud800\\u0041\"", STATUS_MALFORMED, 1},
    {"\"\\ud800\\ud800\"", STATUS_MALFORMED, 1},
    {"\"\\ud83d\\ude0\"", STATUS_MALFORMED, 1},
    {"\"x\\udc00\"", STATUS_MALFORMED, 2},
    {"\"\\u0000\"", STATUS_REFUSED, 1},
    {"{\"a\\u0000b\":1}", STATUS_REFUSED, 3},
    {"\"\xff\"", STATUS_INVALID_UTF8, 1},
    {"\"ab\xc3\"", STATUS_INVALID_UTF8, 3},
    {"\"\xc0\xaf\"", STATUS_INVALID_UTF8, 1},
    {"\"\xed\xa0\x80\"", STATUS_INVALID_UTF8, 1},
    {"\"\xf4\x90\x80\x80\"", STATUS_INVALID_UTF8, 1},
    {"\"\xe0\x80\x80\"", STATUS_INVALID_UTF8, 1},
    {"\"\xf0\x80\x80\x80\"", STATUS_INVALID_UTF8, 1},
    {"[\x80]", STATUS_INVALID_UTF8, 1},
    {"\xef\xbb\xbf{}", STATUS_MALFORMED, 0},
    {"{}\x01", STATUS_MALFORMED, 2},
    {"[1\x0c 2]", STATUS_MALFORMED, 2},
    {"[1\x1a]", STATUS_MALFORMED, 2},
    {"[1\xe2\x80\xa8]", STATUS_MALFORMED, 1},
    {"/**/1", STATUS_MALFORMED, 0},
    {"{\"a\":1,\"a\":2}", STATUS_DUPLICATE_KEY, 7},
    {"{\"a\":{\"b\":[],\"c\":1,\"b\":3}}", STATUS_DUPLICATE_KEY, 19},
    {"{\"a\":1,\"\\u0061\":2}", STATUS_DUPLICATE_KEY, 7},
    {"{\"\":1,\"\":2}", STATUS_DUPLICATE_KEY, 6},
};

static void malformed_documents_are_refused_with_status_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused_cases / sizeof *refused_cases; i++) {
        const struct refused_case *c = &refused_cases[i];
        enum status status = parse(c->text);
        if (status != c->status || error.offset != c->offset || !error.detail)
            fail_msg("case %zu %s: %s at %zu, %s", i, c->text, status_text(status), error.offset,
                     error.detail);
    }
}

static void nul_bytes_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    assert_int_equal(parse_bytes("\"a\0b\"", 5), STATUS_MALFORMED);
    assert_int_equal(parse_bytes("[1]\0", 4), STATUS_MALFORMED);
    assert_int_equal(parse_bytes("\0", 1), STATUS_MALFORMED);
    assert_int_equal(parse_bytes("[\0]", 3), STATUS_MALFORMED);
    assert_int_equal(parse_bytes("{\"a\0\":1}", 8), STATUS_MALFORMED);
}

static void failure_leaves_the_document_untouched(void **state)
{
    (void)state;
    struct json_document mark = {NULL, 77};
    doc = mark;
    assert_int_equal(parse("[1,]"), STATUS_MALFORMED);
    assert_int_equal(doc.count, 77);
}

static void same_key_in_different_objects_is_fine(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2},\"c\":[{\"a\":1},{\"a\":1}]}"),
                     STATUS_OK);
}

static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = 0;
    return text;
}

static void nesting_is_taken_up_to_the_limit(void **state)
{
    (void)state;
    char *text = nested(DEPTH);
    assert_int_equal(parse(text), STATUS_OK);
    assert_int_equal(doc.count, DEPTH);
    free(text);
    text = nested(DEPTH + 1);
    assert_int_equal(parse(text), STATUS_TOO_DEEP);
    assert_int_equal(error.offset, DEPTH);
    free(text);
}

static void a_mebibyte_of_brackets_is_refused(void **state)
{
    (void)state;
    char *text = malloc(1 << 20);
    memset(text, '[', 1 << 20);
    assert_int_equal(parse_bytes(text, 1 << 20), STATUS_TOO_DEEP);
    for (size_t i = 0; i < 1 << 20; i++)
        text[i] = "{\"a\":"[i % 5];
    assert_int_equal(parse_bytes(text, 1 << 20), STATUS_TOO_DEEP);
    free(text);
}

static void values_over_the_node_limit_are_refused(void **state)
{
    (void)state;
    struct json_parser *kept = parser;
    parser = json_parser_create(4, 5);
    assert_int_equal(parse("[1,2,3,4]"), STATUS_OK);
    assert_int_equal(parse("[1,2,3,4,5]"), STATUS_TOO_MANY);
    assert_int_equal(parse("[1]"), STATUS_OK);
    json_parser_destroy(parser);
    parser = kept;
}

/* {"k0":0, … } of n members; the last key is `last` when given. */
static char *wide_object(size_t n, const char *last)
{
    char *text = malloc(n * 20 + 20), *at = text;
    for (size_t i = 0; i < n; i++)
        if (last && i + 1 == n)
            at += snprintf(at, 20, "%c\"%s\":1", i ? ',' : '{', last);
        else
            at += snprintf(at, 20, "%c\"k%zu\":%zu", i ? ',' : '{', i, i);
    snprintf(at, 2, "}");
    return text;
}

static void duplicate_keys_are_found_in_objects_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 20, 47, 48, 49, 50, 64, 100, 1000, 50000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        char *text = wide_object(n, NULL);
        assert_int_equal(parse(text), STATUS_OK);
        assert_int_equal(doc.count, n + 1);
        free(text);
        char key[20];
        size_t repeated[] = {0, n / 2, n - 2};
        for (size_t k = 0; k < 3; k++) {
            if (repeated[k] + 1 >= n)
                continue;
            snprintf(key, sizeof key, "k%zu", repeated[k]);
            text = wide_object(n, key);
            if (parse(text) != STATUS_DUPLICATE_KEY)
                fail_msg("%zu members, repeated %s", n, key);
            free(text);
        }
    }
}

static void a_parser_can_be_used_again_after_any_document(void **state)
{
    (void)state;
    char *big = wide_object(30000, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(parse("{\"a\":\"\\n\"}"), STATUS_OK);
        assert_slice(doc.nodes[1].text, "\n");
        assert_int_equal(parse(big), STATUS_OK);
        assert_int_equal(parse("[[["), STATUS_MALFORMED);
        assert_int_equal(parse("\"\xff\""), STATUS_INVALID_UTF8);
    }
    free(big);
}

static void every_prefix_and_every_flip_is_answered(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\":\"7f3a-118\",\"n\":[1,-2.5e3,true,null,{\"x\":\"\\u00e9\\\\\"}],"
        "\"big\":18446744073709551615,\"t\":\"caf\xc3\xa9\"}";
    size_t size = sizeof text - 1;
    assert_int_equal(parse_bytes(text, size), STATUS_OK);
    for (size_t n = 0; n < size; n++)
        assert_int_not_equal(parse_bytes(text, n), STATUS_OK);
    char changed[sizeof text];
    for (size_t n = 0; n < size; n++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(changed, text, size);
            changed[n] = (char)(changed[n] ^ 1 << bit);
            if (parse_bytes(changed, size) != STATUS_OK)
                assert_non_null(error.detail);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flat_object_is_laid_out_in_document_order),
        cmocka_unit_test(scalars_are_read_as_the_standard_says),
        cmocka_unit_test(malformed_documents_are_refused_with_status_and_place),
        cmocka_unit_test(nul_bytes_are_refused_wherever_they_stand),
        cmocka_unit_test(failure_leaves_the_document_untouched),
        cmocka_unit_test(same_key_in_different_objects_is_fine),
        cmocka_unit_test(nesting_is_taken_up_to_the_limit),
        cmocka_unit_test(a_mebibyte_of_brackets_is_refused),
        cmocka_unit_test(values_over_the_node_limit_are_refused),
        cmocka_unit_test(duplicate_keys_are_found_in_objects_of_any_size),
        cmocka_unit_test(a_parser_can_be_used_again_after_any_document),
        cmocka_unit_test(every_prefix_and_every_flip_is_answered),
    };
    return cmocka_run_group_tests(tests, parser_start, parser_end);
}
