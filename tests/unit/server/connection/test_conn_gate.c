/* test_conn_gate.c: connections that are half-way give way, and handshakes begin at a pace. */
#include "tests/unit/server/http_fixture.h"

#include <signal.h>
#include "server/connection/conn_gate.h"

#define PART  "GET /now HTTP/1.1\r\nHost: "
#define WHOLE PART "h\r\n\r\n"

static int setup(void **state)
{
    *state = fx_create();
    return 0;
}

static int teardown(void **state)
{
    fx_destroy((struct fixture *)*state);
    return 0;
}

static double heads(void)
{
    return metric_value(metric_series(METRIC_vsocd_http_heads_in_progress, "listener=\"test\""));
}

/* Who sends a part of a head and falls silent holds its memory; the one that has done so longest
 * makes room, whole heads need none. */
static void oldest_head_gives_way_and_whole_ones_are_served(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.request_heads = 2;
    fx_start(f, NULL);
    int slow[3];
    for (int i = 0; i < 3; i++) {
        slow[i] = fx_connect(f);
        assert_true(fx_send(f, slow[i], PART));
        if (i < 2)
            fx_wait_for(f, heads() == i + 1);
    }
    assert_has(fx_receive(f, slow[0], "too_many_heads", 1), "HTTP/1.1 503 ");
    int good = fx_connect(f);
    assert_true(fx_send(f, good, WHOLE WHOLE));
    assert_has(fx_receive(f, good, "now", 2), "200 OK");
    assert_true(fx_send(f, slow[1], "h\r\n\r\n"));
    assert_has(fx_receive(f, slow[1], "now", 1), "200 OK");
    fx_wait_for(f, heads() == 1);
    close(slow[2]);
    fx_wait_for(f, heads() == 0);
    close(slow[0]);
    close(slow[1]);
    close(good);
}

static void handshakes_begin_at_their_pace(void **state)
{
    atomic_int_least64_t gate = 0;
    int64_t now = 1000 * NS_PER_S, waited = 0;
    (void)state;
    assert_int_equal(conn_gate_take(&gate, 0, now), 0);
    for (int i = 0; i < 10; i++) /* a tenth of a second's worth at once */
        assert_int_equal(conn_gate_take(&gate, 100, now), 0);
    for (int i = 0; i < 100; i++) {
        int64_t wait = conn_gate_take(&gate, 100, now + waited);
        assert_true(wait > 0 && wait <= NS_PER_S / 100);
        waited += wait;
    }
    assert_int_equal(waited, NS_PER_S);
    assert_int_equal(conn_gate_take(&gate, 100, now + 10 * NS_PER_S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(oldest_head_gives_way_and_whole_ones_are_served, setup,
                                        teardown),
        cmocka_unit_test(handshakes_begin_at_their_pace),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
