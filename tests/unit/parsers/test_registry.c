#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "parsers/registry.h"

static int setup(void **state)
{
    *state = registry_create();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    registry_destroy(*state);
    return 0;
}

static void assert_name(const struct parser *parser, const char *name)
{
    if (!name) {
        assert_null(parser);
        return;
    }
    assert_non_null(parser);
    assert_string_equal(parser->name, name);
}

static void every_parser_keeps_the_abi(void **state)
{
    for (size_t i = 0; i < registry_count(*state); i++) {
        const struct parser *p = registry_at(*state, i);
        assert_int_equal(p->abi_version, VSOC_PARSER_ABI);
        assert_int_equal(p->struct_size, sizeof *p);
        assert_non_null(p->parse);
        assert_int_equal(registry_index(*state, p), i);
        assert_ptr_equal(registry_by_name(*state, slice_from_text(p->name)), p);
        for (const char *c = p->name; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_');
    }
    assert_null(registry_at(*state, registry_count(*state)));
}

static void names_and_media_types_find_parsers(void **state)
{
    assert_name(registry_by_name(*state, SLICE_LITERAL("cef")), "cef");
    assert_name(registry_by_name(*state, SLICE_LITERAL("CEF")), NULL);
    assert_name(registry_by_name(*state, SLICE_EMPTY), NULL);
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("Application/JSON")), "vsoc_json");
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("application/x-ndjson")),
                "vsoc_json");
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("application/vnd.autosar.idsm")),
                "qsev");
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("application/vnd.covesa.dlt")),
                "dlt");
    assert_name(
        registry_by_content_type(*state, SLICE_LITERAL("application/vnd.suricata.eve+json")),
        "eve");
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("text/plain")), NULL);
    assert_true(registry_is_probed_type(SLICE_LITERAL("Text/Plain")));
    assert_true(registry_is_probed_type(SLICE_LITERAL("application/octet-stream")));
    assert_false(registry_is_probed_type(SLICE_LITERAL("application/json")));
}

static void heads_find_parsers(void **state)
{
    static const struct {
        struct slice head;
        const char *name;
    } cases[] = {
        {SLICE_LITERAL("{\"message\":1}"), "vsoc_json"},
        {SLICE_LITERAL("{\"timestamp\":\"t\",\"event_type\":\"alert\"}\n"), "eve"},
        {SLICE_LITERAL("\xEF\xBB\xBF [{"), "vsoc_json"},
        {SLICE_LITERAL("\x10\0\x40\x80\1\0\3\0"), "qsev"},
        {SLICE_LITERAL("DLT\1\0\0\0\0\0\0\0\0ECU1\x21"), "dlt"},
        {SLICE_LITERAL("CEF:0|a|b|c|d|e|1|"), "cef"},
        {SLICE_LITERAL("<13>Oct 11 22:14:15 h CEF:0|a|b|c|d|e|1|\n"), "cef"},
        {SLICE_LITERAL("<13>Oct 11 22:14:15 h tag: text\n"), "syslog"},
        {SLICE_LITERAL("Oct 11 22:14:15 h tag: text\n"), "syslog"},
        {SLICE_LITERAL("(1436509052.249713) can0 044#2A36\n"), "candump"},
        {SLICE_LITERAL(" (0.000000)  can0  12345678#"), NULL},
        {SLICE_LITERAL("(0.000000)   can0 12345678##1"), "candump"},
        {SLICE_LITERAL("(0.000000) can0 45123#81:00"), "candump"},
        {SLICE_LITERAL("DROPCOUNT: dropped 7 CAN"), "candump"},
        {SLICE_LITERAL("(0.00000) can0 123#"), NULL},
        {SLICE_LITERAL("(see below) can0 123#"), NULL},
        {SLICE_LITERAL("type=LOGIN msg=audit(1170021601.343:296): login pid=1\n"), "auditd"},
        {SLICE_LITERAL("\nnode=gw type=EOE msg=audit(1170021601.343:296): \n"), "auditd"},
        {SLICE_LITERAL("audit: type=1400 audit(1170021601.343:296): avc:  denied"), "auditd"},
        {SLICE_LITERAL("type=LOGIN msg=login\n"), NULL},
        {SLICE_LITERAL("what is this\n"), NULL},
        {SLICE_LITERAL("\0\1\2\3"), NULL},
        {SLICE_LITERAL(""), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_name(registry_probe(*state, cases[i].head), cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_parser_keeps_the_abi, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_media_types_find_parsers, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_find_parsers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
