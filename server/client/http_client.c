/* http_client.c: connection, request and answer of the small blocking client. Main thread. TLS is
 * in http_client_tls.c. */
#include "server/client/http_client.h"
#include "core/log/problem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/writer.h"
#include "server/client/client_connect.h"
#include "server/client/http_client_tls.h"

#define HEAD_MAX ((size_t)64 << 10)
#define BODY_MAX ((size_t)16 << 20)

struct http_client {
    struct http_client_options options;
    struct ssl_ctx_st *tls;
    struct ssl_st *session;
    int fd;                  /* -1: not connected */
    bool used;               /* a request was answered on this connection */
    struct writer in;        /* bytes received */
    size_t at;               /* of them, read */
    struct writer body;      /* of the answer */
    struct problem *problem; /* the current call's */
};

enum status http_client_create(const struct http_client_options *options, struct http_client **out,
                               struct problem *problem)
{
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    c->options = *options;
    c->fd = -1;
    writer_init(&c->in, HEAD_MAX + BODY_MAX);
    writer_init(&c->body, BODY_MAX);
    enum status status =
        options->url->tls ? client_tls_create(options, &c->tls, problem) : STATUS_OK;
    if (status == STATUS_OK)
        *out = c;
    else
        http_client_destroy(c);
    return status;
}

static void disconnect(struct http_client *c)
{
    client_tls_close(c->session);
    c->session = NULL;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->used = false;
}

void http_client_destroy(struct http_client *client)
{
    if (!client)
        return;
    disconnect(client);
    client_tls_destroy(client->tls);
    writer_fini(&client->in);
    writer_fini(&client->body);
    free(client);
}

static enum status fail(struct http_client *c, enum status status, const char *what)
{
    problem_say(c->problem, "%s", what);
    return status;
}

static enum status open_connection(struct http_client *c)
{
    if (c->fd >= 0)
        return STATUS_OK;
    const struct http_url *url = c->options.url;
    enum status status =
        client_connect(url->host, url->port, c->options.timeout_ms, &c->fd, c->problem);
    if (status == STATUS_OK && c->tls)
        status = client_tls_connect(c->tls, c->fd, url->host, &c->session, c->problem);
    if (status != STATUS_OK)
        disconnect(c);
    return status;
}

static enum status socket_failure(struct http_client *c)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return fail(c, STATUS_TIMEOUT, "no answer in time");
    return fail(c, STATUS_CLOSED, strerror(errno));
}

static enum status send_all(struct http_client *c, struct slice data)
{
    enum status status = STATUS_OK;
    while (data.size) {
        long n = c->session ? client_tls_write(c->session, data, &status, c->problem)
                            : send(c->fd, data.data, data.size, MSG_NOSIGNAL);
        if (n < 0)
            return c->session ? status : socket_failure(c);
        data = slice_sub(data, (size_t)n, data.size);
    }
    return STATUS_OK;
}

/* More bytes into c->in. END: the server closed. */
static enum status fill(struct http_client *c)
{
    enum status status = STATUS_OK;
    if (!writer_reserve(&c->in, 16384))
        return fail(c, STATUS_MALFORMED, "the answer is too large");
    void *room = c->in.data + c->in.size;
    long n = c->session ? client_tls_read(c->session, room, 16384, &status, c->problem)
                        : recv(c->fd, room, 16384, 0);
    if (n < 0)
        return c->session ? status : socket_failure(c);
    if (n == 0)
        return fail(c, STATUS_END, "the server closed the connection");
    c->in.size += (size_t)n;
    return STATUS_OK;
}

/* A line without CR LF. */
static enum status read_line(struct http_client *c, struct slice *line)
{
    for (;;) {
        struct slice left = slice_sub(writer_slice(&c->in), c->at, c->in.size);
        const uint8_t *end = slice_find_byte(left, '\n');
        if (end) {
            size_t size = (size_t)(end - left.data);
            c->at += size + 1;
            *line = slice_trim(slice_make(left.data, size));
            return STATUS_OK;
        }
        if (left.size > HEAD_MAX)
            return fail(c, STATUS_MALFORMED, "the answer's head is too large");
        enum status status = fill(c);
        if (status != STATUS_OK)
            return status == STATUS_END ? STATUS_CLOSED : status;
    }
}

static enum status read_body_bytes(struct http_client *c, size_t size)
{
    while (c->in.size - c->at < size) {
        enum status status = fill(c);
        if (status != STATUS_OK)
            return status == STATUS_END ? STATUS_CLOSED : status;
    }
    writer_bytes(&c->body, c->in.data + c->at, size);
    c->at += size;
    return c->body.status == STATUS_OK ? STATUS_OK
                                       : fail(c, STATUS_MALFORMED, "the answer is too large");
}

/* Number at the start of s; -1 when there is none or it is over BODY_MAX. */
static long number(struct slice s, unsigned base)
{
    unsigned long v = 0;
    size_t i = 0;
    for (; i < s.size && v <= BODY_MAX; i++) {
        uint8_t ch = s.data[i] | 0x20;
        unsigned digit = ch >= '0' && ch <= '9'   ? ch - '0'
                         : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                                                  : 99;
        if (digit >= base)
            break;
        v = v * base + digit;
    }
    return i == 0 || v > BODY_MAX ? -1 : (long)v;
}

/* RFC 9112 §7.1 */
static enum status read_chunks(struct http_client *c)
{
    struct slice line;
    for (;;) {
        enum status status = read_line(c, &line);
        long size = status == STATUS_OK ? number(line, 16) : -1;
        if (status != STATUS_OK)
            return status;
        if (size < 0)
            return fail(c, STATUS_MALFORMED, "a chunk of the answer is broken");
        if (size > 0) {
            status = read_body_bytes(c, (size_t)size);
            if (status == STATUS_OK)
                status = read_line(c, &line);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        do {
            status = read_line(c, &line);
        } while (status == STATUS_OK && line.size);
        return status;
    }
}

struct head {
    int status;
    long length; /* -1: not said */
    bool chunked, closes;
    unsigned retry_after_s;
};

static void read_header(struct slice line, struct head *head)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    if (!colon)
        return;
    size_t at = (size_t)(colon - line.data);
    struct slice name = slice_make(line.data, at),
                 value = slice_trim(slice_sub(line, at + 1, line.size));
    if (slice_equal_nocase(name, "content-length"))
        head->length = number(value, 10);
    else if (slice_equal_nocase(name, "transfer-encoding"))
        head->chunked = slice_equal_nocase(value, "chunked");
    else if (slice_equal_nocase(name, "connection"))
        head->closes = slice_equal_nocase(value, "close");
    else if (slice_equal_nocase(name, "retry-after") && number(value, 10) > 0)
        head->retry_after_s = (unsigned)number(value, 10);
}

static enum status read_head(struct http_client *c, struct head *head)
{
    struct slice line;
    do {
        *head = (struct head){.length = -1};
        enum status status = read_line(c, &line);
        if (status != STATUS_OK)
            return status;
        if (!slice_starts_with(line, "HTTP/1.") || line.size < 12)
            return fail(c, STATUS_MALFORMED, "the answer is not HTTP/1.1; is the port right?");
        head->status = (int)number(slice_sub(line, 9, 3), 10);
        head->closes = line.data[7] == '0';
        while ((status = read_line(c, &line)) == STATUS_OK && line.size)
            read_header(line, head);
        if (status != STATUS_OK)
            return status;
    } while (head->status >= 100 && head->status < 200);
    return STATUS_OK;
}

static enum status read_body(struct http_client *c, struct head *head, bool is_head)
{
    if (is_head || head->status == 204 || head->status == 304)
        return STATUS_OK;
    if (head->chunked)
        return read_chunks(c);
    if (head->length >= 0)
        return read_body_bytes(c, (size_t)head->length);
    head->closes = true;
    enum status status;
    do {
        status = fill(c);
    } while (status == STATUS_OK);
    return status == STATUS_END ? read_body_bytes(c, c->in.size - c->at) : status;
}

static enum status send_request(struct http_client *c, const char *method, const char *path,
                                const char *headers, struct slice body)
{
    const struct http_url *url = c->options.url;
    bool ipv6 = strchr(url->host, ':') != NULL;
    struct writer out;
    writer_init(&out, HEAD_MAX);
    writer_format(&out,
                  "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: vsocd/" VSOCD_VERSION "\r\n",
                  method, path, ipv6 ? "[" : "", url->host, ipv6 ? "]" : "", url->port);
    if (strcmp(method, "POST") == 0)
        writer_format(&out, "Content-Length: %zu\r\n", body.size);
    writer_format(&out, "%s\r\n", headers);
    enum status status = out.status;
    if (status == STATUS_OK)
        status = send_all(c, writer_slice(&out));
    if (status == STATUS_OK)
        status = send_all(c, body);
    writer_fini(&out);
    return status;
}

static enum status exchange(struct http_client *c, const char *method, const char *path,
                            const char *headers, struct slice body, struct http_reply_seen *reply)
{
    struct head head;
    writer_reset(&c->in);
    writer_reset(&c->body);
    c->at = 0;
    enum status sent = send_request(c, method, path, headers, body);
    /* A server that refuses early answers and closes before it has read everything: read its
     * answer.
     */
    enum status status = sent == STATUS_OK || sent == STATUS_CLOSED ? read_head(c, &head) : sent;
    if (status == STATUS_OK)
        status = read_body(c, &head, !strcmp(method, "HEAD"));
    if (status != STATUS_OK)
        return status;
    c->used = true;
    *reply = (struct http_reply_seen){head.status, head.retry_after_s, writer_slice(&c->body)};
    if (head.closes || sent != STATUS_OK)
        disconnect(c);
    return STATUS_OK;
}

enum status http_client_request(struct http_client *client, const char *method, const char *path,
                                const char *headers, struct slice body,
                                struct http_reply_seen *reply, struct problem *problem)
{
    client->problem = problem;
    for (;;) {
        bool reused = client->fd >= 0 && client->used;
        enum status status = open_connection(client);
        if (status != STATUS_OK)
            return status;
        status = exchange(client, method, path, headers, body, reply);
        if (status == STATUS_OK)
            return STATUS_OK;
        disconnect(client);
        if (!reused || status != STATUS_CLOSED || client->in.size)
            return status;
    }
}
