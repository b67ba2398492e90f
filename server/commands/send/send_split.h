/* send_split.h: splits a file between records into bodies that a server accepts. Any thread. */
#ifndef VSOC_SERVER_SEND_SPLIT_H
#define VSOC_SERVER_SEND_SPLIT_H

#include "core/writer.h"
#include "parsers/engine/split.h"

struct send_split {
    struct slice file;
    struct split records;
    bool whole; /* one unchanged body: the end of records is unknown */
    bool started, done;
    size_t max_bytes;
    size_t max_records;
    struct split_record next; /* read ahead */
    bool has_next, next_in_array;
};

/* One body. */
struct send_piece {
    struct slice bytes; /* of the file */
    size_t offset;      /* in the file */
    size_t records;     /* 0: not counted (whole) */
    bool bracketed;     /* elements of a JSON array: needs [ and ] around it */
};

/* A file that fits is sent unchanged. A record larger than max_bytes is sent alone. */
void send_split_init(struct send_split *s, struct slice file, enum parser_framing framing,
                     enum split_prefix prefix, size_t max_bytes, size_t max_records);
/* END after the last. An empty file has none. */
enum status send_split_next(struct send_split *s, struct send_piece *piece) must_check;
/* The bytes to send, uncompressed: bytes itself, or in scratch with brackets around. */
struct slice send_piece_body(const struct send_piece *piece, struct writer *scratch);

#endif
