/* inflate.h: content codings behind one interface; every limit is checked while inflating. One
 * owner thread. */
#ifndef VSOC_SERVER_INFLATE_H
#define VSOC_SERVER_INFLATE_H

#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"
#include "parsers/read/work.h"

enum inflate_coding { INFLATE_IDENTITY, INFLATE_GZIP, INFLATE_DEFLATE, INFLATE_ZSTD };

struct inflate;

/* Value of Content-Encoding → coding. UNSUPPORTED for anything else, lists of more than one coding
 * included. */
enum status inflate_coding_parse(struct slice value, enum inflate_coding *coding) must_check;
const char *inflate_coding_name(enum inflate_coding coding);

/* Decoder, reusable for request after request. NULL when memory is out. */
struct inflate *inflate_create(void);
void inflate_destroy(struct inflate *inflate);
/* Starts a body. max_ratio (at least 1) is checked once the output exceeds 1 MiB. out is the
 * caller's, emptied by the caller; its limit is limits.inflated_bytes + JSON_PADDING
 * (core/json/json.h): the last JSON_PADDING bytes are for readers that look ahead, never for the
 * body. */
void inflate_start(struct inflate *inflate, enum inflate_coding coding, uint64_t max_ratio,
                   struct writer *out);
/* Feeds a span. CLOSED (the work was stopped), TOO_LARGE (out's limit), TOO_DENSE (ratio), TOO_MANY
 * (blocks, members or frames that hold too little, or a long stretch without output:
 * INFLATE_WORTH_…, INFLATE_IDLE_BYTES_MAX), OUT_OF_RANGE (a zstd window over 8 MiB), MALFORMED,
 * NO_MEMORY. After an error only inflate_start is allowed. */
enum status inflate_feed(struct inflate *inflate, struct slice span) must_check;
/* The body is complete. TRUNCATED if the stream is not (an empty body of a coding other than
 * identity is not). For garbage after the stream, feed already returned MALFORMED. On OK
 * JSON_PADDING bytes after the writer's content may be read. */
enum status inflate_finish(struct inflate *inflate) must_check;

/* The whole body in one call: start, feed, finish. If the fast gzip decoder turns out to be slow,
 * the body is read again with the one that counts blocks: the result depends on the bytes only.
 * work may be NULL. */
enum status inflate_body(struct inflate *inflate, enum inflate_coding coding, uint64_t max_ratio,
                         struct writer *out, struct work *work, const struct slice *spans,
                         size_t count) must_check;

#endif
