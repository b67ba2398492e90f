/* http_reply.c: answers: status line, the headers every answer has, body; and the fixed form of
 * errors. Runs on the connection's loop. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "core/clock.h"
#include "core/uuid7.h"
#include "server/connection/conn.h"
#include "server/connection/refusal_count.h"
#include "server/http/http_parser.h"

static const struct {
    int code;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *http_reason(int code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "Unknown";
}

static metric_t requests_series(struct http_server *server, const char *route, int code)
{
    size_t start = ((uintptr_t)route / 8 + (size_t)code * 31) % ROUTE_CACHE_SLOTS;
    struct route_series *slot = &server->routes[start];
    for (size_t i = 0; i < ROUTE_CACHE_SLOTS && slot->route; i++) {
        if (slot->route == route && slot->code == code)
            return slot->requests;
        slot = &server->routes[(start + i + 1) % ROUTE_CACHE_SLOTS];
    }
    char labels[128];
    snprintf(labels, sizeof(labels), "route=\"%s\",code=\"%d\"", route, code);
    metric_t series = metric_series(METRIC_vsocd_http_requests_total, labels);
    if (!slot->route)
        *slot = (struct route_series){.route = route, .code = code, .requests = series};
    return series;
}

/* Visible ASCII only, no quotes: safe in a header and in logs. */
static bool is_request_id(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] <= ' ' || s.data[i] >= 0x7f || s.data[i] == '"' || s.data[i] == '\\')
            return false;
    return s.size > 0 && s.size <= 128;
}

static void write_request_id(struct writer *out, const struct http_exchange *x)
{
    struct slice id;
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT_BYTES];
    writer_text(out, "X-Request-Id: ");
    if (x->known && http_header(x, "x-request-id", &id, NULL) && is_request_id(id)) {
        writer_add_slice(out, id);
    } else {
        uuid7_make(clock_wall_ns(), uuid);
        uuid_to_text(uuid, text);
        writer_bytes(out, text, sizeof(text));
    }
    writer_text(out, "\r\n");
}

/* A header value can't end its line. */
static void write_value(struct writer *out, const char *value)
{
    for (; *value; value++)
        writer_u8(out, (uint8_t)*value < ' ' || *value == 0x7f ? ' ' : (uint8_t)*value);
}

static void write_extra(struct writer *out, const struct http_reply_header *extra, size_t count)
{
    bool cache = false;
    for (size_t i = 0; i < count; i++) {
        writer_text(out, extra[i].name);
        writer_text(out, ": ");
        write_value(out, extra[i].value);
        writer_text(out, "\r\n");
        cache = cache || slice_equal_nocase(slice_from_text(extra[i].name), "cache-control");
    }
    if (!cache)
        writer_text(out, "Cache-Control: no-store\r\n");
}

/* IMF-fixdate (RFC 9110 §5.6.7), made once a second; strftime would follow the locale. */
static void write_date(struct http_server *server)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    struct tm t;
    if (now != server->date_s && gmtime_r(&now, &t)) {
        server->date_s = now;
        snprintf(server->date, sizeof(server->date), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 days[t.tm_wday % 7], t.tm_mday % 100, months[t.tm_mon % 12],
                 (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100);
    }
    writer_text(&server->out, "Date: ");
    writer_text(&server->out, server->date);
    writer_text(&server->out, "\r\n");
}

static void write_head(struct conn *conn, int code, const char *content_type, size_t body_bytes,
                       const struct http_reply_header *extra, size_t extra_count)
{
    struct writer *out = &conn->server->out;
    const struct http_exchange *x = &conn->exchange;
    writer_text(out, "HTTP/1.1 ");
    writer_decimal(out, code);
    writer_text(out, " ");
    writer_text(out, http_reason(code));
    writer_text(out, "\r\n");
    write_date(conn->server);
    if (content_type) {
        writer_text(out, "Content-Type: ");
        write_value(out, content_type);
        writer_text(out, "\r\n");
    }
    if (code != 204 && code != 304) {
        writer_text(out, "Content-Length: ");
        writer_decimal(out, (int64_t)body_bytes);
        writer_text(out, "\r\n");
    }
    write_request_id(out, x);
    write_extra(out, extra, extra_count);
    if (x->last)
        writer_text(out, "Connection: close\r\n");
    else if (!http_parser_request(x->parser)->version_11)
        writer_text(out, "Connection: keep-alive\r\n");
    writer_text(out, "\r\n");
}

void http_reply_send(struct conn *conn, int code, const char *content_type, struct slice body,
                     const struct http_reply_header *extra, size_t extra_count, const char *route)
{
    conn_assert(conn);
    ensure(conn->state != CONN_DEAD && conn->state != CONN_REPLY && conn->state != CONN_LINGER);
    struct http_exchange *x = &conn->exchange;
    struct http_server *server = conn->server;
    struct writer *out = &server->out;
    bool no_body = code == 204 || code == 304 || (x->known && http_method(x) == HTTP_HEAD);
    x->last = x->last || !x->complete || server->draining;
    writer_reset(out);
    write_head(conn, code, content_type, body.size, extra, extra_count);
    if (!no_body)
        writer_add_slice(out, body);
    metric_add(requests_series(server, route, code), 1);
    metric_add(server->m_requests, 1);
    conn->state = CONN_REPLY;
    if (out->status != STATUS_OK) {
        conn_close(conn);
        return;
    }
    switch (stream_write(&conn->stream, writer_slice(out))) {
    case STATUS_OK:
        conn_reply_done(conn);
        return;
    case STATUS_BUSY:
        break;
    default:
        if (errno == ETIMEDOUT)
            conn_timeout_count_untaken(conn);
        conn_close(conn);
        return;
    }
    progress_start(&conn->progress, clock_monotonic_ns(),
                   UINT64_MAX - stream_unsent(&conn->stream));
    conn_deadline(conn, DEADLINE_WRITE);
}

void http_reply(struct http_exchange *exchange, int code, const char *content_type,
                struct slice body, const struct http_reply_header *extra, size_t extra_count,
                const char *route)
{
    ensure(exchange->open);
    exchange->open = false;
    http_reply_send(exchange->conn, code, content_type, body, extra, extra_count, route);
}

static int write_problem(struct writer *out, const struct refusal *refusal)
{
    writer_text(out, "{\"type\":\"about:blank\",\"title\":");
    writer_json_string(out, slice_from_text(http_reason(refusal->status)));
    writer_text(out, ",\"status\":");
    writer_decimal(out, refusal->status);
    writer_text(out, ",\"code\":");
    writer_json_string(out, slice_from_text(refusal->code));
    writer_text(out, ",\"detail\":");
    writer_json_string(out, slice_from_text(refusal->detail));
    writer_text(out, "}\n");
    return refusal->status;
}

static const struct http_problem_form usual_form = {"application/problem+json", write_problem};

void http_problem(struct http_exchange *exchange, const struct refusal *refusal, const char *route)
{
    struct writer *body = &exchange->conn->server->problem;
    const struct http_problem_form *form =
        exchange->problem_form ? exchange->problem_form : &usual_form;
    struct http_reply_header headers[2];
    size_t count = 0;
    unsigned retry_after_s = refusal->retry_after_s;
    char seconds[16];
    ensure(exchange->open);
    if (refusal->header)
        headers[count++] = (struct http_reply_header){refusal->header, refusal->header_value};
    writer_reset(body);
    int status = form->write(body, refusal);
    if (retry_after_s == 0 && (status == 429 || status == 503))
        retry_after_s = 1; /* the form's own status: both mean retry later */
    if (retry_after_s > 0) {
        snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
        headers[count++] = (struct http_reply_header){"Retry-After", seconds};
    }
    refusal_count_add(refusal->reason);
    http_reply(exchange, status, form->content_type, writer_slice(body), headers, count, route);
}
