/* What the record loop says when the process has no memory. */
/* wrap: malloc */
#include "pipeline_fixture.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

#define TAIL "\",\"time\":5,\"r155_threat\":[\"8.1\"]}\n{\"event_name\":\"B\"}"

static long left = -1; /* calls until one fails; below 0: none fails */

void *__wrap_malloc(size_t size)
{
    return left >= 0 && left-- == 0 ? NULL : __real_malloc(size);
}

/* Runs the body with the nth allocation of it failing; true when one did. */
static bool run_failing(struct fixture *f, const void *body, size_t size, long nth)
{
    fixture_forget(f);
    left = nth;
    f->status = pipeline_run(&f->options, slice_make(body, size), &f->result);
    bool failed = left < 0;
    left = -1;
    return failed;
}

/* Each allocation fails once: the batch is refused, or both its events are accepted. */
static void assert_nothing_is_quarantined(struct fixture *f, const void *body, size_t size)
{
    long nth = 0;
    while (run_failing(f, body, size, nth)) {
        assert_int_equal(f->result.quarantined, 0);
        if (f->status != STATUS_OK)
            assert_int_equal(f->status, STATUS_NO_MEMORY);
        else
            assert_int_equal(f->result.accepted, 2);
        nth++;
    }
    assert_true(nth > 0);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->result.accepted, 2);
}

static void events_are_not_quarantined_for_want_of_memory(void **state)
{
    char body[6000 + PIPELINE_PADDING] = "{\"event_name\":\"A\",\"long\":\"";
    size_t size = strlen(body);
    memset(body + size, 'x', 5000);
    memcpy(body + size + 5000, TAIL, sizeof TAIL);
    size = strlen(body);
    assert_nothing_is_quarantined(*state, body, size);
}

/* Formats whose call lasts for many events mark and release its memory. */
static void messages_of_a_long_call_are_not_quarantined_for_want_of_memory(void **state)
{
    struct fixture *f = *state;
    static const char body[] = "DLS\1\x20\1\0\x0A\x2A\0\0\0ab"
                               "DLS\1\x20\2\0\x0A\x2A\0\0\0ab";
    f->options.parser = &parser_dlt;
    assert_nothing_is_quarantined(f, body, sizeof body - 1);
}

/* A record in another one is neither lost nor kept as text of the outer one. */
static void records_inside_others_are_not_quarantined_for_want_of_memory(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {
        "<13>Nov 22 10:15:02 gw app: {\"message\":\"one\",\"x\":[1,2]}\n"
        "<13>1 - gw a p m [x@1 a=\"\\\"\"] CEF:0|v\\|x|p|1|id|n|5|a=b\\=c cs1=x cs1Label=y \xFF\n",
        "LEEF:2.0|v|p|1|id|^|proto=TCP^devTime=x^a=\xFF^a=2\n"
        "<13>Nov 22 10:15:02 gw LEEF:1.0|v|p|1|id|a=1\n",
        "<13>Nov 22 10:15:02 gw audit: type=AVC msg=audit(1.000:1): avc:  denied  { read } for  "
        "pid=1\n"
        "<13>Nov 22 10:15:02 gw app: {\"severity_id\":\"no number\"}\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char body[1024 + PIPELINE_PADDING];
        size_t size = (size_t)snprintf(body, sizeof body, "%s", bodies[i]);
        f->options.parser = i == 1 ? &parser_leef : &parser_syslog;
        assert_nothing_is_quarantined(f, body, size);
    }
}

static void record_over_its_own_limit_is_quarantined_alone(void **state)
{
    struct fixture *f = *state;
    char body[9000 + PIPELINE_PADDING] = "{\"event_name\":\"A\",\"long\":\"";
    size_t size = strlen(body);
    memset(body + size, 'x', 8000);
    memcpy(body + size + 8000, TAIL, sizeof TAIL);
    f->options.event_bytes = 4096;
    fixture_run_text(f, body);
    assert_int_equal(f->status, STATUS_OK);
    assert_int_equal(f->result.quarantined, 1);
    assert_int_equal(f->result.accepted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_are_not_quarantined_for_want_of_memory,
                                        fixture_setup, fixture_teardown),
        fixture_test(messages_of_a_long_call_are_not_quarantined_for_want_of_memory),
        fixture_test(records_inside_others_are_not_quarantined_for_want_of_memory),
        cmocka_unit_test_setup_teardown(record_over_its_own_limit_is_quarantined_alone,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
