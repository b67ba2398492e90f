/* witness_http.c: requests of logs become decisions of the witness. Main thread: a decision waits
 * for the disk, so that others wait for it; a witness has few clients, and a head a second each. */
#include "server/witness/witness_http.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/object.h"
#include "server/connection/http_server.h"
#include "storage/evidence/formats/add_checkpoint.h"

#define LOG_COMPONENT "witness"
#include "core/log/log.h"

#define HTTP_MAGIC       0x57495448U
#define TEXT_PLAIN       "text/plain; charset=utf-8"
#define PAGE_BYTES       ((size_t)16 << 20)
#define CONNECTIONS      512
#define PER_ADDRESS      64
#define REFUSED          16
#define HANDSHAKES       64
#define HEADER_BYTES     16384
#define HEADER_COUNT     100
#define TARGET_BYTES     1024
#define LINGER_BYTES     ((uint64_t)4 * WITNESS_REQUEST_BYTES) /* of a body that is refused */
#define BYTES_PER_SECOND 1024
#define SHORT_NS         (10 * NS_PER_S)
#define BODY_NS          (60 * NS_PER_S)
#define IDLE_NS          (75 * NS_PER_S) /* logs keep their connections */

struct witness_http {
    unsigned magic; /* HTTP_MAGIC */
    struct witness *witness;
    struct conn_counts *counts;
    struct http_server *server;
};

OBJECT_CAST(witness_http, HTTP_MAGIC)

static const struct http_settings settings = {
    .connections = CONNECTIONS,
    .connections_per_address = PER_ADDRESS,
    .refused = REFUSED,
    .handshakes = HANDSHAKES,
    .handshakes_waiting = CONNECTIONS / 2,
    .header_bytes = HEADER_BYTES,
    .header_count = HEADER_COUNT,
    .target_bytes = TARGET_BYTES,
    .body_bytes = LINGER_BYTES,
    .handshake_ns = SHORT_NS,
    .headers_ns = SHORT_NS,
    .body_ns = BODY_NS,
    .idle_ns = IDLE_NS,
    .write_ns = BODY_NS,
    .stall_ns = SHORT_NS,
    .body_bytes_per_second = BYTES_PER_SECOND,
};

static void body_destroy(struct writer *body)
{
    if (!body)
        return;
    writer_fini(body);
    free(body);
}

static void describe(const struct witness_http *http, struct http_exchange *x)
{
    struct writer page;
    writer_init(&page, PAGE_BYTES);
    witness_describe(http->witness, &page);
    http_reply(x, page.status == STATUS_OK ? 200 : 500, TEXT_PLAIN, writer_slice(&page), NULL, 0,
               "/");
    writer_fini(&page);
}

static void admit(struct http_exchange *x)
{
    struct writer *body = malloc(sizeof *body);
    if (!body) {
        http_reply(x, 503, TEXT_PLAIN, SLICE_LITERAL("memory is out\n"), NULL, 0,
                   ADD_CHECKPOINT_PATH);
        return;
    }
    writer_init(body, WITNESS_REQUEST_BYTES);
    http_set_context(x, body);
    http_admit(x, WITNESS_REQUEST_BYTES);
}

static void refuse_method(struct http_exchange *x, const char *allow, const char *route)
{
    const struct http_reply_header header = {"Allow", allow};
    http_reply(x, 405, TEXT_PLAIN, SLICE_LITERAL("another method\n"), &header, 1, route);
}

static void on_headers(void *arg, struct http_exchange *x)
{
    const struct witness_http *http = witness_http_cast(arg);
    enum http_method method = http_method(x);
    struct slice path = http_path(x);
    if (slice_equal_text(path, ADD_CHECKPOINT_PATH)) {
        if (method == HTTP_POST)
            admit(x);
        else
            refuse_method(x, "POST", ADD_CHECKPOINT_PATH);
    } else if (slice_equal_text(path, "/")) {
        if (method == HTTP_GET || method == HTTP_HEAD)
            describe(http, x);
        else
            refuse_method(x, "GET, HEAD", "/");
    } else {
        http_reply(x, 404, TEXT_PLAIN, SLICE_LITERAL("here are /add-checkpoint and /\n"), NULL, 0,
                   "other");
    }
}

static void on_body(void *arg, struct http_exchange *x, struct slice span)
{
    (void)arg;
    writer_add_slice(http_context(x), span);
}

static void on_end(void *arg, struct http_exchange *x)
{
    const struct witness_http *http = witness_http_cast(arg);
    struct writer *body = http_context(x);
    struct witness_answer answer = {.code = 503, .content_type = TEXT_PLAIN};
    if (body->status == STATUS_OK)
        witness_add(http->witness, writer_slice(body), clock_wall_ns() / NS_PER_S, &answer);
    if (answer.code != 200)
        log_info("not cosigned", LOG_TEXT("peer", http_peer(x)->address),
                 LOG_I64("code", answer.code), LOG_SLICE("log", slice_sub(answer.origin, 0, 256)),
                 LOG_U64("size", answer.size));
    http_reply(x, answer.code, answer.content_type, answer.body, NULL, 0, ADD_CHECKPOINT_PATH);
    body_destroy(body);
}

static void on_gone(void *arg, struct http_exchange *x)
{
    (void)arg;
    body_destroy(http_context(x));
}

enum status witness_http_create(const struct witness_http_options *options,
                                struct witness_http **out)
{
    struct witness_http *http = calloc(1, sizeof *http);
    if (!http)
        return STATUS_NO_MEMORY;
    http->magic = HTTP_MAGIC;
    http->witness = options->witness;
    http->counts = conn_counts_create();
    const struct http_server_options server = {
        .base = options->base,
        .listen_fd = options->listen_fd,
        .label = "witness",
        .settings = settings,
        .handler = {.on_headers = on_headers,
                    .on_body = on_body,
                    .on_end = on_end,
                    .on_gone = on_gone,
                    .arg = http},
        .tls = options->tls,
        .counts = http->counts,
    };
    enum status s = http->counts ? http_server_create(&server, &http->server) : STATUS_NO_MEMORY;
    if (s == STATUS_OK)
        *out = http;
    else
        witness_http_destroy(http);
    return s;
}

void witness_http_destroy(struct witness_http *http)
{
    if (!http)
        return;
    http_server_destroy(http->server);
    conn_counts_destroy(http->counts);
    object_end(&http->magic);
    free(http);
}
