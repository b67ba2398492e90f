/* inflate_stream.h: one body while it is inflated, and the limits that all decoders share. For
 * inflate*.c. One owner thread. */
#ifndef VSOC_SERVER_INFLATE_STREAM_H
#define VSOC_SERVER_INFLATE_STREAM_H

#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"
#include "parsers/read/work.h"

/* Setting up a decoder for a block, member or frame costs as much as a few ordinary kilobytes. So
 * each must account for this many bytes, read and written; a few are free. Encoders that flush
 * after each line stay above this. */
#define INFLATE_WORTH_OF_BLOCK      88 /* deflate; also a member of gzip */
#define INFLATE_WORTH_OF_NO_BLOCK   8  /* empty and without tables: what a flush leaves */
#define INFLATE_WORTH_OF_ZSTD_BLOCK 64 /* also a frame */
#define INFLATE_WORTH_FREE          8192
/* Consecutive input without output: names and comments of gzip, skippable frames. */
#define INFLATE_IDLE_BYTES_MAX ((uint64_t)256 * 1024)

/* Maximum output of a decoder before the limits are checked again. */
#define INFLATE_STEP_BYTES ((size_t)64 * 1024)
/* Maximum input of a decoder before others get their turn: the worst input costs half a microsecond
 * a byte. */
#define INFLATE_SPAN_BYTES ((size_t)1024)
/* Units of work: for a byte read, and for a call of a decoder. A byte written counts 1, a block as
 * the bytes that it must account for. */
#define INFLATE_WORK_OF_INPUT 4
#define INFLATE_WORK_OF_STEP  64

/* One body. */
struct inflate_stream {
    struct writer *out;
    uint64_t max_ratio;
    uint64_t in_bytes;   /* consumed by decoders */
    uint64_t idle_bytes; /* of them, since the last output */
    uint64_t owed_bytes; /* that the blocks, members and frames seen so far must account for */
    struct work *work;   /* NULL: never pauses */
};

/* Room for the next step: *size bytes at *room. TOO_LARGE, NO_MEMORY. */
enum status inflate_stream_room(struct inflate_stream *stream, uint8_t **room,
                                size_t *size) must_check;
/* The step consumed `read` bytes of input and used `written` bytes of the room: checks the limits.
 * TOO_LARGE, TOO_DENSE, TOO_MANY, CLOSED. */
enum status inflate_stream_step(struct inflate_stream *stream, size_t read,
                                size_t written) must_check;

/* Identity: span is the body itself. TOO_LARGE, TOO_DENSE, CLOSED, NO_MEMORY. */
enum status inflate_stream_copy(struct inflate_stream *stream, struct slice span) must_check;

/* A block, member or frame ended and was counted as read and written completely: it must account
 * for this many bytes. Call at places that depend on the bytes only, not on how they were split.
 * TOO_MANY. */
enum status inflate_stream_owe(struct inflate_stream *stream, size_t bytes) must_check;

#endif
