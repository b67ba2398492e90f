/* http_scan.h: our own check of the raw bytes of a request head, or of a trailer section, before
 * the parser sees them: line ends, control characters, folded lines, field names, sizes. Takes
 * pieces of any size and examines each byte once. Thread: any, one owner. */
#ifndef VSOC_SERVER_HTTP_SCAN_H
#define VSOC_SERVER_HTTP_SCAN_H

#include <stdint.h>
#include "core/reasons/refusal.h"
#include "core/slice.h"

struct http_limits {
    uint64_t header_bytes; /* request line and fields, or the trailer section: 431 */
    uint64_t header_count; /* field lines: 431 */
    uint64_t target_bytes; /* 414 */
};

enum http_scan_result {
    HTTP_SCAN_MORE,    /* all bytes are valid so far, the end has not arrived yet */
    HTTP_SCAN_END,     /* the empty line that ends the section was seen */
    HTTP_SCAN_REFUSED, /* *refusal is filled; only a start may follow */
};

struct http_scan {
    struct http_limits limits;
    unsigned state;
    uint64_t bytes;         /* of the section so far */
    uint64_t lines;         /* field lines begun */
    uint64_t piece_bytes;   /* of the method, target, version or name being read */
    uint64_t leading_bytes; /* of an empty line before the request line: not part of the head */
};

/* Begins a request head (RFC 9112 §2.1): request line, field lines, empty line. */
void http_scan_start_head(struct http_scan *scan, const struct http_limits *limits);
/* Begins a trailer section (RFC 9112 §7.1.2): field lines, empty line. */
void http_scan_start_trailers(struct http_scan *scan, const struct http_limits *limits);
/* Checks the next bytes; *consumed of them belong to the section (all, unless END). */
enum http_scan_result http_scan_feed(struct http_scan *scan, struct slice in, size_t *consumed,
                                     struct refusal *refusal);

/* A byte of the request line was seen: an empty line before it does not count. */
bool http_scan_has_begun(const struct http_scan *scan);

/* A character of a token (RFC 9110 §5.6.2). */
bool http_is_token_char(uint8_t c);

#endif
