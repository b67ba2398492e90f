/* logcat_read.h: the head of a line of Android's logcat → its parts. Thread: any. */
#ifndef VSOC_PARSERS_LOGCAT_READ_H
#define VSOC_PARSERS_LOGCAT_READ_H

#include "core/slice.h"

struct logcat_head {
    bool has_time;
    int64_t time_ns;
    bool inferred;     /* year or zone is a guess */
    struct slice time; /* as written; may count from the start (-v monotonic) */
    char level;        /* V D I W E F S */
    struct slice tag, uid;
    int64_t pid, tid;     /* -1: not written */
    bool is_long;         /* the message is in the lines below */
    size_t size;          /* bytes of the head; the message follows */
    struct slice message; /* of the line: without the tag that -v process writes at its end */
};

/* Reads a line as logcat -v brief, process, tag, thread, time, threadtime and long write it, with
 * the modifiers year, zone, UTC, epoch, monotonic, usec, nsec, uid and color. False: it has no head
 * (-v raw, or another log). */
bool logcat_head_read(struct slice line, int64_t received_ns, struct logcat_head *out);

/* "--------- beginning of main" */
bool logcat_is_divider(struct slice line);

#endif
