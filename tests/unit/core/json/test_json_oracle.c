/* core/json/json.h and jansson read the same documents: those that a grammar makes, and the edges
 * of RFC 8259, named as in collections of such cases: y_ the grammar takes it, n_ it does not, i_
 * it leaves it to the reader. */
/* jansson has enumerators of the same names. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_NULL   JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_NULL

#include "json_case.h"

static json_t *read_with_jansson(const void *data, size_t size)
{
    json_error_t why;
    return json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
}

static size_t assert_same(size_t at, const json_t *value)
{
    const struct json_node *node = &doc.nodes[at];
    size_t next = at + 1;
    switch (node->type) {
    case JSON_OBJECT:
        assert_int_equal(json_typeof(value), JANSSON_OBJECT);
        for (; next < at + node->span; next += doc.nodes[next].span) {
            struct slice key = doc.nodes[next].key;
            const json_t *member = json_object_getn(value, (const char *)key.data, key.size);
            assert_non_null(member);
            assert_same(next, member);
        }
        break;
    case JSON_ARRAY:
        assert_int_equal(json_typeof(value), JANSSON_ARRAY);
        for (size_t i = 0; next < at + node->span; next += doc.nodes[next].span)
            assert_same(next, json_array_get(value, i++));
        break;
    case JSON_STRING:
        assert_int_equal(node->text.size, json_string_length(value));
        assert_memory_equal(node->text.data, json_string_value(value), node->text.size);
        break;
    case JSON_INT:
        assert_int_equal(node->integer, json_integer_value(value));
        break;
    case JSON_DOUBLE:
        assert_true(node->real == json_number_value(value));
        break;
    case JSON_BOOL:
        assert_int_equal(node->boolean, json_is_true(value));
        break;
    default:
        assert_int_equal(json_typeof(value), JANSSON_NULL);
    }
    assert_int_equal(next, at + node->span);
    return next;
}

/* ---- the edges of RFC 8259 ---- */

static const struct edge {
    const char *name;
    struct slice text;
    bool we_take, jansson_takes;
    const char *why; /* of what the grammar does not decide, or where we do not follow it */
} edges[] = {
    {"y_array_empty", SLICE_LITERAL("[]"), true, true, NULL},
    {"y_array_with_spaces", SLICE_LITERAL("[ ]"), true, true, NULL},
    {"y_array_of_an_empty_string", SLICE_LITERAL("[\"\"]"), true, true, NULL},
    {"y_array_in_arrays", SLICE_LITERAL("[[[[]]]]"), true, true, NULL},
    {"y_array_ends_with_newline", SLICE_LITERAL("[\"a\"]\n"), true, true, NULL},
    {"y_array_heterogeneous", SLICE_LITERAL("[null, 1, \"1\", {}, [], true]"), true, true, NULL},
    {"y_array_null", SLICE_LITERAL("[null]"), true, true, NULL},
    {"y_array_leading_space", SLICE_LITERAL(" [1]"), true, true, NULL},
    {"y_array_with_several_nulls", SLICE_LITERAL("[1,null,null,null,2]"), true, true, NULL},
    {"y_array_trailing_space", SLICE_LITERAL("[2] "), true, true, NULL},
    {"y_number_zero", SLICE_LITERAL("0"), true, true, NULL},
    {"y_number_minus_zero", SLICE_LITERAL("-0"), true, true, NULL},
    {"y_number_minus_zero_fraction", SLICE_LITERAL("-0.0"), true, true, NULL},
    {"y_number_one_digit", SLICE_LITERAL("[9]"), true, true, NULL},
    {"y_number_negative", SLICE_LITERAL("[-123]"), true, true, NULL},
    {"y_number_exponent", SLICE_LITERAL("[1E22]"), true, true, NULL},
    {"y_number_exponent_minus", SLICE_LITERAL("[1E-2]"), true, true, NULL},
    {"y_number_exponent_plus", SLICE_LITERAL("[1E+2]"), true, true, NULL},
    {"y_number_zero_exponent", SLICE_LITERAL("[0e+1]"), true, true, NULL},
    {"y_number_zero_exponent_short", SLICE_LITERAL("[0e1]"), true, true, NULL},
    {"y_number_fraction_exponent", SLICE_LITERAL("[123.456e78]"), true, true, NULL},
    {"y_number_after_space", SLICE_LITERAL("[ 4]"), true, true, NULL},
    {"y_number_near_zero",
     SLICE_LITERAL(
         "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]"),
     true, true, NULL},
    {"y_number_many_digits", SLICE_LITERAL("[123.4567890123456789012345678901234567890]"), true,
     true, NULL},
    {"y_number_int64_max", SLICE_LITERAL("[9223372036854775807]"), true, true, NULL},
    {"y_number_int64_min", SLICE_LITERAL("[-9223372036854775808]"), true, true, NULL},
    {"y_number_smallest_normal", SLICE_LITERAL("[2.2250738585072014e-308]"), true, true, NULL},
    {"y_number_largest_double", SLICE_LITERAL("[1.7976931348623157e308]"), true, true, NULL},
    {"y_number_half_way", SLICE_LITERAL("[9007199254740993.0]"), true, true, NULL},
    {"y_object_empty", SLICE_LITERAL("{}"), true, true, NULL},
    {"y_object_empty_key", SLICE_LITERAL("{\"\":0}"), true, true, NULL},
    {"y_object_basic", SLICE_LITERAL("{\"asd\":\"sdf\"}"), true, true, NULL},
    {"y_object_two_keys", SLICE_LITERAL("{\"a\":\"b\",\"c\":\"d\"}"), true, true, NULL},
    {"y_object_long_strings",
     SLICE_LITERAL("{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], \"id\": "
                   "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"),
     true, true, NULL},
    {"y_object_escaped_key", SLICE_LITERAL("{\"\\u0066oo\":1}"), true, true, NULL},
    {"y_object_newlines", SLICE_LITERAL("{\n\"a\":\n1\n}"), true, true, NULL},
    {"y_object_same_key_in_different_ones", SLICE_LITERAL("{\"a\":{\"a\":{\"a\":1}}}"), true, true,
     NULL},
    {"y_string_empty", SLICE_LITERAL("\"\""), true, true, NULL},
    {"y_string_simple_escapes", SLICE_LITERAL("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"), true, true,
     NULL},
    {"y_string_escaped_u", SLICE_LITERAL("[\"\\u0060\\u012a\\u12AB\"]"), true, true, NULL},
    {"y_string_surrogates", SLICE_LITERAL("[\"\\uD801\\udc37\"]"), true, true, NULL},
    {"y_string_two_pairs", SLICE_LITERAL("[\"\\ud83d\\ude39\\ud83d\\udc8d\"]"), true, true, NULL},
    {"y_string_backslash_u", SLICE_LITERAL("[\"\\\\u0000\"]"), true, true, NULL},
    {"y_string_escaped_control", SLICE_LITERAL("[\"\\u0012\"]"), true, true, NULL},
    {"y_string_noncharacter_escape", SLICE_LITERAL("[\"\\uFFFF\"]"), true, true, NULL},
    {"y_string_last_noncharacter", SLICE_LITERAL("[\"\\uDBFF\\uDFFE\"]"), true, true, NULL},
    {"y_string_noncharacter_raw", SLICE_LITERAL("[\"\xef\xbf\xbf\"]"), true, true, NULL},
    {"y_string_two_bytes", SLICE_LITERAL("[\"\xd0\xb1\"]"), true, true, NULL},
    {"y_string_three_bytes", SLICE_LITERAL("[\"\xe2\x8d\x82\"]"), true, true, NULL},
    {"y_string_four_bytes", SLICE_LITERAL("[\"\xf0\x9d\x84\x9e\"]"), true, true, NULL},
    {"y_string_del", SLICE_LITERAL("[\"\x7f\"]"), true, true, NULL},
    {"y_string_line_separators", SLICE_LITERAL("[\"\xe2\x80\xa8\xe2\x80\xa9\"]"), true, true, NULL},
    {"y_string_no_break_space", SLICE_LITERAL("[\"\xc2\xa0\"]"), true, true, NULL},
    {"y_string_bom_inside", SLICE_LITERAL("[\"\xef\xbb\xbf\"]"), true, true, NULL},
    {"y_string_slash", SLICE_LITERAL("[\"a/*b*/c/*d//e\"]"), true, true, NULL},
    {"y_string_comma_and_colon", SLICE_LITERAL("[\"a,b:c\"]"), true, true, NULL},
    {"y_string_brackets", SLICE_LITERAL("[\"{[]}\"]"), true, true, NULL},
    {"y_string_single_quote", SLICE_LITERAL("[\"'\"]"), true, true, NULL},
    {"y_value_true_alone", SLICE_LITERAL("true"), true, true, NULL},
    {"y_value_false_alone", SLICE_LITERAL("false"), true, true, NULL},
    {"y_value_null_alone", SLICE_LITERAL("null"), true, true, NULL},
    {"y_value_string_alone", SLICE_LITERAL("\"asd\""), true, true, NULL},
    {"y_value_number_alone", SLICE_LITERAL("-0.1"), true, true, NULL},
    {"y_space_around", SLICE_LITERAL("\t\r\n [] \t\r\n"), true, true, NULL},
    {"y_space_between_all_tokens", SLICE_LITERAL("[ { \"a\" : [ 1 , 2 ] } , 3 ]"), true, true,
     NULL},
    {"n_array_a_word", SLICE_LITERAL("[a]"), false, false, NULL},
    {"n_array_colon", SLICE_LITERAL("[1:2]"), false, false, NULL},
    {"n_array_comma_after_close", SLICE_LITERAL("[\"\"],"), false, false, NULL},
    {"n_array_comma_and_number", SLICE_LITERAL("[,1]"), false, false, NULL},
    {"n_array_double_comma", SLICE_LITERAL("[1,,2]"), false, false, NULL},
    {"n_array_double_extra_comma", SLICE_LITERAL("[\"x\",,]"), false, false, NULL},
    {"n_array_extra_close", SLICE_LITERAL("[\"x\"]]"), false, false, NULL},
    {"n_array_extra_comma", SLICE_LITERAL("[\"\",]"), false, false, NULL},
    {"n_array_incomplete", SLICE_LITERAL("[\"x\""), false, false, NULL},
    {"n_array_inner_without_comma", SLICE_LITERAL("[3[4]]"), false, false, NULL},
    {"n_array_just_comma", SLICE_LITERAL("[,]"), false, false, NULL},
    {"n_array_just_minus", SLICE_LITERAL("[-]"), false, false, NULL},
    {"n_array_missing_value", SLICE_LITERAL("[   , \"\"]"), false, false, NULL},
    {"n_array_items_without_comma", SLICE_LITERAL("[1 true]"), false, false, NULL},
    {"n_array_newlines_unclosed", SLICE_LITERAL("[\"a\",\n4\n,1,"), false, false, NULL},
    {"n_array_number_and_comma", SLICE_LITERAL("[1,]"), false, false, NULL},
    {"n_array_spaces_vertical_tab",
     SLICE_LITERAL("[\"\x0b"
                   "a\"\\f]"),
     false, false, NULL},
    {"n_array_star", SLICE_LITERAL("[*]"), false, false, NULL},
    {"n_array_unclosed", SLICE_LITERAL("[\"\""), false, false, NULL},
    {"n_array_unclosed_with_object", SLICE_LITERAL("[{}"), false, false, NULL},
    {"n_array_unclosed_trailing_comma", SLICE_LITERAL("[1,"), false, false, NULL},
    {"n_array_closed_by_brace", SLICE_LITERAL("[1}"), false, false, NULL},
    {"n_word_incomplete_false", SLICE_LITERAL("[fals]"), false, false, NULL},
    {"n_word_incomplete_null", SLICE_LITERAL("[nul]"), false, false, NULL},
    {"n_word_incomplete_true", SLICE_LITERAL("[tru]"), false, false, NULL},
    {"n_word_capital", SLICE_LITERAL("[True]"), false, false, NULL},
    {"n_word_long", SLICE_LITERAL("[nulll]"), false, false, NULL},
    {"n_word_two", SLICE_LITERAL("[true false]"), false, false, NULL},
    {"n_number_plus", SLICE_LITERAL("[+1]"), false, false, NULL},
    {"n_number_double_minus", SLICE_LITERAL("[--1]"), false, false, NULL},
    {"n_number_minus_space", SLICE_LITERAL("[- 1]"), false, false, NULL},
    {"n_number_leading_zero", SLICE_LITERAL("[012]"), false, false, NULL},
    {"n_number_minus_leading_zero", SLICE_LITERAL("[-012]"), false, false, NULL},
    {"n_number_point_first", SLICE_LITERAL("[.123]"), false, false, NULL},
    {"n_number_minus_point", SLICE_LITERAL("[-.123]"), false, false, NULL},
    {"n_number_point_last", SLICE_LITERAL("[1.]"), false, false, NULL},
    {"n_number_point_exponent", SLICE_LITERAL("[1.e1]"), false, false, NULL},
    {"n_number_minus_point_last", SLICE_LITERAL("[-2.]"), false, false, NULL},
    {"n_number_two_points", SLICE_LITERAL("[1.2.3]"), false, false, NULL},
    {"n_number_exponent_empty", SLICE_LITERAL("[1e]"), false, false, NULL},
    {"n_number_exponent_capital_empty", SLICE_LITERAL("[1E]"), false, false, NULL},
    {"n_number_exponent_sign_only", SLICE_LITERAL("[1e+]"), false, false, NULL},
    {"n_number_two_exponents", SLICE_LITERAL("[1e1e1]"), false, false, NULL},
    {"n_number_exponent_fraction", SLICE_LITERAL("[1e1.5]"), false, false, NULL},
    {"n_number_hex", SLICE_LITERAL("[0x42]"), false, false, NULL},
    {"n_number_octal_like", SLICE_LITERAL("[0o7]"), false, false, NULL},
    {"n_number_infinity", SLICE_LITERAL("[Infinity]"), false, false, NULL},
    {"n_number_minus_infinity", SLICE_LITERAL("[-Infinity]"), false, false, NULL},
    {"n_number_nan", SLICE_LITERAL("[NaN]"), false, false, NULL},
    {"n_number_minus_nan", SLICE_LITERAL("[-NaN]"), false, false, NULL},
    {"n_number_with_letter", SLICE_LITERAL("[1a]"), false, false, NULL},
    {"n_number_with_space", SLICE_LITERAL("[1 000]"), false, false, NULL},
    {"n_number_underscore", SLICE_LITERAL("[1_000]"), false, false, NULL},
    {"n_number_full_width_digit", SLICE_LITERAL("[\xef\xbc\x91]"), false, false, NULL},
    {"n_number_expression", SLICE_LITERAL("[1+2]"), false, false, NULL},
    {"n_number_then_quote", SLICE_LITERAL("[1\"2\"]"), false, false, NULL},
    {"n_number_zero_zero", SLICE_LITERAL("[00]"), false, false, NULL},
    {"n_object_bad_value", SLICE_LITERAL("[\"x\", truth]"), false, false, NULL},
    {"n_object_key_in_brackets", SLICE_LITERAL("{[: \"x\"}"), false, false, NULL},
    {"n_object_comma_for_colon", SLICE_LITERAL("{\"x\", null}"), false, false, NULL},
    {"n_object_double_colon", SLICE_LITERAL("{\"x\"::\"b\"}"), false, false, NULL},
    {"n_object_emoji_key", SLICE_LITERAL("{\xf0\x9f\x87\xa8\xf0\x9f\x87\xad}"), false, false, NULL},
    {"n_object_key_single_quotes", SLICE_LITERAL("{key: 'value'}"), false, false, NULL},
    {"n_object_missing_colon", SLICE_LITERAL("{\"a\" b}"), false, false, NULL},
    {"n_object_missing_key", SLICE_LITERAL("{:\"b\"}"), false, false, NULL},
    {"n_object_missing_value", SLICE_LITERAL("{\"a\":"), false, false, NULL},
    {"n_object_no_colon", SLICE_LITERAL("{\"a\""), false, false, NULL},
    {"n_object_non_string_key", SLICE_LITERAL("{1:1}"), false, false, NULL},
    {"n_object_null_key", SLICE_LITERAL("{null:null}"), false, false, NULL},
    {"n_object_several_trailing_commas", SLICE_LITERAL("{\"id\":0,,,,,}"), false, false, NULL},
    {"n_object_single_quote", SLICE_LITERAL("{'a':0}"), false, false, NULL},
    {"n_object_trailing_comma", SLICE_LITERAL("{\"id\":0,}"), false, false, NULL},
    {"n_object_trailing_comment", SLICE_LITERAL("{\"a\":\"b\"}/**/"), false, false, NULL},
    {"n_object_trailing_slash", SLICE_LITERAL("{\"a\":\"b\"}//"), false, false, NULL},
    {"n_object_two_commas", SLICE_LITERAL("{\"a\":\"b\",,\"c\":\"d\"}"), false, false, NULL},
    {"n_object_unquoted_key", SLICE_LITERAL("{a: \"b\"}"), false, false, NULL},
    {"n_object_unterminated_value", SLICE_LITERAL("{\"a\":\"a"), false, false, NULL},
    {"n_object_closed_by_bracket", SLICE_LITERAL("{\"a\":1]"), false, false, NULL},
    {"n_object_with_single_string", SLICE_LITERAL("{ \"foo\" : \"bar\", \"a\" }"), false, false,
     NULL},
    {"n_object_trailing_content", SLICE_LITERAL("{\"a\":\"b\"}#"), false, false, NULL},
    {"n_object_repeated_close", SLICE_LITERAL("{}}"), false, false, NULL},
    {"n_string_one_quote", SLICE_LITERAL("\""), false, false, NULL},
    {"n_string_unclosed", SLICE_LITERAL("[\"a]"), false, false, NULL},
    {"n_string_single_quotes", SLICE_LITERAL("['a']"), false, false, NULL},
    {"n_string_backslash_only", SLICE_LITERAL("[\"\\\"]"), false, false, NULL},
    {"n_string_backslash_at_the_end", SLICE_LITERAL("[\"a\\"), false, false, NULL},
    {"n_string_escape_x", SLICE_LITERAL("[\"\\x00\"]"), false, false, NULL},
    {"n_string_escape_a", SLICE_LITERAL("[\"\\a\"]"), false, false, NULL},
    {"n_string_escape_quote", SLICE_LITERAL("[\"\\'\"]"), false, false, NULL},
    {"n_string_escape_emoji", SLICE_LITERAL("[\"\\\xf0\x9f\x8c\x80\"]"), false, false, NULL},
    {"n_string_escape_space", SLICE_LITERAL("[\"\\ \"]"), false, false, NULL},
    {"n_string_escape_digit", SLICE_LITERAL("[\"\\0\"]"), false, false, NULL},
    {"n_string_incomplete_u", SLICE_LITERAL("[\"\\u00A\"]"), false, false, NULL},
    {"n_string_bad_u", SLICE_LITERAL("[\"\\u00G0\"]"), false, false, NULL},
    {"n_string_capital_u", SLICE_LITERAL("[\"\\U0041\"]"), false, false, NULL},
    {"n_string_u_with_braces", SLICE_LITERAL("[\"\\u{41}\"]"), false, false, NULL},
    {"n_string_pair_cut", SLICE_LITERAL("[\"\\uD834\\uDd\"]"), false, false, NULL},
    {"n_string_raw_newline", SLICE_LITERAL("[\"new\nline\"]"), false, false, NULL},
    {"n_string_raw_tab", SLICE_LITERAL("[\"\t\"]"), false, false, NULL},
    {"n_string_raw_1f", SLICE_LITERAL("[\"\x1f\"]"), false, false, NULL},
    {"n_string_raw_nul",
     SLICE_LITERAL("[\"a\x00"
                   "b\"]"),
     false, false, NULL},
    {"n_string_unescaped_backspace", SLICE_LITERAL("[\"\x08\"]"), false, false, NULL},
    {"n_value_empty", SLICE_LITERAL(""), false, false, NULL},
    {"n_value_space_only", SLICE_LITERAL(" "), false, false, NULL},
    {"n_value_two", SLICE_LITERAL("1 2"), false, false, NULL},
    {"n_value_two_objects", SLICE_LITERAL("{}{}"), false, false, NULL},
    {"n_value_word", SLICE_LITERAL("abc"), false, false, NULL},
    {"n_value_comma", SLICE_LITERAL(","), false, false, NULL},
    {"n_value_close_first", SLICE_LITERAL("]"), false, false, NULL},
    {"n_value_angle_brackets", SLICE_LITERAL("<.>"), false, false, NULL},
    {"n_value_comment_before", SLICE_LITERAL("/**/[]"), false, false, NULL},
    {"n_value_line_comment", SLICE_LITERAL("//\n[]"), false, false, NULL},
    {"n_value_hash", SLICE_LITERAL("#[]"), false, false, NULL},
    {"n_value_nul_after", SLICE_LITERAL("[]\x00"), false, false, NULL},
    {"n_value_nul_before", SLICE_LITERAL("\x00[]"), false, false, NULL},
    {"n_value_nul_between", SLICE_LITERAL("[1\x00]"), false, true,
     "jansson overlooks a byte 0 behind a number"},
    {"n_space_form_feed", SLICE_LITERAL("[\x0c]"), false, false, NULL},
    {"n_space_vertical_tab", SLICE_LITERAL("[\x0b]"), false, false, NULL},
    {"n_space_no_break", SLICE_LITERAL("[\xc2\xa0]"), false, false, NULL},
    {"n_space_word_joiner", SLICE_LITERAL("[\xe2\x81\xa0]"), false, false, NULL},
    {"n_space_line_separator", SLICE_LITERAL("[\xe2\x80\xa8]"), false, false, NULL},
    {"n_space_nel", SLICE_LITERAL("[\xc2\x85]"), false, false, NULL},
    {"n_utf8_overlong_two_bytes", SLICE_LITERAL("[\"\xc0\xaf\"]"), false, false, NULL},
    {"n_utf8_overlong_three", SLICE_LITERAL("[\"\xe0\x80\xaf\"]"), false, false, NULL},
    {"n_utf8_overlong_six", SLICE_LITERAL("[\"\xfc\x83\xbf\xbf\xbf\xbf\"]"), false, false, NULL},
    {"n_utf8_surrogate", SLICE_LITERAL("[\"\xed\xa0\x80\"]"), false, false, NULL},
    {"n_utf8_above_10ffff", SLICE_LITERAL("[\"\xf4\xbf\xbf\xbf\"]"), false, false, NULL},
    {"n_utf8_lone_continuation", SLICE_LITERAL("[\"\x81\"]"), false, false, NULL},
    {"n_utf8_cut", SLICE_LITERAL("[\"\xe0\xff\"]"), false, false, NULL},
    {"n_utf8_cut_at_the_end", SLICE_LITERAL("[\"\xe2\x82"), false, false, NULL},
    {"n_utf8_ff", SLICE_LITERAL("[\"\xff\"]"), false, false, NULL},
    {"n_utf8_latin1", SLICE_LITERAL("[\"\xe9\"]"), false, false, NULL},
    {"n_utf8_outside_string", SLICE_LITERAL("[\xe5]"), false, false, NULL},
    {"n_utf16_little", SLICE_LITERAL("[\x00\"\x00\xe9\x00\"\x00]\x00"), false, false, NULL},
    {"n_utf16_mark", SLICE_LITERAL("\xff\xfe[\x00]\x00"), false, false, NULL},
    {"n_mark_cut", SLICE_LITERAL("\xef\xbb{}"), false, false, NULL},
    {"i_number_uint64_max", SLICE_LITERAL("[18446744073709551615]"), true, false,
     "jansson has 64 bits with a sign"},
    {"i_number_int64_max_and_one", SLICE_LITERAL("[9223372036854775808]"), true, false,
     "jansson has 64 bits with a sign"},
    {"i_number_uint64_max_and_one", SLICE_LITERAL("[18446744073709551616]"), true, false,
     "kept as a double, its digits in raw"},
    {"i_number_int64_min_less_one", SLICE_LITERAL("[-9223372036854775809]"), true, false,
     "kept as a double, its digits in raw"},
    {"i_number_huge_integer", SLICE_LITERAL("[100000000000000000000000000000000000000000]"), true,
     false, "kept as a double, its digits in raw"},
    {"i_number_overflow", SLICE_LITERAL("[1e400]"), false, false, "no double"},
    {"i_number_minus_overflow", SLICE_LITERAL("[-1e9999]"), false, false, "no double"},
    {"i_number_huge_exponent",
     SLICE_LITERAL("[0."
                   "4e00669999999999999999999999999999999999999999999999999999999999999999999999999"
                   "999999999999999999969999999006]"),
     false, false, "no double"},
    {"i_number_underflow", SLICE_LITERAL("[1e-400]"), true, true, "0"},
    {"i_number_denormal", SLICE_LITERAL("[4.9e-324]"), true, true, "the smallest double"},
    {"i_number_zero_huge_exponent", SLICE_LITERAL("[0e9999]"), true, true, "0"},
    {"y_string_nul_escape", SLICE_LITERAL("[\"\\u0000\"]"), false, false,
     "PostgreSQL can store no U+0000"},
    {"y_object_key_nul_escape", SLICE_LITERAL("{\"\\u0000\":1}"), false, false,
     "PostgreSQL can store no U+0000"},
    {"i_string_lone_high_surrogate", SLICE_LITERAL("[\"\\uD800\"]"), false, false, "no character"},
    {"i_string_lone_low_surrogate", SLICE_LITERAL("[\"\\uDC00\"]"), false, false, "no character"},
    {"i_string_swapped_surrogates", SLICE_LITERAL("[\"\\uDC00\\uD800\"]"), false, false,
     "no character"},
    {"i_string_two_high_surrogates", SLICE_LITERAL("[\"\\uD800\\uD800\"]"), false, false,
     "no character"},
    {"i_string_high_surrogate_then_letter", SLICE_LITERAL("[\"\\uD800a\"]"), false, false,
     "no character"},
    {"i_string_high_surrogate_then_escape", SLICE_LITERAL("[\"\\uD800\\n\"]"), false, false,
     "no character"},
    {"i_object_duplicate_key", SLICE_LITERAL("{\"a\":1,\"a\":2}"), false, false,
     "readers differ in which one counts"},
    {"i_object_duplicate_key_and_value", SLICE_LITERAL("{\"a\":1,\"a\":1}"), false, false,
     "readers differ in which one counts"},
    {"i_object_duplicate_key_escaped", SLICE_LITERAL("{\"a\":1,\"\\u0061\":2}"), false, false,
     "readers differ in which one counts"},
    {"i_object_duplicate_key_inside", SLICE_LITERAL("[{\"b\":{\"a\":1,\"b\":2,\"a\":3}}]"), false,
     false, "readers differ in which one counts"},
    {"i_mark_before", SLICE_LITERAL("\xef\xbb\xbf{}"), false, false,
     "the splitter takes a byte order mark away"},
    {"i_depth_at_the_limit",
     SLICE_LITERAL("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), true, true,
     "DEPTH"},
    {"i_depth_over_the_limit",
     SLICE_LITERAL("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), false,
     true, "DEPTH"},
};

static void edges_of_the_grammar_are_judged_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        const struct edge *e = &edges[i];
        assert_true(e->why ||
                    (e->we_take == (e->name[0] == 'y') && e->jansson_takes == e->we_take));
        json_t *value = read_with_jansson(e->text.data, e->text.size);
        enum status status = parse_bytes(e->text.data, e->text.size);
        if ((status == STATUS_OK) != e->we_take)
            fail_msg("%s: %s (%s)", e->name, status_text(status), error.detail);
        if (status != STATUS_OK)
            assert_non_null(error.detail);
        if ((value != NULL) != e->jansson_takes)
            fail_msg("%s: jansson %s it", e->name, value ? "takes" : "refuses");
        if (value && status == STATUS_OK)
            assert_same(0, value);
        json_decref(value);
    }
}

static void no_edge_stands_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(edges[i].name, edges[k].name);
            if (slice_equal(edges[i].text, edges[k].text))
                fail_msg("%s is %s", edges[i].name, edges[k].name);
        }
}

/* ---- documents that a grammar makes ---- */

static uint64_t seed = 42;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

struct text {
    char data[8192];
    size_t size;
};

static void add(struct text *t, const char *s)
{
    size_t n = strlen(s);
    if (t->size + n < sizeof t->data) {
        memcpy(t->data + t->size, s, n);
        t->size += n;
    }
}

static void add_string(struct text *t)
{
    static const char *const pieces[] = {"a",
                                         "bc",
                                         "\\n",
                                         "\\u00e9",
                                         "\xc3\xa9",
                                         "\\\"",
                                         "z z",
                                         "\\ud83d\\ude00",
                                         "\\/",
                                         "key",
                                         "0123456789abcdef",
                                         "\\\\",
                                         "",
                                         ","};
    add(t, "\"");
    for (unsigned n = below(5); n > 0; n--)
        add(t, pieces[below(sizeof pieces / sizeof *pieces)]);
    add(t, "\"");
}

static void add_value(struct text *t, unsigned depth)
{
    static const char *const scalars[] = {"0",     "-1",    "123456",
                                          "1.5",   "-2e-3", "true",
                                          "false", "null",  "9223372036854775807",
                                          "1e10",  "0.1",   "3.141592653589793"};
    unsigned kind = below(depth < 5 ? 5 : 3);
    if (kind < 2)
        add(t, scalars[below(sizeof scalars / sizeof *scalars)]);
    else if (kind == 2)
        add_string(t);
    else {
        bool object = kind == 4;
        add(t, object ? "{" : "[");
        for (unsigned i = 0, n = below(5); i < n; i++) {
            add(t, i ? (below(4) ? "," : " ,\n") : "");
            if (object) {
                add_string(t);
                add(t, below(4) ? ":" : " : ");
            }
            add_value(t, depth + 1);
        }
        add(t, object ? "}" : "]");
    }
}

/* jansson keeps real and integer apart as we do; it refuses what we refuse but for integers over
 * 2^63, which the set has none of. */
static void generated_documents_are_read_as_jansson_reads_them(void **state)
{
    (void)state;
    size_t taken = 0, refused = 0;
    for (int round = 0; round < 20000; round++) {
        struct text t = {.size = 0};
        add_value(&t, 0);
        if (t.size && below(3) == 0) /* damage it */
            t.data[below((unsigned)t.size)] = "\"[]{},:\\0x \t\xc3"[below(13)];
        json_t *value = read_with_jansson(t.data, t.size);
        enum status status = parse_bytes(t.data, t.size);
        if ((status == STATUS_OK) != (value != NULL))
            fail_msg("%.*s: %s (%s), jansson: %s", (int)t.size, t.data, status_text(status),
                     error.detail, value ? "takes it" : "refuses it");
        if (value)
            assert_same(0, value);
        *(value ? &taken : &refused) += 1;
        json_decref(value);
    }
    assert_true(taken > 10000);
    assert_true(refused > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_of_the_grammar_are_judged_alike),
        cmocka_unit_test(no_edge_stands_twice),
        cmocka_unit_test(generated_documents_are_read_as_jansson_reads_them),
    };
    return cmocka_run_group_tests(tests, parser_start, parser_end);
}
