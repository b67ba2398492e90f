/* conn_gate.c: partial connections, and requests whose head has arrived in part. Runs on the loops;
 * relaxed atomics only. Which TLS handshake is next is decided by handshake_gate.c. */
#include "server/connection/conn_gate.h"

#include "core/clock.h"
#include "server/connection/conn_counts.h"
#include "server/connection/conn_state.h"

/* Burst: this many may start at once, as a part of one second's quota. */
#define BURST_NS (NS_PER_S / 10)

int64_t conn_gate_take(atomic_int_least64_t *next_ns, uint64_t per_second, int64_t now_ns)
{
    if (per_second == 0)
        return 0;
    int64_t step = NS_PER_S / (int64_t)per_second;
    int64_t due = atomic_load_explicit(next_ns, memory_order_relaxed), next;
    do
        next = (due > now_ns ? due : now_ns) + step;
    while (!atomic_compare_exchange_weak_explicit(next_ns, &due, next, memory_order_relaxed,
                                                  memory_order_relaxed));
    return next - now_ns > BURST_NS ? next - now_ns - BURST_NS : 0;
}

struct conn *conn_gate_enter_head(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_HEAD);
    struct http_server *server = conn->server;
    struct conn_gate *gate = conn_counts_gate(server->counts);
    uint64_t limit = server->settings.request_heads;
    if (conn->half != CONN_HALF_NONE)
        return NULL;
    conn->half = CONN_HALF_HEAD;
    TAILQ_INSERT_TAIL(&server->heads, conn, in_heads);
    uint64_t before = atomic_fetch_add_explicit(&gate->half[conn->half], 1, memory_order_relaxed);
    metric_move(server->m_half[conn->half], 1);
    return limit && before >= limit ? TAILQ_FIRST(&server->heads) : NULL;
}

static void leave_handshakes(struct conn *conn)
{
    if (conn->half == CONN_HALF_SILENT)
        event_del(&conn->first_byte);
    fair_queue_remove(&conn->server->handshake_queues[conn->half], &conn->place);
}

void conn_gate_leave(struct conn *conn)
{
    conn_assert(conn);
    struct http_server *server = conn->server;
    enum conn_half half = conn->half;
    if (half == CONN_HALF_NONE)
        return;
    if (half == CONN_HALF_HEAD)
        TAILQ_REMOVE(&server->heads, conn, in_heads);
    else
        leave_handshakes(conn);
    conn->half = CONN_HALF_NONE;
    atomic_fetch_sub_explicit(&conn_counts_gate(server->counts)->half[half], 1,
                              memory_order_relaxed);
    metric_move(server->m_half[half], -1);
}
