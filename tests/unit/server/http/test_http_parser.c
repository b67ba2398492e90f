/* test_http_parser.c: what the HTTP parser takes and refuses, fed whole and byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "server/http/http_parser.h"

static const struct http_limits limits = {
    .header_bytes = 1024, .header_count = 8, .target_bytes = 64};

/* All that came out of a stream of bytes. */
struct outcome {
    unsigned requests; /* that ended */
    int status;        /* of the refusal, 0: none */
    char code[64];
    char body[256]; /* of all requests */
    size_t body_bytes;
    char paths[256];
};

static void note_head(struct outcome *o, const struct http_request *r)
{
    size_t used = strlen(o->paths);
    snprintf(o->paths + used, sizeof(o->paths) - used, "%.*s %.*s?%.*s k%d e%d l%d;",
             SLICE_ARGS(r->method), SLICE_ARGS(r->path), SLICE_ARGS(r->query), r->keep_alive,
             r->expect_continue, (int)r->content_length);
}

/* Feeds text in pieces of `piece` bytes, each in a heap block of its own so that overruns show. */
static struct outcome run(const char *text, size_t size, size_t piece)
{
    struct outcome o = {0};
    struct http_parser *parser = http_parser_create();
    assert_non_null(parser);
    http_parser_start(parser, &limits);
    for (size_t at = 0; at < size && !o.status; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        uint8_t *block = (uint8_t *)malloc(n);
        memcpy(block, text + at, n);
        struct slice in = slice_make(block, n), body;
        enum http_parser_event event;
        do {
            size_t consumed;
            event = http_parser_feed(parser, in, &consumed, &body);
            in = slice_sub(in, consumed, in.size);
            if (event == HTTP_PARSER_HEAD)
                note_head(&o, http_parser_request(parser));
            if (event == HTTP_PARSER_BODY) {
                assert_true(o.body_bytes + body.size <= sizeof(o.body));
                memcpy(o.body + o.body_bytes, body.data, body.size);
                o.body_bytes += body.size;
            }
            if (event == HTTP_PARSER_END) {
                o.requests++;
                http_parser_start(parser, &limits);
            }
            if (event == HTTP_PARSER_REFUSED) {
                o.status = http_parser_refusal(parser)->status;
                snprintf(o.code, sizeof(o.code), "%s", http_parser_refusal(parser)->code);
                assert_true(strlen(http_parser_refusal(parser)->detail) > 10);
            }
        } while (event != HTTP_PARSER_MORE && event != HTTP_PARSER_REFUSED);
        free(block);
    }
    http_parser_destroy(parser);
    return o;
}

struct row {
    const char *name;
    const char *text;
    size_t size; /* 0: strlen */
    int status;  /* 0: taken */
    const char *code;
    unsigned requests; /* wanted when taken */
    const char *body;
};

#define TAKEN(name, text, requests, body)                                                          \
    {                                                                                              \
        name, text, sizeof(text) - 1, 0, "", requests, body                                        \
    }
#define REFUSED(name, text, status, code)                                                          \
    {                                                                                              \
        name, text, sizeof(text) - 1, status, code, 0, ""                                          \
    }
#define HEAD(lines)   "POST /v1/events HTTP/1.1\r\nHost: h\r\n" lines "\r\n"
#define CHUNKED(body) HEAD("Transfer-Encoding: chunked\r\n") body

static const struct row rows[] = {
    TAKEN("plain GET", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1, ""),
    TAKEN("POST with length", HEAD("Content-Length: 5\r\n") "hello", 1, "hello"),
    TAKEN("POST with length 0", HEAD("Content-Length: 0\r\n"), 1, ""),
    TAKEN("POST without length", HEAD(""), 1, ""),
    TAKEN("chunked", CHUNKED("5\r\nhello\r\n0\r\n\r\n"), 1, "hello"),
    TAKEN("chunked in capitals",
          HEAD("TRANSFER-ENCODING: ChunKed\r\n") "A\r\n0123456789\r\n0\r\n\r\n", 1, "0123456789"),
    TAKEN("two chunks", CHUNKED("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), 1, "hello world"),
    TAKEN("short chunk extension is ignored", CHUNKED("5;name=value\r\nhello\r\n0\r\n\r\n"), 1,
          "hello"),
    TAKEN("quoted chunk extension is ignored", CHUNKED("5;a=\"b c\"\r\nhello\r\n0\r\n\r\n"), 1,
          "hello"),
    TAKEN("blanks around a chunk extension",
          CHUNKED("5 \t; \ta \t= \tb\r\nhello\r\n0 ;last\r\n\r\n"), 1, "hello"),
    TAKEN("several chunk extensions", CHUNKED("5;a;b=c;d=\"e\" ; f\r\nhello\r\n0;x=1;y=2\r\n\r\n"),
          1, "hello"),
    TAKEN("quoted chunk extension with pairs, blanks and bytes above 0x7f",
          CHUNKED("5;a=\"\\\"\t;\xe4 \\\\=\"\r\nhello\r\n0\r\n\r\n"), 1, "hello"),
    TAKEN("quoted chunk extension that is empty", CHUNKED("5;a=\"\"\r\nhello\r\n0\r\n\r\n"), 1,
          "hello"),
    TAKEN("leading zeros of a chunk size", CHUNKED("0005\r\nhello\r\n00\r\n\r\n"), 1, "hello"),
    TAKEN("chunk of one byte each", CHUNKED("1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), 1, "hi"),
    TAKEN("asterisk-form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 1, ""),
    TAKEN("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 1, ""),
    TAKEN("HTTP/1.9 with chunks",
          "POST / HTTP/1.9\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 1,
          "ab"),
    TAKEN("empty elements of Connection", HEAD("Connection: , ,keep-alive,,\r\n"), 1, ""),
    TAKEN("empty elements of Expect", HEAD("Expect: , 100-continue,\r\n"), 1, ""),
    TAKEN("empty Expect", HEAD("Expect:\r\n"), 1, ""),
    TAKEN("Host with sub-delims", "GET / HTTP/1.1\r\nHost: a=b!$&'()*+,;c\r\n\r\n", 1, ""),
    TAKEN("Host with percent-encoding", "GET / HTTP/1.1\r\nHost: a%7Eb:80\r\n\r\n", 1, ""),
    TAKEN("trailers are dropped", CHUNKED("5\r\nhello\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n"), 1,
          "hello"),
    TAKEN("pipelined",
          HEAD("Content-Length: 2\r\n") "ab" HEAD(
              "Transfer-Encoding: chunked\r\n") "2\r\ncd\r\n0\r\n\r\n" HEAD("Content-Length: "
                                                                            "2\r\n") "ef",
          3, "abcdef"),
    TAKEN("pipelined after close is parsed, the connection drops it",
          HEAD("Connection: close\r\n") HEAD(""), 2, ""),
    TAKEN("one empty line first", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 1, ""),
    TAKEN("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 1, ""),
    TAKEN("absolute-form", "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", 1, ""),
    TAKEN("upgrade is ignored",
          "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 1, ""),
    TAKEN("upgrade with a body is ignored",
          HEAD("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n") "ab", 1, "ab"),
    TAKEN("empty header value", HEAD("X-Empty:\r\n"), 1, ""),
    TAKEN("bytes above 0x7f in a value", HEAD("X-Latin: \xe4\r\n"), 1, ""),
    TAKEN("IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 1, ""),
    /* libraries.md §2.2, in its order */
    REFUSED("length and chunked", HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400,
            "length_and_transfer_encoding"),
    REFUSED("chunked and length", HEAD("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400,
            "length_and_transfer_encoding"),
    REFUSED("two lengths", HEAD("Content-Length: 5\r\nContent-Length: 6\r\n"), 400,
            "duplicate_content_length"),
    REFUSED("two equal lengths", HEAD("Content-Length: 5\r\nContent-Length: 5\r\n"), 400,
            "duplicate_content_length"),
    REFUSED("list of lengths", HEAD("Content-Length: 5, 5\r\n"), 400, "bad_content_length"),
    REFUSED("signed length", HEAD("Content-Length: +5\r\n"), 400, "bad_content_length"),
    REFUSED("negative length", HEAD("Content-Length: -5\r\n"), 400, "bad_content_length"),
    REFUSED("hexadecimal length", HEAD("Content-Length: 0x5\r\n"), 400, "bad_content_length"),
    REFUSED("empty length", HEAD("Content-Length:\r\n"), 400, "bad_content_length"),
    REFUSED("length past 63 bits", HEAD("Content-Length: 18446744073709551616\r\n"), 400,
            "bad_content_length"),
    REFUSED("unknown coding", HEAD("Transfer-Encoding: xchunked\r\n"), 501,
            "unknown_transfer_coding"),
    REFUSED("identity coding", HEAD("Transfer-Encoding: identity\r\n"), 501,
            "unknown_transfer_coding"),
    REFUSED("empty coding", HEAD("Transfer-Encoding:\r\n"), 501, "unknown_transfer_coding"),
    REFUSED("chunked twice", HEAD("Transfer-Encoding: chunked, chunked\r\n"), 400,
            "bad_transfer_encoding"),
    REFUSED("chunked in two headers",
            HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400,
            "bad_transfer_encoding"),
    REFUSED("chunked with parameter", HEAD("Transfer-Encoding: chunked;a=b\r\n"), 501,
            "unknown_transfer_coding"),
    REFUSED("space before the colon of Transfer-Encoding", HEAD("Transfer-Encoding : chunked\r\n"),
            400, "space_in_header_name"),
    REFUSED("space before the colon of Content-Length", HEAD("Content-Length : 5\r\n"), 400,
            "space_in_header_name"),
    REFUSED("chunk size 0x5", CHUNKED("0x5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("chunk size +5", CHUNKED("+5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("chunk size with leading space", CHUNKED(" 5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("junk after chunk size", CHUNKED("5 junk\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("no line end after chunk", CHUNKED("5\r\nhello0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("bare LF after chunk size", CHUNKED("5\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("bare LF after chunk", CHUNKED("5\r\nhello\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("bare CR after chunk size", CHUNKED("5\rhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("bare LF in chunk extension", CHUNKED("5;a=b\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("NUL in chunk extension", CHUNKED("5;a=\0\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("chunk size past 64 bits", CHUNKED("10000000000000000\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("no chunk size", CHUNKED("\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("bare LF header line", "GET / HTTP/1.1\nHost: h\n\n", 400, "bare_lf"),
    REFUSED("bare LF after a header", HEAD("A: b\n"), 400, "bare_lf"),
    REFUSED("folded header", HEAD("A: b\r\n c\r\n"), 400, "folded_header"),
    REFUSED("folded coding", HEAD("Transfer-Encoding:\r\n chunked\r\n"), 400, "folded_header"),
    REFUSED("space before the first header", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400,
            "folded_header"),
    REFUSED("bare CR after an empty value", HEAD("A:\r\rB: c\r\n"), 400, "bare_cr"),
    REFUSED("bare CR in a value", HEAD("A: b\rc\r\n"), 400, "bare_cr"),
    REFUSED("NUL in a value", HEAD("A: b\0c\r\n"), 400, "control_character"),
    REFUSED("control byte in a value", HEAD("A: b\x01\r\n"), 400, "control_character"),
    REFUSED("DEL in a value", HEAD("A: b\x7f\r\n"), 400, "control_character"),
    REFUSED("vertical tab before chunked",
            HEAD("Transfer-Encoding: \x0b"
                 "chunked\r\n"),
            400, "control_character"),
    REFUSED("NUL in a name", HEAD("A\0: b\r\n"), 400, "control_character"),
    REFUSED("empty header name", HEAD(": b\r\n"), 400, "empty_header_name"),
    REFUSED("header without colon", HEAD("Content-Length\r\n"), 400, "bad_header_name"),
    REFUSED("byte above 0x7f in a name", HEAD("Content-L\xe4ngth: 5\r\n"), 400, "bad_header_name"),
    REFUSED("missing Host", "GET / HTTP/1.1\r\n\r\n", 400, "missing_host"),
    REFUSED("double Host", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400, "duplicate_host"),
    REFUSED("double Host in 1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: g\r\n\r\n", 400,
            "duplicate_host"),
    REFUSED("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "bad_host"),
    REFUSED("Host with path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400, "bad_host"),
    REFUSED("Host with user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400, "bad_host"),
    REFUSED("list of Hosts", "GET / HTTP/1.1\r\nHost: h, g\r\n\r\n", 400, "bad_host"),
    REFUSED("HTTP/1.2 without Host", "GET / HTTP/1.2\r\n\r\n", 400, "missing_host"),
    REFUSED("HTTP/3.1", "GET / HTTP/3.1\r\nHost: h\r\n\r\n", 505, "unsupported_version"),
    REFUSED("HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505, "unsupported_version"),
    REFUSED("Host with a bad percent-encoding", "GET / HTTP/1.1\r\nHost: a%zz\r\n\r\n", 400,
            "bad_host"),
    REFUSED("Host with half a percent-encoding", "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", 400,
            "bad_host"),
    REFUSED("IPv6 Host that is none", "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", 400, "bad_host"),
    REFUSED("chunked, then another coding", HEAD("Transfer-Encoding: chunked, gzip\r\n"), 400,
            "bad_transfer_encoding"),
    REFUSED("chunked, then another coding in a line of its own",
            HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400,
            "bad_transfer_encoding"),
    REFUSED("chunked and an empty element", HEAD("Transfer-Encoding: chunked,\r\n"), 400,
            "bad_transfer_encoding"),
    REFUSED("blank behind a chunk size", CHUNKED("5 \r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("chunk extension without a name", CHUNKED("5;\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("chunk extension without its value", CHUNKED("5;a=\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("chunk extension with an open quote", CHUNKED("5;a=\"b\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("line end inside a quoted extension",
            CHUNKED("5;a=\"\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\"\r\nhello\r\n"), 400,
            "bad_chunk"),
    REFUSED("line end behind a backslash", CHUNKED("5;a=\"\\\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("text behind a quoted extension", CHUNKED("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("second = in a chunk extension", CHUNKED("5;a=b=c\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("bare CR in a chunk extension", CHUNKED("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400,
            "bad_chunk"),
    REFUSED("chunk longer than its size", CHUNKED("4\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("hexadecimal point", CHUNKED("5.\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("minus", CHUNKED("-5\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("underscore in a chunk size", CHUNKED("5_0\r\nhello\r\n0\r\n\r\n"), 400, "bad_chunk"),
    REFUSED("HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, "unsupported_version"),
    REFUSED("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unsupported_version"),
    REFUSED("lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400, "bad_request_line"),
    REFUSED("HTTP/0.9", "GET /\r\n", 400, "bad_request_line"),
    REFUSED("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, "transfer_encoding_http_1_0"),
    REFUSED("gzip, chunked", HEAD("Transfer-Encoding: gzip, chunked\r\n"), 501,
            "unknown_transfer_coding"),
    /* and what the table does not name */
    REFUSED("folded trailer", CHUNKED("0\r\nA: b\r\n c\r\n\r\n"), 400, "folded_header"),
    REFUSED("bare LF in trailers", CHUNKED("0\r\nA: b\n\r\n"), 400, "bare_lf"),
    REFUSED("bare LF after the trailers", CHUNKED("0\r\n\n"), 400, "bare_lf"),
    REFUSED("too many trailers",
            CHUNKED("0\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: "
                    "b\r\n\r\n"),
            431, "too_many_headers"),
    REFUSED("too many headers",
            HEAD("A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n"), 431,
            "too_many_headers"),
    REFUSED("unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "unknown_method"),
    REFUSED("lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "unknown_method"),
    REFUSED("method that begins like another", "POSTER / HTTP/1.1\r\nHost: h\r\n\r\n", 501,
            "unknown_method"),
    REFUSED("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501, "refused_method"),
    REFUSED("TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "refused_method"),
    REFUSED("asterisk-form of another method", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400,
            "bad_target"),
    REFUSED("asterisk and more", "OPTIONS *x HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"),
    REFUSED("authority-form", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"),
    REFUSED("fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"),
    REFUSED("space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_request_line"),
    REFUSED("two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400,
            "bad_target"),
    REFUSED("tab in the request line", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
            "bad_request_line"),
    REFUSED("absolute-form of another host", "GET http://g/ HTTP/1.1\r\nHost: h\r\n\r\n", 400,
            "host_mismatch"),
    REFUSED("other scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"),
    REFUSED("unknown expectation", HEAD("Expect: 200-ok\r\n"), 417, "unknown_expectation"),
    REFUSED("TLS on the plain port", "\x16\x03\x01\x02\x00\x01", 400, "tls_on_plain_port"),
    REFUSED("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bare_cr"),
};

static void check_row(const struct row *row, size_t piece)
{
    struct outcome o = run(row->text, row->size, piece);
    if (o.status != row->status || (row->status && strcmp(o.code, row->code)))
        fail_msg("%s, in pieces of %zu: %d %s instead of %d %s", row->name, piece, o.status, o.code,
                 row->status, row->code);
    if (row->status)
        return;
    if (o.requests != row->requests ||
        !slice_equal_text(slice_make(o.body, o.body_bytes), row->body))
        fail_msg("%s, in pieces of %zu: %u requests with body '%.*s'", row->name, piece, o.requests,
                 (int)o.body_bytes, o.body);
}

static void each_shape_gets_its_answer_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece = 1; piece <= rows[i].size; piece++)
            check_row(&rows[i], piece);
}

static void refusals_of_bytes_end_the_stream(void **state)
{
    (void)state;
    const char text[] = "GET / HTTP/1.1\nHost: h\n\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
    struct outcome o = run(text, sizeof(text) - 1, sizeof(text));
    assert_int_equal(o.requests, 0);
    assert_string_equal(o.paths, "");
}

static void facts_of_the_head_are_told(void **state)
{
    (void)state;
    const char text[] = "GET HTTP://Example.COM:80?q=1 HTTP/1.1\r\nHost: example.com:80\r\n\r\n"
                        "POST /a/b?c=d?e HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n"
                        "Connection: foo , Close\r\nContent-Length: 1\r\n\r\nx"
                        "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: nonsense\r\n\r\n"
                        "HEAD / HTTP/1.0\r\n\r\n";
    struct outcome o = run(text, sizeof(text) - 1, 7);
    assert_int_equal(o.status, 0);
    assert_string_equal(o.paths, "GET /?q=1 k1 e0 l0;POST /a/b?c=d?e k0 e1 l1;GET /? k1 e0 l0;"
                                 "HEAD /? k0 e0 l0;");
}

static void refuse_long(const char *before, char fill, size_t count, const char *after, int status,
                        const char *code)
{
    size_t size = strlen(before) + count + strlen(after);
    char *text = (char *)malloc(size + 1);
    memcpy(text, before, strlen(before));
    memset(text + strlen(before), fill, count);
    memcpy(text + strlen(before) + count, after, strlen(after) + 1);
    for (size_t piece = 1; piece <= size; piece = piece * 7) {
        struct outcome o = run(text, size, piece);
        assert_int_equal(o.status, status);
        if (status)
            assert_string_equal(o.code, code);
    }
    free(text);
}

static void each_size_limit_has_its_own_answer(void **state)
{
    (void)state;
    const char *end = " HTTP/1.1\r\nHost: h\r\n\r\n";
    refuse_long("GET /", 'a', 63, end, 0, "");
    refuse_long("GET /", 'a', 64, end, 414, "target_too_long");
    const char *before = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
    size_t rest = 1024 - strlen(before) - 4;
    refuse_long(before, 'a', rest, "\r\n\r\n", 0, "");
    refuse_long(before, 'a', rest + 1, "\r\n\r\n", 431, "headers_too_large");
    refuse_long("", 'A', 33, end, 501, "unknown_method");
    refuse_long(CHUNKED("5;a="), 'b', 4000, "\r\nhello\r\n0\r\n\r\n", 0, "");
    refuse_long(CHUNKED("5;a="), 'b', 5000, "\r\nhello\r\n0\r\n\r\n", 400,
                "chunk_extensions_too_large");
    refuse_long(CHUNKED(""), '0', 5000, "5\r\nhello\r\n0\r\n\r\n", 400,
                "chunk_extensions_too_large");
    refuse_long(CHUNKED("0\r\nA: "), 'b', 2000, "\r\n\r\n", 431, "headers_too_large");
}

static void extensions_of_all_chunks_are_counted_together(void **state)
{
    (void)state;
    char *text = (char *)malloc(200000);
    size_t size = (size_t)snprintf(text, 1000, "%s", CHUNKED(""));
    for (int i = 0; i < 100; i++)
        size += (size_t)snprintf(text + size, 1000, "1;%0100d=b\r\nx\r\n", i);
    struct outcome o = run(text, size, size);
    assert_int_equal(o.status, 400);
    assert_string_equal(o.code, "chunk_extensions_too_large");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_gets_its_answer_in_pieces_of_any_size),
        cmocka_unit_test(refusals_of_bytes_end_the_stream),
        cmocka_unit_test(facts_of_the_head_are_told),
        cmocka_unit_test(each_size_limit_has_its_own_answer),
        cmocka_unit_test(extensions_of_all_chunks_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
