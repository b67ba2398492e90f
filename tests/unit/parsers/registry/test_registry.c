#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/registry/registry.h"
#include "parsers/registry/text_body.h"

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
    static const char *const lines[] = {"application/x-ndjson",    "application/jsonl",
                                        "application/x-jsonlines", "Application/JSONLines",
                                        "text/x-ndjson",           "application/json-seq"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_name(registry_by_content_type(*state, slice_from_text(lines[i])), "vsoc_json");
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
        {SLICE_LITERAL("["), "vsoc_json"},
        {SLICE_LITERAL("[ ]"), "vsoc_json"},
        {SLICE_LITERAL("[\n[\"a\"]]"), "vsoc_json"},
        {SLICE_LITERAL("[2026-11-22 10:15:02] started"), NULL},
        {SLICE_LITERAL("[ERROR] out of memory\n"), NULL},
        {SLICE_LITERAL("\xEF\xBB\xBF{\"timestamp\":\"t\",\"event_type\":\"alert\"}\n"), "eve"},
        {SLICE_LITERAL("\x10\0\x40\x80\1\0\3\0"), "qsev"},
        {SLICE_LITERAL("DLT\1\0\0\0\0\0\0\0\0ECU1\x21"), "dlt"},
        {SLICE_LITERAL("CEF:0|a|b|c|d|e|1|"), "cef"},
        {SLICE_LITERAL("<13>Oct 11 22:14:15 h CEF:0|a|b|c|d|e|1|\n"), "syslog"},
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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct parser *found = registry_probe(*state, cases[i].head);
        if (!found != !cases[i].name || (found && strcmp(found->name, cases[i].name) != 0))
            fail_msg("%.*s is claimed by %s", SLICE_ARGS(cases[i].head),
                     found ? found->name : "nobody");
    }
}

/* ---- parsers that are not built in ---- */

static void parse_nothing(struct slice record, const struct parser_context *context,
                          struct parser_outcome *outcome)
{
    (void)record;
    (void)context;
    outcome->result = PARSER_NOT_MINE;
}

static int claims_all(struct slice head)
{
    (void)head;
    return 100;
}

static const char *const own_type[] = {"application/vnd.ecu", NULL};
static const char *const json_type[] = {"application/json", NULL};

static const struct parser outside = {
    .abi_version = VSOC_PARSER_ABI,
    .struct_size = sizeof(struct parser),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "outside",
    .version = "1.0.0",
    .description = "lines of an ECU",
    .content_types = own_type,
    .framing = PARSER_FRAMING_LINES,
    .probe = claims_all,
    .parse = parse_nothing,
};

static void add(struct registry *registry, const struct parser *parser, bool override)
{
    char reason[REGISTRY_REASON] = "";
    assert_int_equal(registry_add(registry, parser, override, reason), STATUS_OK);
    assert_string_equal(reason, "");
}

static void assert_refused(struct registry *registry, const struct parser *parser, bool override,
                           const char *why)
{
    char reason[REGISTRY_REASON] = "";
    size_t count = registry_count(registry);
    assert_int_equal(registry_add(registry, parser, override, reason), STATUS_REFUSED);
    if (!strstr(reason, why))
        fail_msg("'%s' does not say '%s'", reason, why);
    assert_int_equal(registry_count(registry), count);
}

static void an_added_parser_comes_after_those_built_in(void **state)
{
    size_t count = registry_count(*state);
    add(*state, &outside, false);
    assert_ptr_equal(registry_at(*state, count), &outside);
    assert_ptr_equal(registry_by_name(*state, SLICE_LITERAL("outside")), &outside);
    assert_ptr_equal(registry_by_content_type(*state, SLICE_LITERAL("application/vnd.ECU")),
                     &outside);
    assert_name(registry_probe(*state, SLICE_LITERAL("CEF:0|a|b|c|d|e|1|")), "cef");
    assert_name(registry_probe(*state, SLICE_LITERAL("what is this\n")), "outside");
    assert_false(registry_is_builtin(&outside));
    assert_true(registry_is_builtin(registry_at(*state, 0)));
}

static void an_overriding_parser_comes_before_those_built_in(void **state)
{
    struct parser native = outside;
    size_t count = registry_count(*state);
    native.content_types = json_type;
    add(*state, &native, true);
    assert_int_equal(registry_count(*state), count + 1);
    assert_name(registry_at(*state, 0), "outside");
    assert_name(registry_by_content_type(*state, SLICE_LITERAL("application/json")), "outside");
    assert_name(registry_probe(*state, SLICE_LITERAL("CEF:0|a|b|c|d|e|1|")), "outside");
}

static void an_overriding_parser_stands_for_the_one_of_its_name(void **state)
{
    struct parser cef = outside;
    size_t count = registry_count(*state);
    cef.name = "cef";
    cef.content_types = NULL;
    cef.probe = NULL;
    add(*state, &cef, true);
    add(*state, &outside, false);
    assert_int_equal(registry_count(*state), count + 1);
    assert_ptr_equal(registry_by_name(*state, SLICE_LITERAL("cef")), &cef);
    assert_int_equal(registry_index(*state, &cef), 0);
    assert_ptr_equal(registry_at(*state, count), &outside);
    assert_name(registry_probe(*state, SLICE_LITERAL("CEF:0|a|b|c|d|e|1|")), "outside");
}

static void what_is_anothers_is_not_taken_unless_told(void **state)
{
    struct parser p = outside;
    p.name = "cef";
    assert_refused(*state, &p, false, "there is a format 'cef' already; 'override:'");
    p = outside;
    p.content_types = json_type;
    assert_refused(*state, &p, false,
                   "media type 'application/json' is of the format 'vsoc_json' already; "
                   "'override:'");
    add(*state, &outside, true);
    assert_refused(*state, &outside, true, "there is a format 'outside' already");
    p = outside;
    p.name = "other";
    assert_refused(*state, &p, true, "media type 'application/vnd.ecu' is of the format 'outside'");
}

static void a_parser_of_another_abi_is_refused(void **state)
{
    struct parser p = outside;
    p.abi_version = VSOC_PARSER_ABI + 1;
    p.name = NULL;
    assert_refused(*state, &p, false, "it is built for parser ABI 2, this program has 1");
    p = outside;
    p.struct_size -= 8;
    assert_refused(*state, &p, false, "its struct parser has");
    p = outside;
    p.event_abi++;
    assert_refused(*state, &p, false, "it is built for event ABI 3");
    p = outside;
    p.event_size += 8;
    assert_refused(*state, &p, false, "with events of");
}

static void a_parser_that_breaks_the_rules_is_refused(void **state)
{
    static const char long_name[] = "abcdefghijklmnopqrstuvwxyz0123456";
    static const char *const guessed[] = {"text/plain", NULL};
    static const char *const upper[] = {"Application/json", NULL};
    static const char *const bare[] = {"json", NULL};
    static const char *const parameters[] = {"text/trace;v=1", NULL};
    static const char *const many[] = {"a/a", "a/b", "a/c", "a/d", "a/e", "a/f",
                                       "a/g", "a/h", "a/i", "a/j", "a/k", "a/l",
                                       "a/m", "a/n", "a/o", "a/p", "a/q", NULL};
    struct parser p;
#define REFUSED(member, value, why)                                                                \
    (p = outside, p.member = (value), assert_refused(*state, &p, false, why))
    REFUSED(name, NULL, "its name must be");
    REFUSED(name, "", "its name must be");
    REFUSED(name, "Trace", "its name must be");
    REFUSED(name, "a-b", "its name must be");
    REFUSED(name, long_name, "its name must be");
    REFUSED(name, "none", "may not be 'none'");
    REFUSED(version, NULL, "its version must be");
    REFUSED(version, "1.0 beta", "its version must be");
    REFUSED(description, NULL, "no description");
    REFUSED(content_types, guessed, "'text/plain' means that the format is to be guessed");
    REFUSED(content_types, upper, "no media type");
    REFUSED(content_types, bare, "no media type");
    REFUSED(content_types, parameters, "no media type");
    REFUSED(content_types, many, "more than 16 media types");
    REFUSED(framing, (enum parser_framing)7, "no framing");
    REFUSED(parse, NULL, "no function parse");
#undef REFUSED
}

/* ---- every sample of every format before every probe ---- */

#define HEAD_BYTES 4096

/* Samples whose head does not tell the format, and who claims them instead. */
static const struct {
    const char *file, *claimed_by, *why;
} untold[] = {
    {"auditd/refused.in", NULL, "begins with lines of other formats"},
    {"candump/refused.in", NULL, "begins with lines that are no frames"},
    {"cloudevents/refused.in", "vsoc_json", "the first object lacks an attribute that is needed"},
    {"cloudevents_binary/bytes_that_are_no_text.in", NULL, "data; the headers tell the format"},
    {"cloudevents_binary/length_prefixed_messages.in", NULL, "data; the headers tell the format"},
    {"cloudevents_binary/native_data.in", "vsoc_json", "data; the headers tell the format"},
    {"cloudevents_binary/refused.in", "syslog", "data; the headers tell the format"},
    {"dlt/serial_line.in", NULL, "begins with bytes of the line"},
    {"dlt/without_storage_header.in", NULL, "any bytes can be a message without storage header"},
    {"eve/bytes_that_are_no_text.in", "vsoc_json", "the first object has no time"},
    {"eve/refused.in", "vsoc_json", "begins with objects that are no EVE records"},
    {"hec_raw/bytes_that_are_no_text.in", NULL, "lines of any format"},
    {"hec_raw/lines.in", NULL, "lines of any format"},
    {"json/others.in", "vsoc_json", "the first object has no marks of a kind"},
    {"json/refused.in", "vsoc_json", "the first object has no marks of a kind"},
    {"qsev/invalid_id_zero_count_reserved.in", NULL, "reserved bits are set"},
    {"qsev/short_frame.in", NULL, "shorter than a message"},
};

/* Who may claim a sample: its own format, unless it is one of those above. */
static const char *expected_claim(const char *file, char format[64])
{
    for (size_t i = 0; i < sizeof untold / sizeof *untold; i++)
        if (!strcmp(file, untold[i].file))
            return untold[i].claimed_by;
    snprintf(format, 64, "%.*s", (int)strcspn(file, "/"), file);
    return format;
}

/* The only parser that is the surest; NULL when none claims the head. */
static const struct parser *only_claim(const struct registry *registry, struct slice head,
                                       const char *file)
{
    const struct parser *best = NULL;
    int best_score = 0;
    bool is_tie = false;
    for (size_t i = 0; i < registry_count(registry); i++) {
        const struct parser *p = registry_at(registry, i);
        int score = p->probe ? p->probe(head) : 0;
        assert_true(score >= 0 && score <= 100);
        is_tie = score > best_score ? false : is_tie || (score && score == best_score);
        if (score > best_score) {
            best_score = score;
            best = p;
        }
    }
    if (is_tie)
        fail_msg("%s is claimed by two formats alike", file);
    return best;
}

static size_t read_head(const char *path, uint8_t head[HEAD_BYTES])
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(head, 1, HEAD_BYTES, f);
    fclose(f);
    return size;
}

static void every_sample_is_claimed_by_its_format_alone(void **state)
{
    uint8_t head[HEAD_BYTES];
    char format[64];
    glob_t files;
    size_t untold_seen = 0;
    struct registry_hints hints = {{0}};
    assert_int_equal(glob(TEST_DATA_DIR "/*/*.in", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *file = files.gl_pathv[i] + strlen(TEST_DATA_DIR) + 1;
        size_t size = read_head(files.gl_pathv[i], head);
        const char *wanted = expected_claim(file, format);
        const struct parser *found = only_claim(*state, slice_make(head, size), file);
        untold_seen += wanted != format;
        if (strcmp(found ? found->name : "", wanted ? wanted : "") != 0)
            fail_msg("%s is claimed by %s", file, found ? found->name : "nobody");
        assert_ptr_equal(registry_probe(*state, slice_make(head, size)), found);
        assert_ptr_equal(registry_probe_again(*state, slice_make(head, size), &hints), found);
    }
    assert_true(files.gl_pathc > 80);
    assert_int_equal(untold_seen, sizeof untold / sizeof *untold);
    globfree(&files);
}

/* Heads end anywhere: no probe reads past one, and none is surer than it may be. */
static void probes_take_any_part_of_a_sample(void **state)
{
    uint8_t head[HEAD_BYTES];
    glob_t files;
    assert_int_equal(glob(TEST_DATA_DIR "/*/*.in", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t size = read_head(files.gl_pathv[i], head);
        for (size_t n = 0; n <= size && n <= 256; n++) {
            uint8_t *exact = malloc(n ? n : 1);
            memcpy(exact, head, n);
            for (size_t p = 0; p < registry_count(*state); p++) {
                const struct parser *parser = registry_at(*state, p);
                int score = parser->probe ? parser->probe(slice_make(exact, n)) : 0;
                assert_true(score >= 0 && score <= 100 && (n || !score));
            }
            free(exact);
        }
    }
    globfree(&files);
}

/* The surest parser, asked one after the other; an earlier one wins a tie. */
static const struct parser *surest(const struct registry *registry, struct slice head)
{
    const struct parser *best = NULL;
    int best_score = 0;
    for (size_t i = 0; i < registry_count(registry); i++) {
        const struct parser *p = registry_at(registry, i);
        int score = p->probe ? p->probe(head) : 0;
        if (score > best_score) {
            best_score = score;
            best = p;
        }
    }
    return best;
}

/* Parsers that can't win any more are not asked, and the one of the last head is asked first: that
 * changes no answer, whatever begins with the byte that a head of another format began with. */
static void hints_change_no_answer(void **state)
{
    struct registry_hints hints = {{0}};
    uint8_t head[HEAD_BYTES];
    glob_t files;
    size_t claimed = 0;
    assert_int_equal(glob(TEST_DATA_DIR "/*/*.in", 0, NULL, &files), 0);
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < files.gl_pathc; i++) {
            size_t size = read_head(files.gl_pathv[i], head);
            for (size_t at = 0; at < size && at < 128; at++) {
                struct slice part = slice_make(head + at, size - at);
                const struct parser *found = surest(*state, part);
                if (!found && text_body_head_bytes(part))
                    continue; /* which is looked at again without its blank lines */
                if (text_body_is_utf16(part))
                    continue;
                claimed += found != NULL;
                assert_ptr_equal(registry_probe_again(*state, part, &hints), found);
                assert_ptr_equal(registry_probe(*state, part), found);
            }
        }
    assert_true(claimed > 1000);
    globfree(&files);
}

static void every_probe_is_described(void **state)
{
    for (size_t i = 0; i < registry_count(*state); i++) {
        const struct parser *p = registry_at(*state, i);
        assert_true(!p->probe == !p->guessed_by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_parser_keeps_the_abi, setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_media_types_find_parsers, setup, teardown),
        cmocka_unit_test_setup_teardown(heads_find_parsers, setup, teardown),
        cmocka_unit_test_setup_teardown(an_added_parser_comes_after_those_built_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_overriding_parser_comes_before_those_built_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_overriding_parser_stands_for_the_one_of_its_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_anothers_is_not_taken_unless_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parser_of_another_abi_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parser_that_breaks_the_rules_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(every_sample_is_claimed_by_its_format_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(probes_take_any_part_of_a_sample, setup, teardown),
        cmocka_unit_test_setup_teardown(hints_change_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(every_probe_is_described, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
