/* conn_timeout.c: every deadline of a connection, as absolute times that single bytes do not
 * extend; for a body and an answer also by progress in a window. Runs on the connection's loop. One
 * timer a connection; the durations are libevent common timeouts, so that setting one costs the
 * same for one and for ten thousand connections. */
#define LOG_COMPONENT "http"
#include "server/connection/conn.h"
#include "server/connection/refusal_count.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include "core/clock.h"
#include "core/log/log.h"
#include "server/tls/tls.h"

#define RATE_TICK_NS NS_PER_S
/* An idle connection whose request is just arriving is kept for this long. */
#define LATE_REQUEST_NS (NS_PER_S / 2)

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
        return conn->server->draining ? least(s->idle_ns, s->drain_idle_ns) : s->idle_ns;
    case DEADLINE_HEAD:
        return s->headers_ns;
    case DEADLINE_BODY:
        return least(RATE_TICK_NS, least(s->stall_ns, s->body_ns));
    case DEADLINE_WRITE:
        return least(RATE_TICK_NS, least(s->stall_ns, s->write_ns));
    default:
        return conn->counted ? CONN_LINGER_NS : CONN_LINGER_REFUSED_NS;
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
    conn_assert(conn);
    ensure(conn->state != CONN_DEAD);
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
    conn_assert(conn);
    if (conn->deadline != DEADLINE_NONE)
        conn->deadline = DEADLINE_NONE;
    else
        event_del(&conn->timer);
}

static void refuse_late(struct conn *conn, enum refusal_reason reason, const char *what,
                        const char *setting, int64_t ns)
{
    struct refusal refusal;
    refusal_say(&refusal, reason, "%s did not come within %s (%lld ms)", what, setting,
                (long long)(ns / NS_PER_MS));
    conn_refuse(conn, &refusal);
}

static void look_again(struct conn *conn, enum conn_deadline deadline)
{
    conn_deadline_forget(conn);
    conn_deadline(conn, deadline);
}

static void check_body(struct conn *conn)
{
    const struct http_settings *s = &conn->server->settings;
    const struct progress_limits limits = {s->body_ns, s->stall_ns, s->body_bytes_per_second};
    struct refusal refusal;
    switch (progress_judge(&conn->progress, &limits, clock_monotonic_ns())) {
    case PROGRESS_LATE:
        refuse_late(conn, REFUSAL_body_timeout, "the whole body", "timeouts.body", s->body_ns);
        break;
    case PROGRESS_STALLED:
        refuse_late(conn, REFUSAL_body_stalled, "the next byte of the body", "timeouts.stall",
                    s->stall_ns);
        break;
    case PROGRESS_SLOW:
        refusal_say(&refusal, REFUSAL_body_too_slow,
                    "the body arrived more slowly than timeouts.body_bytes_per_second (%llu)",
                    (unsigned long long)s->body_bytes_per_second);
        conn_refuse(conn, &refusal);
        break;
    default:
        look_again(conn, DEADLINE_BODY);
    }
}

/* timeouts.write for the whole answer, timeouts.stall for any progress. */
static void check_write(struct conn *conn)
{
    const struct http_settings *s = &conn->server->settings;
    const struct progress_limits limits = {s->write_ns, s->stall_ns, 0};
    int64_t now = clock_monotonic_ns();
    progress_note(&conn->progress, now, UINT64_MAX - stream_unsent(&conn->stream));
    if (progress_judge(&conn->progress, &limits, now) == PROGRESS_GOOD) {
        look_again(conn, DEADLINE_WRITE);
        return;
    }
    refusal_count_add(REFUSAL_write_timeout);
    conn_close(conn);
}

/* A request that is already arriving is served; closing would answer it with a reset. */
static bool has_unread(const struct conn *conn)
{
    char byte;
    return recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = conn_cast(arg);
    const struct http_settings *s = &conn->server->settings;
    (void)fd, (void)what;
    switch (conn->deadline) {
    case DEADLINE_HANDSHAKE:
        if (conn->half == CONN_HALF_READY) {
            tls_count_handshake(TLS_RESULT_wait_timeout);
            log_info("TLS handshake could not start in time: too many others are waiting "
                     "(limits.handshakes_per_second, limits.handshakes)",
                     LOG_TEXT("peer", conn->peer.address));
        } else {
            tls_count_handshake(TLS_RESULT_timeout);
            log_info("TLS handshake took too long", LOG_TEXT("peer", conn->peer.address));
        }
        conn_close(conn);
        break;
    case DEADLINE_HEAD:
        refuse_late(conn, REFUSAL_headers_timeout, "the whole request head", "timeouts.headers",
                    s->headers_ns);
        break;
    case DEADLINE_BODY:
        check_body(conn);
        break;
    case DEADLINE_WRITE:
        check_write(conn);
        break;
    case DEADLINE_IDLE:
        if (has_unread(conn))
            start_timer(conn, LATE_REQUEST_NS);
        else
            conn_close(conn);
        break;
    case DEADLINE_LINGER:
        conn_close(conn);
        break;
    case DEADLINE_NONE: /* forgotten, not yet set again */
        break;
    }
}

/* First probe after KEEPALIVE_IDLE_S of silence, then every KEEPALIVE_INTERVAL_S. */
#define KEEPALIVE_IDLE_S     30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES     3

void conn_timeout_watch_peer(struct conn *conn)
{
    int64_t write_ms = conn->server->settings.write_ns / NS_PER_MS;
    const struct {
        int level, option, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(write_ms < 1000 ? 1000 : write_ms)},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options;
         i++) /* a Unix socket has none of these options */
        (void)setsockopt(conn->fd, options[i].level, options[i].option, &options[i].value,
                         sizeof options[i].value);
}

void conn_timeout_count_untaken(struct conn *conn)
{
    if (stream_unsent(&conn->stream) > 0)
        refusal_count_add(REFUSAL_write_timeout);
}

void conn_timeout_init(struct conn *conn)
{
    evtimer_assign(&conn->timer, conn->server->base, on_timer, conn);
}
