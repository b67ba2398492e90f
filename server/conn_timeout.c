/* conn_timeout.c: every deadline of a connection, as absolute times: a byte now and then does not
 * move them. Runs on the connection's loop. One timer a connection; the durations are libevent
 * common timeouts, so that setting one costs the same for one and for ten thousand connections. */
#define LOG_COMPONENT "http"
#include "server/conn.h"

#include "core/clock.h"
#include "core/log.h"

#define RATE_TICK_NS NS_PER_S
/* While draining, a connection that has just been made may still send its request. */
#define DRAIN_IDLE_NS NS_PER_S

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t duration_ns(const struct conn *conn, enum conn_deadline deadline)
{
    const struct http_settings *s = &conn->server->settings;
    switch (deadline) {
    case DEADLINE_HANDSHAKE:
        return s->handshake_ns;
    case DEADLINE_IDLE:
        return conn->server->draining ? least(s->idle_ns, DRAIN_IDLE_NS) : s->idle_ns;
    case DEADLINE_HEAD:
        return s->headers_ns;
    case DEADLINE_BODY:
        return least(RATE_TICK_NS, s->body_ns);
    case DEADLINE_WRITE:
        return s->write_ns;
    default:
        return CONN_LINGER_NS;
    }
}

static void start_timer(struct conn *conn, int64_t ns)
{
    struct timeval duration = {.tv_sec = (time_t)(ns / NS_PER_S),
                               .tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
    const struct timeval *common = event_base_init_common_timeout(conn->server->base, &duration);
    event_add(&conn->timer, common ? common : &duration);
}

void conn_deadline(struct conn *conn, enum conn_deadline deadline)
{
    if (conn->deadline == deadline)
        return;
    conn->deadline = deadline;
    if (deadline == DEADLINE_NONE)
        event_del(&conn->timer);
    else
        start_timer(conn, duration_ns(conn, deadline));
}

void conn_deadline_forget(struct conn *conn)
{
    if (conn->deadline != DEADLINE_NONE)
        conn->deadline = DEADLINE_NONE;
    else
        event_del(&conn->timer);
}

static void refuse_late(struct conn *conn, const char *code, const char *what, const char *setting,
                        int64_t ns)
{
    struct http_refusal refusal;
    http_refuse(&refusal, 408, code, "%s did not come within %s (%lld ms)", what, setting,
                (long long)(ns / NS_PER_MS));
    conn_refuse(conn, &refusal, 0);
}

/* timeouts.body, and longer for a sender that keeps timeouts.body_bytes_per_second. */
static void check_body(struct conn *conn)
{
    const struct http_settings *s = &conn->server->settings;
    const struct http_exchange *x = &conn->exchange;
    int64_t elapsed = clock_monotonic_ns() - x->body_started_ns;
    uint64_t rate = s->body_bytes_per_second;
    struct http_refusal refusal;
    if (rate == 0 && elapsed >= s->body_ns) {
        refuse_late(conn, "body_timeout", "the whole body", "timeouts.body", s->body_ns);
        return;
    }
    if (rate && elapsed >= least(CONN_RATE_GRACE_NS, s->body_ns) &&
        (double)x->body_bytes < (double)rate * (double)elapsed / 1e9) {
        http_refuse(&refusal, 408, "body_too_slow",
                    "the body came slower than timeouts.body_bytes_per_second (%llu)",
                    (unsigned long long)rate);
        conn_refuse(conn, &refusal, 0);
        return;
    }
    conn_deadline_forget(conn);
    conn_deadline(conn, DEADLINE_BODY);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = conn_cast(arg);
    const struct http_settings *s = &conn->server->settings;
    (void)fd, (void)what;
    switch (conn->deadline) {
    case DEADLINE_HANDSHAKE:
        tls_count_handshake("timeout");
        log_info("TLS handshake took too long", LOG_TEXT("peer", conn->peer.address));
        conn_close(conn);
        break;
    case DEADLINE_HEAD:
        refuse_late(conn, "headers_timeout", "the whole request head", "timeouts.headers",
                    s->headers_ns);
        break;
    case DEADLINE_BODY:
        check_body(conn);
        break;
    case DEADLINE_WRITE:
        http_server_count_refusal("write_timeout");
        conn_close(conn);
        break;
    case DEADLINE_IDLE:
    case DEADLINE_LINGER:
        conn_close(conn);
        break;
    case DEADLINE_NONE: /* forgotten, not yet set anew */
        break;
    }
}

void conn_timeout_init(struct conn *conn)
{
    evtimer_assign(&conn->timer, conn->server->base, on_timer, conn);
}
