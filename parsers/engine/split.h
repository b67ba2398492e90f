/* split.h: inflated body → records. Thread: any. Copies nothing. */
#ifndef VSOC_PARSERS_SPLIT_H
#define VSOC_PARSERS_SPLIT_H

#include "core/slice.h"
#include "core/status.h"
#include "parsers/parser.h"
#include "parsers/read/work.h"

/* Length prefix of binary records (parameter framing= of the content type). */
enum split_prefix { SPLIT_PREFIX_NONE, SPLIT_PREFIX_U16, SPLIT_PREFIX_U32 };

struct split {
    struct slice body;
    size_t offset; /* offset from which the next record is searched */
    enum parser_framing framing;
    enum split_prefix prefix;
    bool in_array;      /* JSON: inside the top-level array */
    bool after_element; /* JSON: a comma or the array's end is due */
    bool by_line;       /* JSON: a value never ended; from here on each line is a record */
    bool counted;       /* SYSLOG: the record before was octet-counted */
    size_t line_end;    /* SYSLOG: the first at or after some offset; searched for once */
    bool done;
    /* Set by the caller after split_init: counts the bytes scanned. Once it is stopped, records end
     * anywhere. NULL: never pauses. */
    struct work *work;
};

struct split_record {
    struct slice bytes;
    size_t offset; /* of the record in the body */
    const char
        *broken; /* NULL, or why these bytes are not a record (text for people): quarantine them */
};

void split_init(struct split *split, struct slice body, enum parser_framing framing,
                enum split_prefix prefix);
/* Next record in *record; END after the last. Blank lines and white space between JSON values are
 * skipped. A JSON value without an end, or text between values, is returned as a broken record; the
 * splitter then continues at the next line that starts with { or [. An octet-counted frame is
 * returned with its count; bytes after it that are not a frame are returned as a broken record, up
 * to the next frame. STREAM without prefix: the whole rest; call split_advance with what the parser
 * consumed. */
enum status split_next(struct split *split, struct split_record *record) must_check;
/* JSON: where the next value begins, when it is an object outside an array; the body's size: it is
 * not, or that is not known without split_next. */
size_t split_object_at(const struct split *split);
/* The object there has been read and ends before `end`. True: it is the next record, as split_next
 * would give it: a line end or another object follows. False: nothing has happened. */
bool split_take_object(struct split *split, size_t at, size_t end, struct split_record *record);
/* STREAM: the record at the current offset had this many bytes; 0: the rest belongs to it. */
void split_advance(struct split *split, size_t consumed);

#endif
