/* conn_gate.c: connections that are half-way. Runs on the loops; relaxed atomics only. Does not
 * look at who connects: limits.connections_per_address does. */
#define LOG_COMPONENT "http"
#include "server/conn_gate.h"

#include "core/clock.h"
#include "server/conn.h"

/* A handshake that has taken so long gives way to a new one when all slots are taken. */
#define HANDSHAKE_GRACE_NS NS_PER_S
/* That many may begin at once, as a part of a second's worth. */
#define BURST_NS (NS_PER_S / 10)

int64_t conn_gate_take(struct conn_gate *gate, uint64_t per_second, int64_t now_ns)
{
    if (per_second == 0)
        return 0;
    int64_t step = NS_PER_S / (int64_t)per_second;
    int64_t due = atomic_load_explicit(&gate->next_ns, memory_order_relaxed), next;
    do
        next = (due > now_ns ? due : now_ns) + step;
    while (!atomic_compare_exchange_weak_explicit(&gate->next_ns, &due, next, memory_order_relaxed,
                                                  memory_order_relaxed));
    return next - now_ns > BURST_NS ? next - now_ns - BURST_NS : 0;
}

void conn_gate_pace(struct http_server *server)
{
    int64_t wait = conn_gate_take(conn_counts_gate(server->counts),
                                  server->settings.handshakes_per_second, clock_monotonic_ns());
    if (wait > 0 && server->listener) {
        metric_add(server->m_paced, 1);
        listener_rest(server->listener, wait);
    }
}

static uint64_t limit_of(const struct http_server *server, enum conn_half half)
{
    return half == CONN_HALF_HANDSHAKE ? server->settings.handshakes
                                       : server->settings.request_heads;
}

static void give_way(struct conn *conn, enum conn_half half)
{
    struct http_refusal refusal;
    if (half == CONN_HALF_HANDSHAKE) {
        tls_count_handshake("shed");
        http_server_count_refusal("too_many_handshakes");
        conn_close(conn);
        return;
    }
    http_refuse(&refusal, 503, "too_many_heads",
                "limits.request_heads (%llu) requests have sent a part of their head; the one that "
                "has taken longest gives way",
                (unsigned long long)limit_of(conn->server, half));
    conn_refuse(conn, &refusal, 1);
}

void conn_gate_enter(struct conn *conn, enum conn_half half)
{
    struct http_server *server = conn->server;
    struct conn_gate *gate = conn_counts_gate(server->counts);
    struct conn_queue *queue = &server->half[half];
    int64_t now = clock_monotonic_ns();
    uint64_t limit = limit_of(server, half);
    if (conn->half != CONN_HALF_NONE)
        return;
    conn->half = half;
    conn->half_since_ns = now;
    conn->half_next = NULL;
    conn->half_previous = queue->last;
    if (queue->last)
        queue->last->half_next = conn;
    else
        queue->first = conn;
    queue->last = conn;
    uint64_t before = atomic_fetch_add_explicit(&gate->half[half], 1, memory_order_relaxed);
    metric_move(server->m_half[half], 1);
    if (limit == 0 || before < limit)
        return;
    struct conn *oldest = queue->first;
    bool patient = half == CONN_HALF_HANDSHAKE && now - oldest->half_since_ns < HANDSHAKE_GRACE_NS;
    give_way(patient ? conn : oldest, half);
}

void conn_gate_leave(struct conn *conn)
{
    struct http_server *server = conn->server;
    enum conn_half half = conn->half;
    struct conn_queue *queue = &server->half[half];
    if (half == CONN_HALF_NONE)
        return;
    if (conn->half_previous)
        conn->half_previous->half_next = conn->half_next;
    else
        queue->first = conn->half_next;
    if (conn->half_next)
        conn->half_next->half_previous = conn->half_previous;
    else
        queue->last = conn->half_previous;
    conn->half = CONN_HALF_NONE;
    atomic_fetch_sub_explicit(&conn_counts_gate(server->counts)->half[half], 1,
                              memory_order_relaxed);
    metric_move(server->m_half[half], -1);
}
