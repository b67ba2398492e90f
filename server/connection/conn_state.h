/* conn_state.h: the inside of a connection and of its server, for the files of this room only. A
 * connection belongs to one server, a server to one loop; nothing here is shared. */
#ifndef VSOC_SERVER_CONN_STATE_H
#define VSOC_SERVER_CONN_STATE_H

#include <sys/queue.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "core/object.h"
#include "core/arena.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/writer.h"
#include "server/connection/conn_half.h"
#include "server/connection/http_settings.h"
#include "server/connection/parser_pool.h"
#include "server/connection/stream.h"
#include "server/http/http.h"
#include "server/net/fair_queue.h"
#include "server/net/progress.h"

struct balance_seat;
struct conn_counts;
struct handshake_gate;
struct http_parser;
struct listener;
struct tls_context;

/* Input that is kept for a connection until it can be used. */
#define CONN_INPUT_BYTES 16384
/* Memory that all connections of a server read into; the most that one wake-up reads. */
#define CONN_SCRATCH_BYTES 65536
/* Requests of one connection served in one wake-up; the next ones wait for the next turn. */
#define CONN_REQUESTS_PER_TURN 32
/* Empty lines before a request that are skipped. */
#define CONN_EMPTY_LINES_MAX 8
/* How long, and for how many bytes, input of an answered connection is read and dropped, so that
 * the sender can read the answer before a reset. */
#define CONN_LINGER_NS    (5 * INT64_C(1000000000))
#define CONN_LINGER_BYTES (1024 * 1024)
/* The same for one that was over a limit. */
#define CONN_LINGER_REFUSED_NS INT64_C(1000000000)

enum conn_state {
    CONN_QUEUED,    /* TLS, its handshake has not started: handshake_gate.h */
    CONN_HANDSHAKE, /* TLS */
    CONN_IDLE,      /* no byte of the next request yet */
    CONN_HEAD,      /* reading request line and headers */
    CONN_DECIDE,    /* the handler has the head and has neither admitted nor answered it */
    CONN_BODY,      /* reading the body */
    CONN_WAIT,      /* request complete, the handler owes an answer */
    CONN_REPLY,     /* answer given, not yet written to the socket completely */
    CONN_LINGER,    /* answered for the last time, reading and dropping */
    CONN_DEAD,      /* waits to be freed */
};

enum conn_deadline {
    DEADLINE_NONE,
    DEADLINE_HANDSHAKE,
    DEADLINE_IDLE,
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
};

struct http_exchange {
    struct conn *conn;
    void *context; /* the handler's */
    const struct http_problem_form *problem_form;
    struct http_parser *parser; /* NULL: between requests */
    int64_t started_ns;
    uint64_t body_limit, body_bytes;
    bool known;    /* the head was read */
    bool open;     /* the handler has it: neither answered nor gone */
    bool admitted; /* body may come */
    bool complete; /* all of the request was read */
    bool last;     /* the connection closes after the answer */
};

#define CONN_MAGIC 0x434f4e4eu

struct conn {
    unsigned magic;
    struct http_server *server;
    LIST_ENTRY(conn) in_list;  /* the server's living or dead ones */
    STAILQ_ENTRY(conn) in_run; /* the server's run list */
    struct stream stream;      /* not open while queued */
    struct ssl_st *session;    /* NULL: plain or queued; owned */
    struct slice input;        /* read and not used yet: in kept or the server's scratch */
    uint8_t *kept;             /* owned; conn_input.c */
    struct tls_context *tls;   /* that let the peer in; a reference of its own */
    int64_t peer_expiry_s;     /* of the peer's certificate */
    int fd;                    /* owned */
    struct event timer;
    struct event *drain_read; /* while lingering */
    enum conn_state state;
    enum conn_deadline deadline;
    enum conn_half half; /* conn_half.h */
    int64_t half_since_ns;
    TAILQ_ENTRY(conn) in_heads;
    struct fair_member place; /* before and in the handshake */
    struct event first_byte;  /* while nothing has come yet */
    bool counted;             /* in conn_counts */
    bool lingers;             /* over a limit: counted among the refused ones */
    bool input_ended;         /* the client will send no more */
    bool processing;          /* conn_process is on the stack */
    bool will_run;            /* in the run list */
    struct progress progress; /* of the body, then of the answer */
    unsigned turn_requests;   /* begun in this wake-up */
    unsigned empty_lines;     /* skipped since the last request */
    uint64_t requests;        /* begun since the handshake */
    uint64_t input_bytes;     /* read since the handshake, without TLS */
    uint64_t lingered_bytes;
    uint8_t address[16]; /* key by which connections are counted */
    size_t address_size;
    struct arena peer_arena;
    struct http_peer peer;
    struct http_exchange exchange;
};

/* Series of a (route, code), found again without a lock. */
#define ROUTE_CACHE_SLOTS 256
struct route_series {
    const char *route;
    int code;
    metric_t requests;
};

#define HTTP_SERVER_MAGIC 0x48545356U

struct http_server {
    unsigned magic;          /* HTTP_SERVER_MAGIC */
    struct thread_bond loop; /* the thread that everything here runs on */
    struct event_base *base;
    struct listener *listener;
    struct http_settings settings;
    struct http_handler handler;
    struct tls_context *tls;
    struct conn_counts *counts;
    TAILQ_HEAD(, conn) heads;          /* CONN_HALF_HEAD, oldest first */
    struct handshake_gate *handshakes; /* NULL: plain */
    /* Of CONN_HALF_SILENT, READY and HANDSHAKE; filled by handshake_gate.c. */
    struct fair_queue handshake_queues[CONN_HALF_HANDSHAKE + 1];
    metric_t m_half[CONN_HALF_COUNT], m_paced, m_resumed;
    const char *label;
    bool draining, destroying;
    LIST_HEAD(, conn) living, dead;
    STAILQ_HEAD(conn_run, conn) run;
    size_t living_count;
    struct event *run_event, *reap_event;
    struct parser_pool parsers;
    int64_t said_ns;                         /* of conn_note_refusal */
    time_t date_s;                           /* what date says */
    char date[40];                           /* of the Date header */
    uint8_t *scratch;                        /* CONN_SCRATCH_BYTES */
    struct writer out;                       /* head and body of the answer being sent */
    struct writer problem;                   /* body of an error */
    struct balance_seat *seat;               /* NULL: there is one loop */
    metric_t m_requests, m_loop_connections; /* of the loop */
    metric_t m_connections, m_accepted, m_body_bytes, m_duration;
    struct route_series routes[ROUTE_CACHE_SLOTS];
};

OBJECT_CAST(http_server, HTTP_SERVER_MAGIC)

OBJECT_CAST(conn, CONN_MAGIC)

/* Whether input is of use now; otherwise it waits. */
static inline bool conn_reads(const struct conn *conn)
{
    return conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_BODY;
}

/* First line of what the parts of a connection call: it is alive or waits to be freed, and its
 * server's loop runs it. */
static inline void conn_assert(const struct conn *conn)
{
    ensure(conn->magic == CONN_MAGIC);
    thread_bond_assert(&conn->server->loop);
}

#endif
