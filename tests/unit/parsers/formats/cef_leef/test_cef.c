
#include "pipeline_fixture.h"

#include "parsers/formats/cef_leef/cef_read.h"
#include "tests/unit/parsers/cpu_cost.h"

static void run(struct fixture *f, const char *extension)
{
    char line[4096];
    snprintf(line, sizeof line, "CEF:0|v|p|1|id|name|5|%s", extension);
    f->options.parser = &parser_cef;
    fixture_run_text(f, line);
    assert_int_equal(f->item_count, 1);
}

static void a_value_ends_where_a_key_starts(void **state)
{
    (void)state;
    static const struct {
        const char *extension, *pairs;
    } cases[] = {
        {"a=1 b=2", "a{1}b{2}"},
        {"a=one two  three   b=x", "a{one two  three}b{x}"},
        {"a= b=", "a{}b{}"},
        {"a=x\\=y z=1", "a{x\\=y}z{1}"},
        {"a=x\\\\ z=1", "a{x\\\\}z{1}"},
        {"a=b=c d=e=f", "a{b=c}d{e=f}"},
        {"a=1 = 2 b=3", "a{1 = 2}b{3}"},
        {"url=http://x/?q=1&r=2 b=1", "url{http://x/?q=1&r=2}b{1}"},
        {"a=p|q b.c[0]=1 d_e-f=2", "a{p|q}b.c[0]{1}d_e-f{2}"},
        {"a=1\tb=2", "a{1}b{2}"},
        {"a=\\", "a{\\}"},
        {"no key here", ""},
        {"=1", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[256] = "";
        size_t at = 0, used = 0;
        struct cef_pair pair;
        while (cef_pair_next(slice_from_text(cases[i].extension), &at, &pair))
            used += (size_t)snprintf(out + used, sizeof out - used, "%.*s{%.*s}",
                                     SLICE_ARGS(pair.key), SLICE_ARGS(pair.value));
        assert_string_equal(out, cases[i].pairs);
    }
}

static void dictionary_keys_have_columns(void **state)
{
    struct fixture *f = *state;
    run(f, "src=10.0.0.1 dst=2001:db8::2 spt=1 dpt=65535 proto=UDP act=Dropped cat=bus_error cnt=3 "
           "msg=hello world dvchost=GW rt=1795342500000");
    assert_event_has(
        f, 0,
        "\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"2001:db8::2\",\"src_port\":1,\"dst_port\":65535");
    assert_event_has(f, 0, "\"transport\":\"udp\"");
    assert_event_has(f, 0, "\"disposition\":\"dropped\"");
    assert_event_has(f, 0, "\"event_category\":\"bus_error\"");
    assert_event_has(f, 0,
                     "\"count\":3,\"time_event\":\"2026-11-22T10:15:00.000000Z\","
                     "\"time_event_ns\":\"1795342500000000000\"");
    assert_event_has(f, 0, "\"message\":\"hello world\"");
    assert_event_has(f, 0, "\"ecu_id\":\"GW\"");
}

static void values_that_do_not_fit_are_kept(void **state)
{
    struct fixture *f = *state;
    run(f, "src=gateway spt=65536 cnt=0 act=shrug cat=mine dpt=x");
    assert_event_lacks(f, 0, "src_ip");
    assert_event_has(
        f, 0,
        "\"src\":\"gateway\",\"spt\":\"65536\",\"cnt\":\"0\",\"act\":\"shrug\",\"cat\":\"mine\","
        "\"dpt\":\"x\"");
    assert_event_has(f, 0, "\"count\":1,");
}

static void labels_name_their_values(void **state)
{
    struct fixture *f = *state;
    run(f, "cs1=a cs1Label=First cs2=b cs2Label=First cn1Label=alone cs3Label=VIN "
           "cs3=1M8GDM9AXKP042788");
    assert_event_has(f, 0, "\"First\":\"a\",\"First#2\":\"b\",\"cn1Label\":\"alone\"");
    assert_event_has(f, 0, "\"wmi\":\"1M8\"");
    assert_event_lacks(f, 0, "1M8GDM9AXKP042788");
}

static void more_pairs_than_are_decoded_leave_a_note(void **state)
{
    struct fixture *f = *state;
    char *line = malloc(65536), *end = line;
    end += snprintf(end, 65536 - (size_t)(end - line), "CEF:0|v|p|1|id|name|5|");
    for (int i = 0; i < 2000; i++)
        end += snprintf(end, 65536 - (size_t)(end - line), "k%d=%d ", i, i);
    f->options.parser = &parser_cef;
    fixture_run_text(f, line);
    assert_event_has(f, 0, "\"k100\":\"100\"");
    assert_event_has(f, 0, "\"code\":\"too_many_keys\"");
    free(line);
}

static void repeated_keys_are_numbered(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_cef;
    fixture_run_text(f, "CEF:0|v|p|1|id|n|5|zz=1 zz=2 zz=3 zz=4 y=5");
    assert_event_has(f, 0, "\"zz\":\"1\",\"zz#2\":\"2\",\"zz#3\":\"3\",\"zz#4\":\"4\"");
}

/* Seconds for a hundred readings of a line of 512 keys: one key again and again, or each its own.
 */
static double cost_of_keys(struct fixture *f, bool same)
{
    char line[8192], *end = line;
    end += snprintf(end, sizeof line, "CEF:0|v|p|1|id|n|5|");
    for (int i = 0; i < 512; i++)
        end += snprintf(end, 16, "a%.3d=1 ", same ? 0 : i);
    double start = cpu_s();
    for (int i = 0; i < 100; i++)
        fixture_run_text(f, line);
    return cpu_s() - start;
}

/* Lines made of one key must not cost the cube of their length: that would be thousands of times
 * what other lines cost. */
static void a_line_of_one_key_is_read_in_little_time(void **state)
{
    struct fixture *f = *state;
    f->options.parser = &parser_cef;
    double ordinary = cost_of_keys(f, false), same = cost_of_keys(f, true);
    assert_event_has(f, 0, "\"a000\":\"1\",\"a000#2\":\"1\"");
    if (same > 50 * ordinary)
        fail_msg("%.3f s, other keys %.3f s", same, ordinary);
}

static void every_cut_of_a_record_is_answered(void **state)
{
    struct fixture *f = *state;
    static const char line[] =
        "<13>Oct 11 22:14:15 h CEF:0|v|p\\||1|id|na\\\\me|5|a=b\\=c cs1=x cs1Label=y";
    f->options.parser = &parser_cef;
    for (size_t size = 1; size < sizeof line; size++) {
        fixture_run(f, line, size);
        assert_int_equal(f->item_count, 1);
    }
    assert_event_has(f, 0, "\"event_name\":\"na\\\\me\"");
    assert_event_has(f, 0, "\"deviceProduct\":\"p|\"");
}

static void severity_words_and_numbers_map(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        int id;
    } cases[] = {{"0", 1},    {"1", 2}, {"3", 2},  {"4", 3},         {"6", 3},   {"7", 4},
                 {"8", 4},    {"9", 5}, {"10", 5}, {"unknown", 0},   {"LOW", 2}, {"Medium", 3},
                 {"High", 4}, {"", 0},  {"-1", 0}, {"Very-High", 5}, {" 5 ", 3}};
    f->options.parser = &parser_cef;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64], expected[32];
        snprintf(line, sizeof line, "CEF:0|v|p|1|id|n|%s|", cases[i].text);
        snprintf(expected, sizeof expected, "\"severity_id\":%d", cases[i].id);
        fixture_run_text(f, line);
        assert_event_has(f, 0, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_value_ends_where_a_key_starts),
        fixture_test(dictionary_keys_have_columns),
        fixture_test(values_that_do_not_fit_are_kept),
        fixture_test(labels_name_their_values),
        fixture_test(more_pairs_than_are_decoded_leave_a_note),
        fixture_test(repeated_keys_are_numbered),
        fixture_test(a_line_of_one_key_is_read_in_little_time),
        fixture_test(every_cut_of_a_record_is_answered),
        fixture_test(severity_words_and_numbers_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
