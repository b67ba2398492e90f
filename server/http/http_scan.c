/* http_scan.c: our own check of the raw bytes of a request head or trailer section. Runs on the
 * connection's worker, before llhttp, which is more lenient than a server behind a proxy may be: a
 * byte that two parsers could read differently ends the request here. It does not interpret
 * fields; http_parser.c does. */
#include "server/http/http_scan.h"

enum {
    SCAN_START,
    SCAN_EMPTY_LF,
    SCAN_METHOD,
    SCAN_TARGET,
    SCAN_VERSION,
    SCAN_LINE_LF,
    SCAN_LINE_START,
    SCAN_NAME,
    SCAN_VALUE,
    SCAN_END_LF,
    SCAN_DONE,
};

#define METHOD_BYTES_MAX 32

bool http_is_token_char(uint8_t c)
{
    static const bool table[256] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
        ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
        ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
    };
    return table[c];
}

void http_scan_start_head(struct http_scan *scan, const struct http_limits *limits)
{
    *scan = (struct http_scan){.limits = *limits, .state = SCAN_START};
}

void http_scan_start_trailers(struct http_scan *scan, const struct http_limits *limits)
{
    *scan = (struct http_scan){.limits = *limits, .state = SCAN_LINE_START};
}

/* A line ends with CR LF, both or neither (RFC 9112 §2.2 lets a server refuse a lone one). */
static void refuse_byte(uint8_t c, struct refusal *refusal)
{
    if (c == '\n')
        refusal_set(refusal, REFUSAL_bare_lf);
    else if (c == '\r')
        refusal_set(refusal, REFUSAL_bare_cr);
    else
        refusal_say(refusal, REFUSAL_control_character,
                    "the request head has the byte 0x%02x, which is not allowed there", c);
}

static bool is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool scan_start(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (c == '\r' && scan->leading_bytes == 0) {
        scan->state = SCAN_EMPTY_LF; /* one empty line may come first (RFC 9112 §2.2) */
        return true;
    }
    if (c == 0x16) {
        refusal_set(refusal, REFUSAL_tls_on_plain_port);
        return false;
    }
    if (!http_is_token_char(c)) {
        if (is_control(c))
            refuse_byte(c, refusal);
        else
            refusal_say(refusal, REFUSAL_bad_request_line,
                        "the request does not begin with a method");
        return false;
    }
    scan->state = SCAN_METHOD;
    scan->piece_bytes = 1;
    return true;
}

static bool scan_method(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (c == ' ') {
        scan->state = SCAN_TARGET;
        scan->piece_bytes = 0;
        return true;
    }
    if (is_control(c)) {
        refuse_byte(c, refusal);
        return false;
    }
    if (!http_is_token_char(c)) {
        refusal_say(refusal, REFUSAL_bad_request_line,
                    "the method has a character that is not allowed");
        return false;
    }
    if (++scan->piece_bytes > METHOD_BYTES_MAX) {
        refusal_say(refusal, REFUSAL_unknown_method, "the method is longer than %d bytes",
                    METHOD_BYTES_MAX);
        return false;
    }
    return true;
}

static bool scan_target(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (c == ' ' && scan->piece_bytes > 0) {
        scan->state = SCAN_VERSION;
        scan->piece_bytes = 0;
        return true;
    }
    if (c == '\r') {
        refusal_say(refusal, REFUSAL_bad_request_line, "the request line has no version");
        return false;
    }
    if (is_control(c)) {
        refuse_byte(c, refusal);
        return false;
    }
    if (c == ' ' || c == '\t' || c >= 0x80) {
        refusal_say(
            refusal, REFUSAL_bad_target,
            "the request target has a character that must be percent-encoded, or is missing");
        return false;
    }
    if (++scan->piece_bytes > scan->limits.target_bytes) {
        refusal_say(refusal, REFUSAL_target_too_long,
                    "the request target is longer than limits.target_bytes (%llu)",
                    (unsigned long long)scan->limits.target_bytes);
        return false;
    }
    return true;
}

static bool scan_version(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    static const char shape[] = "HTTP/d.d";
    uint64_t at = scan->piece_bytes++;
    if (at == sizeof(shape) - 1) {
        if (c == '\r') {
            scan->state = SCAN_LINE_LF;
            return true;
        }
    } else {
        char want = shape[at];
        if (want == 'd' ? c >= '0' && c <= '9' : c == (uint8_t)want) {
            if (at == 5 && c != '1') {
                refusal_set(refusal, REFUSAL_unsupported_version);
                return false;
            }
            return true;
        }
    }
    if (is_control(c) && c != '\r')
        refuse_byte(c, refusal);
    else
        refusal_say(refusal, REFUSAL_bad_request_line,
                    "the request line does not end with ' HTTP/1.1' and CR LF");
    return false;
}

static bool scan_line_start(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (c == '\r') {
        scan->state = SCAN_END_LF;
        return true;
    }
    if (c == ' ' || c == '\t') {
        refusal_set(refusal, REFUSAL_folded_header);
        return false;
    }
    if (c == ':') {
        refusal_set(refusal, REFUSAL_empty_header_name);
        return false;
    }
    if (!http_is_token_char(c)) {
        if (is_control(c))
            refuse_byte(c, refusal);
        else
            refusal_set(refusal, REFUSAL_bad_header_name);
        return false;
    }
    if (++scan->lines > scan->limits.header_count) {
        refusal_say(refusal, REFUSAL_too_many_headers,
                    "there are more header lines than limits.header_count (%llu)",
                    (unsigned long long)scan->limits.header_count);
        return false;
    }
    scan->state = SCAN_NAME;
    return true;
}

static bool scan_name(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (http_is_token_char(c))
        return true;
    if (c == ':') {
        scan->state = SCAN_VALUE;
        return true;
    }
    if (c == ' ' || c == '\t')
        refusal_set(refusal, REFUSAL_space_in_header_name);
    else if (c == '\r')
        refusal_say(refusal, REFUSAL_bad_header_name, "a header line has no colon");
    else if (is_control(c))
        refuse_byte(c, refusal);
    else
        refusal_set(refusal, REFUSAL_bad_header_name);
    return false;
}

static bool scan_value(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    if (c == '\r') {
        scan->state = SCAN_LINE_LF;
        return true;
    }
    if (!is_control(c))
        return true;
    refuse_byte(c, refusal);
    return false;
}

static bool scan_lf(struct http_scan *scan, uint8_t c, unsigned next, struct refusal *refusal)
{
    if (c != '\n') {
        refuse_byte('\r', refusal);
        return false;
    }
    scan->state = next;
    return true;
}

static bool scan_byte(struct http_scan *scan, uint8_t c, struct refusal *refusal)
{
    switch (scan->state) {
    case SCAN_START:
        return scan_start(scan, c, refusal);
    case SCAN_EMPTY_LF:
        scan->leading_bytes = 2;
        return scan_lf(scan, c, SCAN_START, refusal);
    case SCAN_METHOD:
        return scan_method(scan, c, refusal);
    case SCAN_TARGET:
        return scan_target(scan, c, refusal);
    case SCAN_VERSION:
        return scan_version(scan, c, refusal);
    case SCAN_LINE_LF:
        return scan_lf(scan, c, SCAN_LINE_START, refusal);
    case SCAN_LINE_START:
        return scan_line_start(scan, c, refusal);
    case SCAN_NAME:
        return scan_name(scan, c, refusal);
    case SCAN_VALUE:
        return scan_value(scan, c, refusal);
    default:
        return scan_lf(scan, c, SCAN_DONE, refusal);
    }
}

bool http_scan_has_begun(const struct http_scan *scan)
{
    return scan->state != SCAN_START && scan->state != SCAN_EMPTY_LF;
}

enum http_scan_result http_scan_feed(struct http_scan *scan, struct slice in, size_t *consumed,
                                     struct refusal *refusal)
{
    *consumed = 0;
    while (*consumed < in.size && scan->state != SCAN_DONE) {
        if (++scan->bytes > scan->limits.header_bytes) {
            refusal_say(refusal, REFUSAL_headers_too_large,
                        "request line and headers are larger than limits.header_bytes (%llu)",
                        (unsigned long long)scan->limits.header_bytes);
            return HTTP_SCAN_REFUSED;
        }
        if (!scan_byte(scan, in.data[(*consumed)++], refusal))
            return HTTP_SCAN_REFUSED;
    }
    return scan->state == SCAN_DONE ? HTTP_SCAN_END : HTTP_SCAN_MORE;
}
