/* candump_read.h: one line of a candump log → the parts of a frame, as written. Thread: any. */
#ifndef VSOC_PARSERS_CANDUMP_READ_H
#define VSOC_PARSERS_CANDUMP_READ_H

#include "core/slice.h"

#define CANDUMP_DATA_MAX 2048 /* CAN XL */

enum candump_kind {
    CANDUMP_CLASSICAL,
    CANDUMP_FD,
    CANDUMP_XL,
    CANDUMP_REMOTE,
    CANDUMP_ERROR,
    CANDUMP_DROPS, /* candump's marker for dropped frames; has no time */
};

/* Bits of can_flags in core/event_fields.def. */
enum {
    CANDUMP_EXT = 1,
    CANDUMP_RTR = 2,
    CANDUMP_ERR = 4,
    CANDUMP_FDF = 8,
    CANDUMP_BRS = 16,
    CANDUMP_ESI = 32,
};

struct candump_line {
    enum candump_kind kind;
    struct slice time; /* the digits between the parentheses */
    uint64_t time_ns;  /* since 1970, or since the sender's own epoch */
    bool has_no_time;  /* terminal form without -t */
    bool is_local;     /* time is a date of an unknown zone */
    struct slice bus;  /* interface */
    uint32_t id;       /* without flag bits; XL: the priority; error frames: the class bits */
    uint8_t flags;     /* CANDUMP_EXT, … */
    int dlc;           /* of a remote frame, or the raw one of _DLC; -1: missing */
    uint8_t direction; /* 'R', 'T', or 0: missing */
    uint8_t vcid, xl_flags, sdt;
    uint32_t acceptance;
    uint32_t dropped, total_drops; /* DROPS */
    size_t size;                   /* bytes of data */
    uint8_t data[CANDUMP_DATA_MAX];
};

/* Where and why a line is invalid. */
struct candump_error {
    size_t offset;
    const char *detail; /* NULL: a line of another format */
};

/* Reads a line; false with *error. */
bool candump_read(struct slice record, struct candump_line *out, struct candump_error *error);
/* True when the text starts as such a line does, up to the # of the frame; the rest may be
 * truncated. */
bool candump_begins(struct slice text);

#endif
