/* trc_line.h: lines of a PEAK CAN trace (.trc), versions 1.0 to 2.1. Thread: any. */
#ifndef TRC_LINE_H
#define TRC_LINE_H

#include <core/slice.h>

#define TRC_DATA_MAX    64 /* CAN FD */
#define TRC_COLUMNS_MAX 16

/* What the comment lines at the top say of the lines below. */
struct trc_header {
    char columns[TRC_COLUMNS_MAX]; /* letters of $COLUMNS; "" when the version is not known */
    bool has_start;
    int64_t start_ns; /* of the trace, ns since 1970 by the recording computer's local time */
};

enum trc_kind {
    TRC_FRAME,
    TRC_REMOTE,
    TRC_ERROR,    /* error frame */
    TRC_STATUS,   /* of the adapter: bus light, heavy, off */
    TRC_COUNTERS, /* error counters changed */
    TRC_EVENT,    /* a word of the one who recorded */
};

/* Bits of can_flags in core/event_fields.def. */
enum { TRC_EXT = 1, TRC_RTR = 2, TRC_ERR = 4, TRC_FDF = 8, TRC_BRS = 16, TRC_ESI = 32 };

struct trc_line {
    enum trc_kind kind;
    uint64_t number;
    struct slice offset; /* ms since the start, as written */
    int64_t offset_ns;
    struct slice bus; /* empty: not said */
    bool has_id;
    uint32_t id;
    uint8_t flags;
    const char *direction; /* "rx", "tx", NULL: not said */
    unsigned dlc;          /* remote frames: of the data that is asked for */
    size_t size;
    uint8_t data[TRC_DATA_MAX];
    struct slice text; /* TRC_EVENT */
};

/* As of a file that says nothing: version 1.0. */
void trc_header_init(struct trc_header *header);
/* Takes what a line that starts with ; says. */
void trc_header_read(struct trc_header *header, struct slice line);
/* NULL, or a sentence that says why the line is invalid. */
const char *trc_line_read(const struct trc_header *header, struct slice line, struct trc_line *out);

#endif
