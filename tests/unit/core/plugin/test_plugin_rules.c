/* test_plugin_rules.c: what every descriptor of a plug-in must keep to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/plugin/plugin_rules.h"

static char reason[PLUGIN_RULE_REASON];

static void descriptor_of_other_headers_is_refused_with_both_versions(void **state)
{
    (void)state;
    const struct plugin_abi ours = {3, 200, 2, 900};
    const struct {
        struct plugin_abi its;
        const char *sentence;
    } cases[] = {
        {{2, 200, 2, 900}, "it is built for sink ABI 2, this program has 3: build it"},
        {{3, 192, 2, 900}, "its struct sink has 192 bytes, this program's 200: build it"},
        {{3, 200, 1, 900}, "event ABI 1 with events of 900 bytes, this program has 2 with 900"},
        {{3, 200, 2, 899}, "event ABI 2 with events of 899 bytes, this program has 2 with 900"},
        {{2, 192, 1, 899}, "it is built for sink ABI 2"}, /* sizes of another ABI say nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(plugin_rule_abi("sink", &cases[i].its, &ours, reason));
        assert_non_null(strstr(reason, cases[i].sentence));
    }
    assert_true(plugin_rule_abi("sink", &ours, &ours, reason));
}

static void texts_keep_to_their_characters_and_sizes(void **state)
{
    (void)state;
    static const char version[] = "1.0.0-rc.1+B7";
    assert_true(plugin_rule_texts("can_2", 5, version, "reads", reason));
    static const char *const names[] = {NULL, "", "can_22", "Can", "c-n", "c n", "cän"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_false(plugin_rule_texts(names[i], 5, version, "reads", reason));
        assert_string_equal(reason, "its name must be 1 to 5 of a-z, 0-9 and _");
    }
    static const char *const versions[] = {NULL, "", "1 0", "1_0",
                                           "1.000000000000000000000000000000.0"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        assert_false(plugin_rule_texts("can", 5, versions[i], "reads", reason));
        assert_non_null(strstr(reason, "its version must be a semantic version of up to 32 bytes"));
    }
    assert_false(plugin_rule_texts("can", 5, version, NULL, reason));
    assert_false(plugin_rule_texts("can", 5, version, "", reason));
    assert_string_equal(reason, "it has no description");
}

static void longest_text_is_taken_and_one_more_byte_is_not(void **state)
{
    (void)state;
    assert_true(plugin_rule_made_of("abcd", "", 4));
    assert_false(plugin_rule_made_of("abcde", "", 4));
    assert_true(plugin_rule_made_of("a/b", "/", 4));
    assert_false(plugin_rule_made_of("a/b", "", 4));
}

static void sentence_that_is_too_long_is_cut(void **state)
{
    (void)state;
    assert_false(plugin_rule_broken(reason, "%300s", "x"));
    assert_int_equal(strlen(reason), sizeof reason - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptor_of_other_headers_is_refused_with_both_versions),
        cmocka_unit_test(texts_keep_to_their_characters_and_sizes),
        cmocka_unit_test(longest_text_is_taken_and_one_more_byte_is_not),
        cmocka_unit_test(sentence_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
