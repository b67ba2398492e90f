/* handshake_gate.c: TLS connections before and in their handshake, by address. At most one
 * handshake starts per turn of the loop, so that established connections are served in between.
 * Runs on the server's loop; servers share relaxed atomics only. Does not do the handshake
 * (conn_handshake.c). */
#include "server/connection/handshake_gate.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "core/object.h"
#include "core/clock.h"
#include "server/connection/conn_counts.h"
#include "server/connection/conn_gate.h"
#include "server/connection/conn_peer.h"
#include "server/connection/conn_state.h"
#include "server/connection/refusal_count.h"
#include "server/net/balance.h"
#include "server/net/listener.h"
#include "server/tls/tls.h"

/* When all places are taken, a handshake that has taken this long is closed in favour of a new one
 * of the same address, and a connection that has been silent for this long in favour of a new one.
 */
#define GRACE_NS NS_PER_S
/* Time until the next search for a free place. */
#define RETRY_NS (10 * NS_PER_MS)
/* Number of addresses examined to find one whose handshake may start. */
#define TURNS_LOOKED_AT 8
/* Accepting costs a small part of a handshake, but is not free. */
#define ACCEPTS_PER_HANDSHAKE 10

#define HANDSHAKE_GATE_MAGIC 0x48534754U

struct handshake_gate {
    unsigned magic; /* HANDSHAKE_GATE_MAGIC */
    struct http_server *server;
    const struct handshake_gate_calls *calls;
    struct fair_queue *silent, *ready, *active; /* the server's */
    struct event *timer;
    bool held;        /* the listener is */
    bool has_token;   /* the next handshake may begin at token_ns */
    int64_t token_ns; /* monotonic */
};

OBJECT_CAST(handshake_gate, HANDSHAKE_GATE_MAGIC)

static struct conn *conn_of(const struct fair_member *member)
{
    return member ? conn_cast(member->owner) : NULL;
}

static struct slice address_of(const struct conn *conn)
{
    return slice_make(conn->address, conn->address_size);
}

static void drop(struct conn *conn)
{
    conn->server->handshakes->calls->close(conn);
}

static void give_way(struct conn *conn)
{
    tls_count_handshake(TLS_RESULT_shed);
    refusal_count_add(REFUSAL_too_many_handshakes);
    drop(conn);
}

/* False: memory is out and the connection is closed. */
static bool enter(struct conn *conn, enum conn_half half)
{
    struct http_server *server = conn->server;
    conn_gate_leave(conn);
    conn->place = (struct fair_member){.owner = conn, .since_ns = clock_monotonic_ns()};
    if (fair_queue_add(&server->handshake_queues[half], &conn->place, address_of(conn)) !=
        STATUS_OK) {
        drop(conn);
        return false;
    }
    conn->half = half;
    atomic_fetch_add_explicit(&conn_counts_gate(server->counts)->half[half], 1,
                              memory_order_relaxed);
    metric_move(server->m_half[half], 1);
    return true;
}

/* Nanoseconds until the next handshake may begin. */
static int64_t token_wait(struct handshake_gate *gate, int64_t now)
{
    struct http_server *server = gate->server;
    if (!gate->has_token) {
        gate->has_token = true;
        gate->token_ns = now + conn_gate_take(&conn_counts_gate(server->counts)->next_handshake_ns,
                                              server->settings.handshakes_per_second, now);
        if (gate->token_ns > now)
            metric_add(server->m_paced, 1);
    }
    return gate->token_ns > now ? gate->token_ns - now : 0;
}

/* Whether there is a place for the handshake of conn. If necessary, makes one: an address that has
 * clearly more handshakes loses one immediately, others after a grace period. */
static bool make_place(struct handshake_gate *gate, const struct conn *conn, int64_t now)
{
    struct http_server *server = gate->server;
    uint64_t limit = server->settings.handshakes;
    uint64_t n = atomic_load_explicit(&conn_counts_gate(server->counts)->half[CONN_HALF_HANDSHAKE],
                                      memory_order_relaxed);
    struct conn *oldest = conn_of(fair_queue_heaviest(gate->active));
    if (limit == 0 || n < limit || !oldest) /* none here: all belong to other loops */
        return true;
    if (gate->active->most <= fair_queue_count_of(gate->active, address_of(conn)) + 1 &&
        now - oldest->place.since_ns < GRACE_NS)
        return false;
    give_way(oldest);
    return true;
}

/* The connection whose handshake starts now; NULL: there is no place. */
static struct conn *next_of(struct handshake_gate *gate, int64_t now)
{
    for (unsigned i = 0; i < TURNS_LOOKED_AT; i++) {
        struct conn *conn = conn_of(fair_queue_turn(gate->ready));
        fair_queue_pass(gate->ready);
        if (make_place(gate, conn, now))
            return conn;
    }
    return NULL;
}

static size_t waiting(const struct handshake_gate *gate)
{
    return gate->silent->count + gate->ready->count;
}

/* Closes waiting connections beyond the limit. False: the limit is reached and every address has
 * only one. */
static bool make_room(struct handshake_gate *gate, int64_t now)
{
    uint64_t limit = gate->server->settings.handshakes_waiting;
    while (limit && waiting(gate) > limit) {
        struct fair_queue *queue =
            gate->silent->most >= gate->ready->most ? gate->silent : gate->ready;
        if (queue->most <= 1)
            queue = gate->silent;
        struct conn *oldest = conn_of(fair_queue_heaviest(queue));
        if (!oldest || (queue->most <= 1 && now - oldest->place.since_ns < GRACE_NS))
            return false;
        give_way(oldest);
    }
    return true;
}

/* True: the listener pauses until there is room. */
static bool hold_when_full(struct handshake_gate *gate, int64_t now)
{
    bool full = !make_room(gate, now);
    if (gate->server->listener)
        listener_hold(gate->server->listener, full);
    if (gate->server->seat && gate->held != full)
        balance_hold(gate->server->seat, full);
    gate->held = full;
    return full;
}

static void wake_in(struct handshake_gate *gate, int64_t ns)
{
    struct timeval time = {.tv_sec = (time_t)(ns / NS_PER_S),
                           .tv_usec = (suseconds_t)(ns % NS_PER_S / NS_PER_US)};
    event_add(gate->timer, &time);
}

/* Starts one handshake if one may start, and schedules the next. */
static void look(struct handshake_gate *gate)
{
    int64_t now = clock_monotonic_ns();
    int64_t wait = 0;
    if (gate->ready->count && (wait = token_wait(gate, now)) == 0) {
        struct conn *next = next_of(gate, now);
        if (next) {
            gate->has_token = false;
            if (enter(next, CONN_HALF_HANDSHAKE))
                gate->calls->begin(next);
        } else {
            wait = RETRY_NS;
        }
    }
    bool full = hold_when_full(gate, now);
    if (full && (wait > RETRY_NS || gate->ready->count == 0))
        wait = RETRY_NS;
    if (full || gate->ready->count)
        wake_in(gate, wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look(handshake_gate_cast(arg));
}

static void on_first_byte(evutil_socket_t fd, short what, void *arg)
{
    struct conn *conn = conn_cast(arg);
    struct handshake_gate *gate = conn->server->handshakes;
    char byte;
    (void)what;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        event_add(&conn->first_byte, NULL);
        return;
    }
    if (n <= 0) {
        tls_count_handshake(TLS_RESULT_closed);
        conn_peer_handshake_failed(conn, TLS_RESULT_closed, "the peer closed the connection");
        drop(conn);
    } else if (enter(conn, CONN_HALF_READY)) {
        if (!event_pending(gate->timer, EV_TIMEOUT, NULL))
            wake_in(gate, 0);
    }
}

/* Accepting is paced too, so that opening and closing connections costs little processor time. */
void handshake_gate_pace(struct handshake_gate *gate)
{
    struct http_server *server = gate->server;
    int64_t wait = conn_gate_take(&conn_counts_gate(server->counts)->next_accept_ns,
                                  ACCEPTS_PER_HANDSHAKE * server->settings.handshakes_per_second,
                                  clock_monotonic_ns());
    if (wait > 0 && server->listener)
        listener_rest(server->listener, wait);
}

void handshake_gate_arrive(struct conn *conn)
{
    conn_assert(conn);
    ensure(conn->state == CONN_QUEUED && conn->half == CONN_HALF_NONE);
    struct http_server *server = conn->server;
    struct handshake_gate *gate = server->handshakes;
    int64_t now = clock_monotonic_ns();
    event_assign(&conn->first_byte, server->base, conn->fd, EV_READ, on_first_byte, conn);
    if (!enter(conn, CONN_HALF_SILENT))
        return;
    if (event_add(&conn->first_byte, NULL) != 0) {
        drop(conn);
        return;
    }
    if (hold_when_full(gate, now) && !event_pending(gate->timer, EV_TIMEOUT, NULL))
        wake_in(gate, RETRY_NS);
}

struct handshake_gate *handshake_gate_create(struct http_server *server,
                                             const struct handshake_gate_calls *calls)
{
    struct handshake_gate *gate = (struct handshake_gate *)calloc(1, sizeof *gate);
    if (!gate)
        return NULL;
    gate->server = server;
    gate->magic = HANDSHAKE_GATE_MAGIC;
    gate->calls = calls;
    gate->silent = &server->handshake_queues[CONN_HALF_SILENT];
    gate->ready = &server->handshake_queues[CONN_HALF_READY];
    gate->active = &server->handshake_queues[CONN_HALF_HANDSHAKE];
    fair_queue_init(gate->silent);
    fair_queue_init(gate->ready);
    fair_queue_init(gate->active);
    gate->timer = evtimer_new(server->base, on_timer, gate);
    if (!gate->timer) {
        free(gate);
        return NULL;
    }
    return gate;
}

void handshake_gate_destroy(struct handshake_gate *gate)
{
    if (!gate)
        return;
    event_free(gate->timer);
    fair_queue_fini(gate->silent);
    fair_queue_fini(gate->ready);
    object_end(&gate->magic);
    fair_queue_fini(gate->active);
    free(gate);
}
