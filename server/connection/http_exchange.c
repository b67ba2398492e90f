/* http_exchange.c: the functions of an exchange that handlers call. Runs on the connection's loop.
 * Does not send answers; http_reply.c does. */
#include "core/clock.h"
#include "server/connection/conn.h"
#include "server/http/http_parser.h"

static const struct http_request *request_of(const struct http_exchange *x)
{
    ensure(x->parser);
    return http_parser_request(x->parser);
}

enum http_method http_method(const struct http_exchange *exchange)
{
    struct slice method = request_of(exchange)->method;
    if (slice_equal_text(method, "POST"))
        return HTTP_POST;
    if (slice_equal_text(method, "GET"))
        return HTTP_GET;
    if (slice_equal_text(method, "OPTIONS"))
        return HTTP_OPTIONS;
    return slice_equal_text(method, "HEAD") ? HTTP_HEAD : HTTP_OTHER;
}

struct slice http_path(const struct http_exchange *exchange)
{
    return request_of(exchange)->path;
}

struct slice http_query(const struct http_exchange *exchange)
{
    return request_of(exchange)->query;
}

bool http_header(const struct http_exchange *exchange, const char *lower_name, struct slice *value,
                 unsigned *count)
{
    const struct http_request *request = request_of(exchange);
    unsigned found = 0;
    size_t size = strlen(lower_name);
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *f = &request->fields[i];
        if (f->name.size != size || !slice_equal_nocase(f->name, lower_name))
            continue;
        if (found++ == 0)
            *value = f->value;
        if (!count)
            break;
    }
    if (count)
        *count = found;
    return found > 0;
}

bool http_header_at(const struct http_exchange *exchange, size_t i, struct slice *name,
                    struct slice *value)
{
    const struct http_request *request = request_of(exchange);
    if (i >= request->field_count)
        return false;
    *name = request->fields[i].name;
    *value = request->fields[i].value;
    return true;
}

int64_t http_content_length(const struct http_exchange *exchange)
{
    return request_of(exchange)->content_length;
}

const struct http_peer *http_peer(const struct http_exchange *exchange)
{
    return &exchange->conn->peer;
}

void http_set_context(struct http_exchange *exchange, void *context)
{
    ensure(exchange->open);
    exchange->context = context;
}

void *http_context(const struct http_exchange *exchange)
{
    return exchange->context;
}

void http_set_problem_form(struct http_exchange *exchange, const struct http_problem_form *form)
{
    exchange->problem_form = form->write ? form : NULL;
}

/* An interim answer. If it can't be sent, neither can the final one, which then ends the
 * connection. */
static void send_note(struct conn *conn, struct slice text)
{
    enum status unused = stream_write(&conn->stream, text);
    (void)unused;
}

void http_admit(struct http_exchange *exchange, uint64_t body_limit)
{
    conn_assert(exchange->conn);
    struct conn *conn = exchange->conn;
    const struct http_request *request = request_of(exchange);
    ensure(exchange->open && conn->state == CONN_DECIDE);
    exchange->admitted = true;
    exchange->body_limit = body_limit;
    progress_start(&conn->progress, clock_monotonic_ns(), 0);
    conn->state = CONN_BODY;
    bool fits = request->content_length < 0 || (uint64_t)request->content_length <= body_limit;
    if (request->expect_continue && request->content_length != 0 && fits)
        send_note(conn, SLICE_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"));
    if (!conn->processing)
        conn_run_later(conn);
}
