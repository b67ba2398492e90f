/* http_fixture.h: an HTTP server on a loop that the test turns itself, and clients on loopback. */
#ifndef VSOC_TESTS_HTTP_FIXTURE_H
#define VSOC_TESTS_HTTP_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "core/log/problem.h"
#include "core/clock.h"
#include "core/reasons/refusal.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "server/connection/http_server.h"

/* Of a hang, whatever the machine's speed: what is waited for is a state. */
#define DEADLINE_NS (160 * NS_PER_S)

struct fixture {
    struct event_base *base;
    struct event *tick;
    int listen_fd;
    char address[LISTENER_ADDRESS_BYTES];
    struct conn_counts *counts;
    struct http_server *server;
    struct http_settings settings;
    /* what the handler saw */
    unsigned heads, ends, gone;
    size_t body_bytes, largest_span;
    char body[65536];
    struct http_exchange *waiting; /* of /later */
    struct http_peer peer;         /* of the last head */
};

static inline void fx_on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* One turn of the loop; waits a few ms when nothing happens. */
static inline void fx_turn(struct fixture *f)
{
    event_base_loop(f->base, EVLOOP_ONCE);
}

static inline bool fx_path_is(const struct http_exchange *x, const char *path)
{
    return slice_equal_text(http_path(x), path);
}

static inline void fx_refuse(struct http_exchange *x, enum refusal_reason reason,
                             const char *detail, const char *route)
{
    struct refusal refusal;
    refusal_say(&refusal, reason, "%s", detail);
    if (reason == REFUSAL_spool_full)
        refusal.retry_after_s = 7;
    http_problem(x, &refusal, route);
}

static inline void fx_on_headers(void *arg, struct http_exchange *x)
{
    struct fixture *f = (struct fixture *)arg;
    f->heads++;
    f->body_bytes = 0;
    f->peer = *http_peer(x);
    if (fx_path_is(x, "/now"))
        http_reply(x, 200, "text/plain", SLICE_LITERAL("now"), NULL, 0, "/now");
    else if (fx_path_is(x, "/refuse"))
        fx_refuse(x, REFUSAL_no_credential, "say who you are", "/refuse");
    else if (fx_path_is(x, "/decide"))
        f->waiting = x;
    else if (fx_path_is(x, "/big")) {
        size_t size = 8 * 1024 * 1024;
        void *big = calloc(1, size);
        http_reply(x, 200, "text/plain", slice_make(big, size), NULL, 0, "/big");
        free(big);
    } else
        http_admit(x, 1000);
}

static inline void fx_on_body(void *arg, struct http_exchange *x, struct slice span)
{
    struct fixture *f = (struct fixture *)arg;
    assert_true(f->body_bytes + span.size <= sizeof(f->body));
    memcpy(f->body + f->body_bytes, span.data, span.size);
    f->body_bytes += span.size;
    if (span.size > f->largest_span)
        f->largest_span = span.size;
    if (fx_path_is(x, "/midway"))
        fx_refuse(x, REFUSAL_empty_batch, "seen_enough", "/midway");
}

static inline void fx_on_end(void *arg, struct http_exchange *x)
{
    struct fixture *f = (struct fixture *)arg;
    f->ends++;
    if (fx_path_is(x, "/later"))
        f->waiting = x;
    else
        http_reply(x, 200, "text/plain", slice_make(f->body, f->body_bytes), NULL, 0, "/echo");
}

static inline void fx_on_gone(void *arg, struct http_exchange *x)
{
    struct fixture *f = (struct fixture *)arg;
    (void)x;
    f->gone++;
    f->waiting = NULL;
}

static inline void fx_start(struct fixture *f, struct tls_context *tls)
{
    struct problem problem;
    struct timeval tick = {.tv_usec = 3000};
    assert_int_equal(listener_bind("127.0.0.1:0", &f->listen_fd, f->address, &problem), STATUS_OK);
    struct http_server_options options = {
        .base = f->base,
        .listen_fd = f->listen_fd,
        .label = "test",
        .settings = f->settings,
        .handler = {fx_on_headers, fx_on_body, fx_on_end, fx_on_gone, f},
        .tls = tls,
        .counts = f->counts,
    };
    assert_int_equal(http_server_create(&options, &f->server), STATUS_OK);
    f->tick = event_new(f->base, -1, EV_PERSIST, fx_on_tick, NULL);
    event_add(f->tick, &tick);
}

static inline struct fixture *fx_create(void)
{
    struct fixture *f = (struct fixture *)calloc(1, sizeof(*f));
    f->base = event_base_new();
    f->counts = conn_counts_create();
    f->settings = (struct http_settings){
        .connections = 100,
        .connections_per_address = 100,
        .refused = 10,
        .header_bytes = 1024,
        .header_count = 16,
        .target_bytes = 256,
        .body_bytes = 100000,
        .handshake_ns = 10 * NS_PER_S,
        .headers_ns = 10 * NS_PER_S,
        .body_ns = 10 * NS_PER_S,
        .idle_ns = 10 * NS_PER_S,
        .write_ns = 10 * NS_PER_S,
        .stall_ns = 10 * NS_PER_S,
        .body_bytes_per_second = 0,
    };
    log_configure(LOG_ERROR, LOG_JSON);
    return f;
}

static inline void fx_destroy(struct fixture *f)
{
    if (f->server) {
        http_server_destroy(f->server);
        close(f->listen_fd);
        event_free(f->tick);
    }
    conn_counts_destroy(f->counts); /* ends the process when a connection is still counted */
    event_base_free(f->base);
    free(f);
}

/* From an address of loopback, in host order. */
static inline int fx_connect_from(struct fixture *f, uint32_t address)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)strtoul(strrchr(f->address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int fx_connect(struct fixture *f)
{
    return fx_connect_from(f, INADDR_LOOPBACK);
}

/* Sends all, turning the loop while the socket is full; false: the server has closed. */
static inline bool fx_send_bytes(struct fixture *f, int fd, const void *data, size_t size)
{
    const uint8_t *at = (const uint8_t *)data;
    int64_t end = clock_monotonic_ns() + DEADLINE_NS;
    while (size > 0) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
        } else {
            fx_turn(f);
        }
        assert_true(clock_monotonic_ns() < end);
    }
    return true;
}

static inline bool fx_send(struct fixture *f, int fd, const char *text)
{
    return fx_send_bytes(f, fd, text, strlen(text));
}

/* Reads until the text holds `needle` `count` times, or, with needle NULL, until the server closes.
 * The text is static. -1 in *error when the end was a reset. */
static inline const char *fx_receive(struct fixture *f, int fd, const char *needle, unsigned count)
{
    static char text[65536];
    size_t size = 0;
    int64_t end = clock_monotonic_ns() + DEADLINE_NS;
    text[0] = '\0';
    for (;;) {
        ssize_t n = recv(fd, text + size, sizeof(text) - 1 - size, 0);
        if (n > 0) {
            size += (size_t)n;
            text[size] = '\0';
            unsigned found = 0;
            for (const char *at = text; needle && (at = strstr(at, needle)); at++)
                found++;
            if (needle && found >= count)
                return text;
        } else if (n == 0) {
            return text;
        } else if (errno != EAGAIN) {
            snprintf(text + size, sizeof(text) - size, "<error %d>", errno);
            return text;
        } else {
            fx_turn(f);
        }
        assert_true(clock_monotonic_ns() < end);
    }
}

#define fx_wait_for(f, condition)                                                                  \
    do {                                                                                           \
        int64_t end_ = clock_monotonic_ns() + DEADLINE_NS;                                         \
        while (!(condition)) {                                                                     \
            fx_turn(f);                                                                            \
            assert_true(clock_monotonic_ns() < end_);                                              \
        }                                                                                          \
    } while (0)

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        const char *text_ = (text);                                                                \
        if (!strstr(text_, part))                                                                  \
            fail_msg("'%s' is not in:\n%s", part, text_);                                          \
    } while (0)
#define assert_has_not(text, part)                                                                 \
    do {                                                                                           \
        const char *text_ = (text);                                                                \
        if (strstr(text_, part))                                                                   \
            fail_msg("'%s' is in:\n%s", part, text_);                                              \
    } while (0)

#endif
