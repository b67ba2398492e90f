/* test_config_table.c: rows are sound, and a mistyped name finds the one that was meant. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/config/config_value.h"

static void keys_are_unique_and_sections_stand_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        assert_ptr_equal(config_row_find(config_rows[i].key), &config_rows[i]);
        assert_false(config_is_section(config_rows[i].key));
        assert_true(config_rows[i].help[0] != '\0');
        assert_true(config_rows[i].min <= config_rows[i].max);
    }
}

/* What is in words of an ENUM row is one of its words. */
static void defaults_of_words_are_words(void **state)
{
    (void)state;
    char word[64], fallback[64];
    for (size_t i = 0; i < CONFIG_ROW_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        if (row->kind != SETTING_KIND_ENUM)
            continue;
        bool found = false;
        snprintf(fallback, sizeof fallback, "%.*s", (int)strcspn(row->fallback, ":"),
                 row->fallback);
        for (unsigned n = 0; *config_word(row, n, word, sizeof word); n++)
            found = found || !strcmp(word, fallback);
        assert_true(found);
    }
}

static void entries_of_maps_are_told_from_settings(void **state)
{
    (void)state;
    const char *name;
    assert_ptr_equal(config_row_of_entry("sinks.kafka.properties.linger.ms", &name),
                     config_row_find("sinks.kafka.properties"));
    assert_string_equal(name, "linger.ms");
    assert_null(config_row_of_entry("sinks.kafka.properties", &name));
    assert_null(config_row_of_entry("sinks.kafka.properties.", &name));
    assert_null(config_row_of_entry("log.level", &name));
    assert_null(config_row_find("sinks.kafka"));
    assert_true(config_is_section("sinks.kafka"));
    assert_false(config_is_section("sinks.kaf"));
    assert_false(config_is_section(""));
}

static void the_nearest_name_is_the_one_that_was_meant(void **state)
{
    (void)state;
    const char *pairs[][2] = {
        {"listen.ingest.adress", "listen.ingest.address"},
        {"listen.ingress.address", "listen.ingest.address"},
        {"sinks.postgress", "sinks.postgres"},
        {"limits.body_byte", "limits.body_bytes"},
        {"Log.Level", "log.level"},
        {"datadir", "data_dir"},
        {"tls.cert", "tls.crl"},
    };
    char buffer[128];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(config_nearest(pairs[i][0], buffer, sizeof buffer), pairs[i][1]);
    char large[4096];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_true(config_nearest(large, buffer, sizeof buffer)[0] != '\0');
}

static void texts_are_utf8_without_control_characters(void **state)
{
    (void)state;
    const char *good[] = {"", "plain", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x97", "\xef\xbf\xbd"};
    const char *bad[] = {"\x01",         "\x7f",         "\xc2\x85",         "\xe2\x80\xa8",
                         "\xef\xbb\xbf", "\xff",         "\xc0\x80",         "\xc3",
                         "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                         "a\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(config_text_is_plain(good[i], false));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(config_text_is_plain(bad[i], true));
    assert_false(config_text_is_plain("a\nb", false));
    assert_true(config_text_is_plain("a\n\tb", true));
    assert_false(config_text_is_plain("a\r\n", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_unique_and_sections_stand_together),
        cmocka_unit_test(defaults_of_words_are_words),
        cmocka_unit_test(entries_of_maps_are_told_from_settings),
        cmocka_unit_test(the_nearest_name_is_the_one_that_was_meant),
        cmocka_unit_test(texts_are_utf8_without_control_characters),
    };
    return cmocka_run_group_tests_name("config_table", tests, NULL, NULL);
}
