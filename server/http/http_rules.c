/* http_rules.c: further rules for a parsed head. Runs on the connection's worker. Pure: no state,
 * no memory of its own. It refuses everything that two chained servers could read differently (RFC
 * 9112 §11.2). */
#include "server/http/http_rules.h"

#include "server/http/http_host.h"
#include "server/http/http_list.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next element of Transfer-Encoding; false at its end. Empty elements are returned too: not
 * every server in front skips them, so they make the framing ambiguous. */
static bool next_coding(struct slice *list, struct slice *element)
{
    if (!list->data)
        return false;
    const uint8_t *comma = slice_find_byte(*list, ',');
    size_t size = comma ? (size_t)(comma - list->data) : list->size;
    *element = slice_trim(slice_make(list->data, size));
    *list = comma ? slice_make(comma + 1, list->size - size - 1) : SLICE_EMPTY;
    return true;
}

/* Field of this name from *at on; advances *at past it. */
static const struct http_field *next_field(const struct http_request *request, const char *name,
                                           size_t *at)
{
    while (*at < request->field_count) {
        const struct http_field *f = &request->fields[(*at)++];
        if (slice_equal_nocase(f->name, name))
            return f;
    }
    return NULL;
}

/* RFC 9112 §6.2: digits only, once. */
static bool read_content_length(struct http_request *request, bool *present,
                                struct refusal *refusal)
{
    size_t at = 0;
    const struct http_field *f = next_field(request, "content-length", &at);
    *present = f != NULL;
    if (!f)
        return true;
    if (next_field(request, "content-length", &at)) {
        refusal_set(refusal, REFUSAL_duplicate_content_length);
        return false;
    }
    bool good = f->value.size >= 1 && f->value.size <= 18;
    int64_t length = 0;
    for (size_t i = 0; good && i < f->value.size; i++) {
        good = is_digit(f->value.data[i]);
        length = length * 10 + (f->value.data[i] - '0');
    }
    if (!good) {
        refusal_set(refusal, REFUSAL_bad_content_length);
        return false;
    }
    request->content_length = length;
    return true;
}

/* RFC 9112 §6.1: the only coding taken is chunked, once, and never on HTTP/1.0. §6.3: if chunked is
 * not the last one, the end of the body is unknown. */
static bool read_transfer_encoding(struct http_request *request, bool has_length,
                                   struct refusal *refusal)
{
    size_t at = 0, chunked = 0;
    bool others = false, last = false;
    const struct http_field *f = next_field(request, "transfer-encoding", &at);
    if (!f)
        return true;
    if (!request->version_11) {
        refusal_set(refusal, REFUSAL_transfer_encoding_http_1_0);
        return false;
    }
    if (has_length) {
        refusal_set(refusal, REFUSAL_length_and_transfer_encoding);
        return false;
    }
    for (; f; f = next_field(request, "transfer-encoding", &at)) {
        struct slice list = f->value, coding;
        if (!list.data)
            list.data = (const uint8_t *)"";
        while (next_coding(&list, &coding)) {
            last = slice_equal_nocase(coding, "chunked");
            chunked += last;
            others = others || !last;
        }
    }
    if (chunked > 1 || (chunked && !last)) {
        refusal_set(refusal, REFUSAL_bad_transfer_encoding);
        return false;
    }
    if (others) {
        refusal_set(refusal, REFUSAL_unknown_transfer_coding);
        return false;
    }
    request->chunked = true;
    request->content_length = -1;
    return true;
}

static bool read_framing(struct http_request *request, struct refusal *refusal)
{
    bool has_length = false;
    request->content_length = 0;
    request->chunked = false;
    return read_content_length(request, &has_length, refusal) &&
           read_transfer_encoding(request, has_length, refusal);
}

/* RFC 9112 §3.2: exactly one Host in 1.1, at most one in 1.0. */
static bool read_host(const struct http_request *request, struct slice *host,
                      struct refusal *refusal)
{
    size_t at = 0;
    const struct http_field *f = next_field(request, "host", &at);
    *host = f ? f->value : SLICE_EMPTY;
    if (!f && request->version_11)
        refusal_set(refusal, REFUSAL_missing_host);
    else if (f && next_field(request, "host", &at))
        refusal_set(refusal, REFUSAL_duplicate_host);
    else if (f && !http_host_is_valid(f->value))
        refusal_set(refusal, REFUSAL_bad_host);
    else
        return true;
    return false;
}

static bool equal_nocase(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        uint8_t x = a.data[i], y = b.data[i];
        if (x != y && ((x ^ y) != 0x20 || !is_alphanumeric(x) || is_digit(x)))
            return false;
    }
    return true;
}

/* absolute-form (RFC 9112 §3.2.2): its authority must equal Host. *rest is the path. */
static bool strip_authority(struct slice target, struct slice host, struct slice *rest,
                            struct refusal *refusal)
{
    size_t scheme = slice_equal_nocase(slice_sub(target, 0, 7), "http://")    ? 7
                    : slice_equal_nocase(slice_sub(target, 0, 8), "https://") ? 8
                                                                              : 0;
    if (!scheme) {
        refusal_say(refusal, REFUSAL_bad_target,
                    "the request target must begin with '/', 'http://' or 'https://'");
        return false;
    }
    size_t end = scheme;
    while (end < target.size && target.data[end] != '/' && target.data[end] != '?')
        end++;
    struct slice authority = slice_sub(target, scheme, end - scheme);
    if (!http_host_is_valid(authority) || (host.size && !equal_nocase(authority, host))) {
        refusal_set(refusal, REFUSAL_host_mismatch);
        return false;
    }
    *rest = slice_make(target.data + end, target.size - end);
    return true;
}

static bool read_target(struct http_request *request, struct slice target, struct slice host,
                        struct refusal *refusal)
{
    struct slice rest = target;
    if (slice_equal_text(target, "*") && slice_equal_text(request->method, "OPTIONS")) {
        request->path = target; /* the server as a whole (RFC 9110 §9.3.7) */
        request->query = SLICE_EMPTY;
        return true;
    }
    if (memchr(target.data, '#', target.size)) {
        refusal_say(refusal, REFUSAL_bad_target, "the request target has a fragment");
        return false;
    }
    if (target.data[0] != '/' && !strip_authority(target, host, &rest, refusal))
        return false;
    const uint8_t *mark = slice_find_byte(rest, '?');
    size_t path_bytes = mark ? (size_t)(mark - rest.data) : rest.size;
    request->path = path_bytes ? slice_make(rest.data, path_bytes) : SLICE_LITERAL("/");
    request->query = mark ? slice_make(mark + 1, rest.size - path_bytes - 1) : SLICE_EMPTY;
    return true;
}

/* RFC 9110 §10.1.1; an HTTP/1.0 client can't wait for 100, its expectation is ignored. */
static bool read_expect(struct http_request *request, struct refusal *refusal)
{
    size_t at = 0;
    const struct http_field *f;
    while ((f = next_field(request, "expect", &at))) {
        struct slice list = request->version_11 ? f->value : SLICE_EMPTY, one;
        while (http_list_next(&list, &one)) {
            if (!slice_equal_nocase(one, "100-continue")) {
                refusal_set(refusal, REFUSAL_unknown_expectation);
                return false;
            }
            request->expect_continue = true;
        }
    }
    return true;
}

static void read_connection(struct http_request *request)
{
    size_t at = 0;
    bool close = false, keep = false;
    const struct http_field *f;
    while ((f = next_field(request, "connection", &at))) {
        struct slice list = f->value, option;
        while (http_list_next(&list, &option)) {
            close = close || slice_equal_nocase(option, "close");
            keep = keep || slice_equal_nocase(option, "keep-alive");
        }
    }
    request->keep_alive = !close && (request->version_11 || keep);
}

static bool check_method(const struct http_request *request, struct refusal *refusal)
{
    if (!slice_equal_text(request->method, "CONNECT") &&
        !slice_equal_text(request->method, "TRACE"))
        return true;
    refusal_set(refusal, REFUSAL_refused_method);
    return false;
}

bool http_rules_apply(struct http_request *request, struct slice target, struct refusal *refusal)
{
    struct slice host;
    if (!check_method(request, refusal) || !read_framing(request, refusal) ||
        !read_host(request, &host, refusal) || !read_target(request, target, host, refusal) ||
        !read_expect(request, refusal))
        return false;
    read_connection(request);
    return true;
}
