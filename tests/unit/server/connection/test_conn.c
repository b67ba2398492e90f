/* test_conn.c: connections as clients see them: order, limits, deadlines, closing. */
#include "tests/unit/server/http_fixture.h"
#include "core/log/problem.h"

#include <netinet/tcp.h>

#include "server/connection/conn.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

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

static double refusals(const char *reason)
{
    char labels[96];
    snprintf(labels, sizeof(labels), "reason=\"%s\"", reason);
    return metric_value(metric_series(METRIC_vsocd_refusals_total, labels));
}

static void body_comes_back_and_connection_stays(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    for (unsigned i = 1; i <= 3; i++) {
        fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        const char *text = fx_receive(f, fd, "hello", 1);
        assert_has(text, "HTTP/1.1 200 OK\r\n");
        assert_has(text, "Content-Length: 5\r\n");
        assert_has(text, "X-Request-Id: ");
        assert_has(text, "Cache-Control: no-store\r\n");
        assert_has_not(text, "Connection:");
        assert_has_not(text, "Server:");
    }
    assert_int_equal(f->heads, 3);
    assert_int_equal(http_server_connections(f->server), 1);
    assert_string_equal(f->peer.address, "127.0.0.1");
    close(fd);
    fx_wait_for(f, http_server_connections(f->server) == 0);
    assert_int_equal(f->gone, 0);
}

static void request_id_of_the_client_is_given_back(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "GET /now HTTP/1.1\r\nHost: h\r\nX-Request-Id: abc-123\r\n\r\n");
    assert_has(fx_receive(f, fd, "now", 1), "X-Request-Id: abc-123\r\n");
    fx_send(f, fd, "GET /now HTTP/1.1\r\nHost: h\r\nX-Request-Id: a\"b\r\n\r\n");
    assert_has_not(fx_receive(f, fd, "now", 1), "a\"b");
    close(fd);
}

static void head_has_no_body(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "HEAD /now HTTP/1.1\r\nHost: h\r\n\r\n" GET("/echo"));
    const char *text = fx_receive(f, fd, "\r\n\r\n", 2);
    assert_has(text, "Content-Length: 3\r\n");
    assert_has_not(text, "now");
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    char text[65536] = "";
    unsigned count = 3 * CONN_REQUESTS_PER_TURN + 1;
    size_t used = 0;
    for (unsigned i = 0; i < count; i++)
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used,
                             "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n%04u", i);
    fx_send(f, fd, text);
    const char *answers = fx_receive(f, fd, "HTTP/1.1 200", count);
    fx_wait_for(f, f->ends == count);
    const char *at = answers;
    for (unsigned i = 0; i + 1 < count; i++) {
        char wanted[16];
        snprintf(wanted, sizeof(wanted), "\r\n\r\n%04u", i);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    close(fd);
}

static void pipelined_request_waits_for_the_answer_before_it(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/later") GET("/now"));
    fx_wait_for(f, f->waiting);
    for (int i = 0; i < 5; i++)
        fx_turn(f);
    assert_int_equal(f->heads, 1);
    http_reply(f->waiting, 200, "text/plain", SLICE_LITERAL("later"), NULL, 0, "/later");
    const char *text = fx_receive(f, fd, "now", 1);
    assert_true(strstr(text, "later") < strstr(text, "now"));
    close(fd);
}

static void http_1_0_closes_unless_asked_to_stay(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_has(fx_receive(f, fd, "now", 1), "Connection: keep-alive\r\n");
    fx_send(f, fd, "GET /now HTTP/1.0\r\n\r\n");
    assert_has(fx_receive(f, fd, NULL, 0), "Connection: close\r\n");
    close(fd);
}

static void connection_close_is_obeyed(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_has(fx_receive(f, fd, NULL, 0), "Connection: close\r\n");
    fx_wait_for(f, http_server_connections(f->server) == 0);
    close(fd);
}

static void expectation_is_met_before_the_body(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd,
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_has(fx_receive(f, fd, "\r\n\r\n", 1), "HTTP/1.1 100 Continue\r\n\r\n");
    fx_send(f, fd, "ab");
    assert_has(fx_receive(f, fd, "ab", 1), "HTTP/1.1 200 OK");
    close(fd);
}

static void expectation_is_not_met_when_the_head_decides(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    const char *paths[] = {"/refuse", "/echo"}; /* 401 of the handler; 413 by Content-Length */
    for (int i = 0; i < 2; i++) {
        char text[256];
        int fd = fx_connect(f);
        snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n"
                 "Expect: 100-continue\r\n\r\n",
                 paths[i]);
        fx_send(f, fd, text);
        const char *answer = fx_receive(f, fd, NULL, 0);
        assert_has_not(answer, "100 Continue");
        assert_has(answer, i == 0 ? "HTTP/1.1 401 " : "HTTP/1.1 413 ");
        assert_has(answer, "Connection: close\r\n");
        close(fd);
    }
    assert_int_equal(f->body_bytes, 0);
    assert_int_equal(f->gone, 1);
}

static void refusal_is_a_problem_document_and_is_counted(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    double before = refusals("headers_too_large");
    fx_start(f, NULL);
    int fd = fx_connect(f);
    char *big = (char *)calloc(1, 300000);
    snprintf(big, 300000, "GET / HTTP/1.1\r\nHost: h\r\nA: ");
    memset(big + strlen(big), 'a', 200000);
    fx_send(f, fd, big);
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    assert_has(text, "Content-Type: application/problem+json\r\n");
    assert_has(text, "Connection: close\r\n");
    assert_has(text, "{\"type\":\"about:blank\",\"title\":\"Request Header Fields Too Large\","
                     "\"status\":431,\"code\":\"headers_too_large\",\"detail\":\"request line and "
                     "headers are larger than limits.header_bytes (1024)\"}");
    assert_true(refusals("headers_too_large") == before + 1);
    assert_int_equal(f->heads, 0);
    close(fd);
    free(big);
}

static void nothing_after_a_refusal_is_read_as_a_request(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/now") "GET / HTTP/1.1\nHost: h\r\n\r\n" GET("/now"));
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "bare_lf");
    assert_int_equal(f->heads, 1);
    close(fd);
}

static void answer_is_readable_though_the_client_still_sends(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    static char body[90000];
    memset(body, 'b', sizeof(body));
    fx_send(f, fd, "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n");
    assert_true(fx_send_bytes(f, fd, body, sizeof(body)));
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "no_credential");
    assert_has_not(text, "<error");
    assert_int_equal(f->body_bytes, 0);
    close(fd);
}

static void body_over_the_limit_is_refused_while_it_comes(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    static char chunk[2000];
    memset(chunk, 'c', sizeof(chunk));
    fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n");
    fx_send_bytes(f, fd, chunk, sizeof(chunk));
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "HTTP/1.1 413 ");
    assert_has(text, "body_too_large");
    assert_int_equal(f->gone, 1);
    assert_int_equal(f->ends, 0);
    close(fd);
}

static void handler_may_answer_in_the_middle_of_the_body(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "POST /midway HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\nabc");
    assert_has(fx_receive(f, fd, NULL, 0), "seen_enough");
    assert_int_equal(f->gone, 0);
    close(fd);
}

static void slow_head_is_answered_408(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.headers_ns = 60 * NS_PER_MS;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    int64_t start = clock_monotonic_ns(), next = start;
    size_t sent = 0;
    const char head[] = "GET / HTTP/1.1\r\nHost: h\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    while (http_server_connections(f->server) > 0 || sent == 0) { /* a byte each 5 ms */
        if (clock_monotonic_ns() >= next && sent < sizeof(head) - 1) {
            if (send(fd, head + sent, 1, MSG_NOSIGNAL) == 1)
                sent++;
            next += 5 * NS_PER_MS;
        }
        fx_turn(f);
        char byte;
        if (recv(fd, &byte, 1, MSG_PEEK) >= 0)
            break;
    }
    assert_has(fx_receive(f, fd, NULL, 0), "headers_timeout");
    int64_t took = clock_monotonic_ns() - start;
    assert_true(took >= 50 * NS_PER_MS && took < DEADLINE_NS);
    assert_int_equal(f->heads, 0);
    close(fd);
}

static void slow_body_is_answered_408(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.body_ns = 60 * NS_PER_MS;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "HTTP/1.1 408 ");
    assert_has(text, "body_timeout");
    assert_int_equal(f->gone, 1);
    close(fd);
}

static void body_below_the_least_rate_is_answered_408(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.body_ns = 60 * NS_PER_MS;
    f->settings.body_bytes_per_second = 1000;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    assert_has(fx_receive(f, fd, NULL, 0), "body_too_slow");
    close(fd);
}

static void body_that_keeps_the_rate_ends_with_its_total_time(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.body_ns = 400 * NS_PER_MS;
    f->settings.stall_ns = 5 * NS_PER_S;
    f->settings.body_bytes_per_second = 10;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    char byte;
    fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    int64_t start = clock_monotonic_ns(), next = start;
    while (recv(fd, &byte, 1, MSG_PEEK) < 0 && clock_monotonic_ns() - start < DEADLINE_NS) {
        if (clock_monotonic_ns() >= next) {
            (void)send(fd, "x", 1, MSG_NOSIGNAL);
            next += 2 * NS_PER_MS;
        }
        fx_turn(f);
    }
    assert_has(fx_receive(f, fd, NULL, 0), "body_timeout");
    close(fd);
}

static void fast_start_buys_no_time_for_a_stalled_rest(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.body_ns = 10 * DEADLINE_NS;
    f->settings.stall_ns = 50 * NS_PER_MS;
    f->settings.body_bytes_per_second = 1;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    char text[1000];
    size_t head = (size_t)snprintf(
        text, sizeof text, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
    memset(text + head, 'x', sizeof text - head);
    fx_send_bytes(f, fd, text, sizeof text);
    int64_t start = clock_monotonic_ns();
    assert_has(fx_receive(f, fd, NULL, 0), "body_stalled");
    assert_true(clock_monotonic_ns() - start < DEADLINE_NS);
    assert_int_equal(f->gone, 1);
    close(fd);
}

static void kernel_looks_after_silent_peers(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.write_ns = 7 * NS_PER_S;
    fx_start(f, NULL);
    int fd = fx_connect(f), value;
    socklen_t size = sizeof value;
    fx_wait_for(f, http_server_connections(f->server) == 1);
    int accepted = LIST_FIRST(&f->server->living)->fd;
    assert_int_equal(getsockopt(accepted, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
    assert_int_equal(value, 1);
    assert_int_equal(getsockopt(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size), 0);
    assert_int_equal(value, 7000);
    close(fd);
}

static void handler_may_decide_later(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "POST /decide HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
    fx_wait_for(f, f->waiting);
    for (int i = 0; i < 3; i++)
        fx_turn(f);
    assert_int_equal(f->body_bytes, 0);
    http_admit(f->waiting, 100);
    assert_has(fx_receive(f, fd, "ab", 1), "HTTP/1.1 200 OK");
    close(fd);
}

static void idle_connection_is_closed_in_silence(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.idle_ns = 50 * NS_PER_MS;
    fx_start(f, NULL);
    int fresh = fx_connect(f), used = fx_connect(f);
    fx_send(f, used, GET("/now"));
    fx_receive(f, used, "now", 1);
    assert_string_equal(fx_receive(f, fresh, NULL, 0), "");
    assert_string_equal(fx_receive(f, used, NULL, 0), "");
    close(fresh);
    close(used);
}

static void answer_that_is_not_read_is_given_up(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.write_ns = 80 * NS_PER_MS;
    double before = refusals("write_timeout");
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/big"));
    fx_wait_for(f, http_server_connections(f->server) == 1);
    fx_wait_for(f, http_server_connections(f->server) == 0);
    assert_true(refusals("write_timeout") == before + 1);
    close(fd);
}

static void pipelined_answers_that_are_not_read_are_given_up(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.write_ns = 80 * NS_PER_MS;
    fx_start(f, NULL);
    int fd = fx_connect(f), small = 2048;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    static char many[100 * 64];
    for (size_t at = 0; at + 40 < sizeof(many); at += strlen(many + at))
        memcpy(many + at, GET("/now"), sizeof(GET("/now")));
    int64_t end = clock_monotonic_ns() + DEADLINE_NS;
    do {
        send(fd, many, strlen(many), MSG_NOSIGNAL);
        fx_turn(f);
        assert_true(clock_monotonic_ns() < end);
    } while (http_server_connections(f->server) > 0);
    close(fd);
}

static void waiting_exchange_has_no_deadline_and_learns_of_a_reset(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.idle_ns = f->settings.body_ns = f->settings.headers_ns = 20 * NS_PER_MS;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/later"));
    fx_wait_for(f, f->waiting);
    int64_t start = clock_monotonic_ns();
    fx_wait_for(f, clock_monotonic_ns() - start > 80 * NS_PER_MS);
    assert_int_equal(f->gone, 0);
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(fd);
    fx_wait_for(f, f->gone == 1);
    fx_wait_for(f, http_server_connections(f->server) == 0);
}

static void client_that_closed_its_sending_half_is_answered(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/later") GET("/now"));
    shutdown(fd, SHUT_WR);
    fx_wait_for(f, f->waiting);
    for (int i = 0; i < 3; i++)
        fx_turn(f);
    assert_int_equal(f->gone, 0);
    http_reply(f->waiting, 200, "text/plain", SLICE_LITERAL("later"), NULL, 0, "/later");
    const char *text = fx_receive(f, fd, NULL, 0);
    assert_has(text, "later");
    assert_has(text, "now");
    close(fd);
    fx_wait_for(f, http_server_connections(f->server) == 0);
}

static void request_that_ends_early_is_refused(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    shutdown(fd, SHUT_WR);
    assert_has(fx_receive(f, fd, NULL, 0), "incomplete_request");
    assert_int_equal(f->gone, 1);
    assert_int_equal(f->ends, 0);
    close(fd);
}

static void connections_over_the_limit_get_503(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.connections = 2;
    fx_start(f, NULL);
    int a = fx_connect(f), b = fx_connect(f);
    fx_wait_for(f, http_server_connections(f->server) == 2);
    int c = fx_connect(f);
    const char *text = fx_receive(f, c, NULL, 0);
    assert_has(text, "HTTP/1.1 503 ");
    assert_has(text, "too_many_connections\"");
    assert_has(text, "Retry-After: ");
    close(c);
    fx_send(f, a, GET("/now"));
    fx_receive(f, a, "now", 1);
    close(a);
    fx_wait_for(f, http_server_connections(f->server) == 1 && LIST_EMPTY(&f->server->dead));
    int d = fx_connect(f);
    fx_send(f, d, GET("/now"));
    assert_has(fx_receive(f, d, "now", 1), "200 OK");
    close(b);
    close(d);
}

static void connections_of_one_address_are_limited(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.connections_per_address = 1;
    fx_start(f, NULL);
    int a = fx_connect(f);
    fx_wait_for(f, http_server_connections(f->server) == 1);
    int b = fx_connect(f);
    assert_has(fx_receive(f, b, NULL, 0), "too_many_connections_of_address");
    close(a);
    close(b);
}

/* Ten connections beyond the limit, none of which reads what it is answered: how long they stay. */
static int64_t stay_of_refused(struct fixture *f)
{
    int fds[10];
    double before = refusals("too_many_connections");
    for (int i = 0; i < 10; i++)
        fds[i] = fx_connect(f);
    fx_wait_for(f, refusals("too_many_connections") >= before + 10);
    assert_true(http_server_connections(f->server) <= 4);
    int64_t start = clock_monotonic_ns();
    fx_wait_for(f, http_server_connections(f->server) == 1);
    int64_t took = clock_monotonic_ns() - start;
    for (int i = 0; i < 10; i++)
        close(fds[i]);
    return took;
}

static void refused_connections_are_bounded_and_leave_soon(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    f->settings.connections = 1;
    f->settings.refused = 3;
    fx_start(f, NULL);
    int first = fx_connect(f);
    fx_wait_for(f, http_server_connections(f->server) == 1);
    /* A machine that stands still for seconds does not do so each time. */
    int rounds = 0;
    while (stay_of_refused(f) >= 4 * NS_PER_S)
        assert_true(++rounds < 8);
    close(first);
}

static void drain_finishes_what_runs_and_closes_what_idles(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int idle = fx_connect(f), busy = fx_connect(f), sent = fx_connect(f);
    fx_send(f, busy, GET("/later"));
    fx_wait_for(f, f->waiting && http_server_connections(f->server) == 3);
    fx_send(f, sent, GET("/now")); /* in the socket, not read yet */
    http_server_drain(f->server);
    assert_string_equal(fx_receive(f, idle, NULL, 0), "");
    assert_has(fx_receive(f, sent, NULL, 0), "Connection: close\r\n");
    assert_int_equal(f->gone, 0);
    http_reply(f->waiting, 200, "text/plain", SLICE_LITERAL("later"), NULL, 0, "/later");
    const char *text = fx_receive(f, busy, NULL, 0);
    assert_has(text, "Connection: close\r\n");
    assert_has(text, "later");
    fx_wait_for(f, http_server_connections(f->server) == 0);
    close(idle);
    close(busy);
    close(sent);
}

static void queued_connections_are_served_when_accepting_stops(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = fx_connect(f);
        fx_send(f, fds[i], GET("/now"));
    }
    http_server_stop_accepting(f->server);
    assert_int_equal(http_server_connections(f->server), 20);
    for (int i = 0; i < 20; i++) {
        assert_has(fx_receive(f, fds[i], "now", 1), "200 OK");
        close(fds[i]);
    }
}

static void destroy_tells_exchanges_that_they_are_dead(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int a = fx_connect(f), b = fx_connect(f);
    fx_send(f, a, GET("/later"));
    fx_send(f, b, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
    fx_wait_for(f, f->waiting && f->heads == 2);
    http_server_destroy(f->server);
    f->server = NULL;
    close(f->listen_fd);
    event_free(f->tick);
    assert_int_equal(f->gone, 2);
    close(a);
    close(b);
}

static void new_settings_hold_for_open_connections(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    fx_send(f, fd, GET("/now"));
    fx_receive(f, fd, "now", 1);
    f->settings.target_bytes = 3;
    http_server_reconfigure(f->server, &f->settings, NULL);
    fx_send(f, fd, GET("/now"));
    assert_has(fx_receive(f, fd, NULL, 0), "target_too_long");
    close(fd);
}

static void many_bytes_a_byte_at_a_time_make_one_request(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    fx_start(f, NULL);
    int fd = fx_connect(f);
    const char *text = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n";
    for (; *text; text++) {
        fx_send_bytes(f, fd, text, 1);
        fx_turn(f);
    }
    assert_has(fx_receive(f, fd, "abcde", 1), "200 OK");
    close(fd);
}

static void address_in_use_says_so(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    struct problem problem;
    char address[LISTENER_ADDRESS_BYTES];
    int fd = -1;
    fx_start(f, NULL);
    assert_int_equal(listener_bind(f->address, &fd, address, &problem), STATUS_EXISTS);
    assert_has(problem.text, "another process listens there");
    assert_int_equal(listener_bind("8443", &fd, address, &problem), STATUS_CONFIG);
    assert_has(problem.text, "127.0.0.1:8443");
    assert_int_equal(listener_bind("::1:80", &fd, address, &problem), STATUS_CONFIG);
    assert_int_equal(fd, -1);
}

static void counts_refuse_one_address_and_not_the_others(void **state)
{
    struct fixture *f = (struct fixture *)*state;
    struct slice a = SLICE_LITERAL("\x0a\x00\x00\x01"), b = SLICE_LITERAL("\x0a\x00\x00\x02");
    for (int i = 0; i < 3; i++)
        assert_int_equal(conn_counts_enter(f->counts, a, 10, 3), STATUS_OK);
    assert_int_equal(conn_counts_enter(f->counts, a, 10, 3), STATUS_TOO_MANY);
    assert_int_equal(conn_counts_enter(f->counts, b, 10, 3), STATUS_OK);
    assert_int_equal(conn_counts_enter(f->counts, b, 4, 3), STATUS_BUSY);
    for (int i = 0; i < 3; i++)
        conn_counts_leave(f->counts, a);
    conn_counts_leave(f->counts, b);
    assert_int_equal(conn_counts_enter(f->counts, a, 1, 1), STATUS_OK);
    conn_counts_leave(f->counts, a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(body_comes_back_and_connection_stays),
        T(request_id_of_the_client_is_given_back),
        T(head_has_no_body),
        T(pipelined_requests_are_answered_in_order),
        T(pipelined_request_waits_for_the_answer_before_it),
        T(http_1_0_closes_unless_asked_to_stay),
        T(connection_close_is_obeyed),
        T(expectation_is_met_before_the_body),
        T(expectation_is_not_met_when_the_head_decides),
        T(refusal_is_a_problem_document_and_is_counted),
        T(nothing_after_a_refusal_is_read_as_a_request),
        T(answer_is_readable_though_the_client_still_sends),
        T(body_over_the_limit_is_refused_while_it_comes),
        T(handler_may_answer_in_the_middle_of_the_body),
        T(slow_head_is_answered_408),
        T(slow_body_is_answered_408),
        T(body_below_the_least_rate_is_answered_408),
        T(body_that_keeps_the_rate_ends_with_its_total_time),
        T(fast_start_buys_no_time_for_a_stalled_rest),
        T(kernel_looks_after_silent_peers),
        T(handler_may_decide_later),
        T(idle_connection_is_closed_in_silence),
        T(answer_that_is_not_read_is_given_up),
        T(pipelined_answers_that_are_not_read_are_given_up),
        T(waiting_exchange_has_no_deadline_and_learns_of_a_reset),
        T(client_that_closed_its_sending_half_is_answered),
        T(request_that_ends_early_is_refused),
        T(connections_over_the_limit_get_503),
        T(connections_of_one_address_are_limited),
        T(refused_connections_are_bounded_and_leave_soon),
        T(drain_finishes_what_runs_and_closes_what_idles),
        T(queued_connections_are_served_when_accepting_stops),
        T(destroy_tells_exchanges_that_they_are_dead),
        T(new_settings_hold_for_open_connections),
        T(many_bytes_a_byte_at_a_time_make_one_request),
        T(address_in_use_says_so),
        T(counts_refuse_one_address_and_not_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
