
#include "pipeline_fixture.h"
#include "tests/unit/parsers/cpu_cost.h"

static void run(struct fixture *f, const char *line)
{
    f->options.parser = &parser_leef;
    fixture_run_text(f, line);
    assert_int_equal(f->item_count, 1);
}

static void long_values_stay_in_attributes(void **state)
{
    struct fixture *f = *state;
    char line[1024], id[301];
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(line, sizeof line, "LEEF:1.0|v|p|1|%s|dvchost=%s", id, id);
    run(f, line);
    assert_event_has(f, 0, "\"event_name\":\"leef\"");
    assert_event_has(f, 0, "\"eventId\":\"iiii");
    assert_event_has(f, 0, "\"dvchost\":\"iiii");
}

static void more_attributes_than_are_decoded_leave_a_note(void **state)
{
    struct fixture *f = *state;
    char *line = malloc(65536), *end = line;
    end += snprintf(end, 65536, "LEEF:1.0|v|p|1|id|");
    for (int i = 0; i < 2000; i++)
        end += snprintf(end, 65536 - (size_t)(end - line), "k%d=%d\t", i, i);
    run(f, line);
    assert_event_has(f, 0, "\"k100\":\"100\"");
    assert_event_has(f, 0, "\"code\":\"too_many_keys\"");
    free(line);
}

static void heads_are_probed_by_their_mark(void **state)
{
    (void)state;
    assert_true(parser_leef.probe(SLICE_LITERAL("LEEF:1.0|v|p|1|id|\n")) > 0);
    assert_int_equal(parser_leef.probe(SLICE_LITERAL("<13>Nov 22 10:15:02 h LEEF:1.0|v|")), 0);
    assert_int_equal(parser_leef.probe(SLICE_LITERAL("CEF:0|v|")), 0);
    assert_int_equal(parser_leef.probe(SLICE_EMPTY), 0);
}

/* Seconds for fifty readings of a record that repeats a unit. */
static double cost_of(struct fixture *f, const char *unit)
{
    static char line[60000];
    char *end = line + snprintf(line, sizeof line, "LEEF:2.0|v|p|1|id|^|a=1^");
    while (end + strlen(unit) < line + sizeof line)
        end = stpcpy(end, unit);
    double start = cpu_s();
    for (int i = 0; i < 50; i++)
        run(f, line);
    return cpu_s() - start;
}

/* A record of delimiters, or of one key, must not cost the square of its length: that would be
 * thousands of times what one long value costs. */
static void hostile_records_are_read_in_little_time(void **state)
{
    struct fixture *f = *state;
    static const char *const units[] = {"^", "a=1^", "=", "a^"};
    double ordinary = cost_of(f, "b");
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        double cost = cost_of(f, units[u]);
        if (cost > 100 * ordinary)
            fail_msg("'%s' repeated takes %.3f s, a long value %.3f s", units[u], cost, ordinary);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(long_values_stay_in_attributes),
        fixture_test(more_attributes_than_are_decoded_leave_a_note),
        fixture_test(heads_are_probed_by_their_mark),
        fixture_test(hostile_records_are_read_in_little_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
