/* http_chunk.h: the chunked transfer coding (RFC 9112 §7.1), decoded strictly by its grammar: a
 * size line that two servers could read differently ends the request. Extensions are checked,
 * bounded and dropped (§7.1.1: a recipient ignores those that it does not know). Takes pieces of
 * any size. Thread: any, one owner. */
#ifndef VSOC_SERVER_HTTP_CHUNK_H
#define VSOC_SERVER_HTTP_CHUNK_H

#include "server/http/http_scan.h"

/* Chunk extensions of one request, and bytes of one chunk line. */
#define HTTP_CHUNK_EXTENSION_BYTES_MAX 4096

struct http_chunks {
    unsigned state;
    uint64_t left;            /* of the chunk's data */
    uint64_t line_bytes;      /* of the size line being read */
    uint64_t extension_bytes; /* of all size lines */
};

enum http_chunks_event {
    HTTP_CHUNKS_MORE,    /* all bytes consumed */
    HTTP_CHUNKS_DATA,    /* *data is a span of the body, in the caller's bytes */
    HTTP_CHUNKS_LAST,    /* the line of the last chunk is over: the trailers follow */
    HTTP_CHUNKS_REFUSED, /* *refusal is filled; only a start may follow */
};

void http_chunks_start(struct http_chunks *chunks);
/* Continues reading; *consumed bytes of in were processed. */
enum http_chunks_event http_chunks_feed(struct http_chunks *chunks, struct slice in,
                                        size_t *consumed, struct slice *data,
                                        struct refusal *refusal);

#endif
