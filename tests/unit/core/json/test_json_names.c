/* Behaviour of core/json/json_names.h and json_parse_named: known keys come with their number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/json/json.h"
#include "core/json/json_names.h"

static struct json_parser *parser;
static struct json_document document;
static struct json_error error;
static char text[4096 + JSON_PADDING];

static int start(void **state)
{
    (void)state;
    parser = json_parser_create(16, 1000);
    return parser ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    json_parser_destroy(parser);
    return 0;
}

static enum status parse(const struct json_names *names, const char *json)
{
    snprintf(text, sizeof text, "%s", json);
    return json_parse_named(parser, names, slice_from_text(text), &document, &error);
}

static void known_keys_are_told_by_number_at_any_depth(void **state)
{
    (void)state;
    static struct json_names names;
    static const unsigned expected[] = {0, 7, 127, 0, 127, 3, 9, 0};
    json_names_add(&names, "id", 127);
    json_names_add(&names, "event_name", 7);
    json_names_add(&names, "id2", 3);
    json_names_add(&names, "severity_source_of_it", 9);
    assert_int_equal(parse(&names, "{\"event_name\":{\"id\":1},\"ID\":2,\"id\":3,\"\\u0069d2\":4,"
                                   "\"severity_source_of_it\":5,\"\":6}"),
                     STATUS_OK);
    assert_int_equal(document.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < document.count; i++)
        assert_int_equal(document.nodes[i].name, expected[i]);
}

static void no_key_is_known_without_names(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL, "{\"id\":1,\"event_name\":2}"), STATUS_OK);
    for (size_t i = 0; i < document.count; i++)
        assert_int_equal(document.nodes[i].name, 0);
}

static void known_keys_that_repeat_in_one_object_are_found(void **state)
{
    (void)state;
    static struct json_names names;
    json_names_add(&names, "id", 64);
    assert_int_equal(parse(&names, "{\"a\":{\"id\":0},\"id\":1,\"b\":[{\"id\":2}]}"), STATUS_OK);
    assert_int_equal(parse(&names, "{\"id\":1,\"b\":2,\"\\u0069d\":3}"), STATUS_DUPLICATE_KEY);
    assert_int_equal(error.offset, 14);
}

static void repeats_are_found_among_many_known_and_unknown_keys(void **state)
{
    (void)state;
    enum { KEYS = 90 };
    static struct json_names names;
    static char keys[KEYS][24];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "%s_%u", i % 3 ? "k" : "a_longer_key_name", i);
        if (i % 2)
            json_names_add(&names, keys[i], i);
    }
    for (unsigned twice = 0; twice <= KEYS; twice++) { /* KEYS: none */
        static char json[4096];
        size_t size = 0;
        for (unsigned i = 0; i < KEYS; i++)
            size += (size_t)snprintf(json + size, sizeof json - size, "%c\"%s\":%u", i ? ',' : '{',
                                     keys[i], i);
        if (twice < KEYS)
            size += (size_t)snprintf(json + size, sizeof json - size, ",\"%s\":0", keys[twice]);
        snprintf(json + size, sizeof json - size, "}");
        assert_int_equal(parse(&names, json), twice < KEYS ? STATUS_DUPLICATE_KEY : STATUS_OK);
    }
}

static void names_that_are_nearly_a_key_are_told_apart(void **state)
{
    (void)state;
    static struct json_names names;
    json_names_add(&names, "severity_source_of_it", 9);
    json_names_add(&names, "ab", 1);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("severity_source_of_it")), 9);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("severity_sxurce_of_it")), 0);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("severity_source_or_it")), 0);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("severity_of_it")), 0);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("ab")), 1);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("a")), 0);
    assert_int_equal(json_names_find(&names, SLICE_LITERAL("abb")), 0);
    assert_int_equal(json_names_find(&names, SLICE_EMPTY), 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(known_keys_are_told_by_number_at_any_depth),
        CASE(no_key_is_known_without_names),
        CASE(known_keys_that_repeat_in_one_object_are_found),
        CASE(repeats_are_found_among_many_known_and_unknown_keys),
        CASE(names_that_are_nearly_a_key_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
