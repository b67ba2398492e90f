/* status.h: the one error enum of the whole program, and its texts. */
#ifndef VSOC_CORE_STATUS_H
#define VSOC_CORE_STATUS_H

#include <stdbool.h>

/* One row a status: name, text for logs and messages. Append only: sinks and plug-ins see the
 * values. */
#define STATUS_TABLE(X)                                                                            \
    X(OK, "ok")                                                                                    \
    X(END, "nothing more to read")                                                                 \
    X(TRUNCATED, "input ends before its announced end")                                            \
    X(MALFORMED, "input does not follow its format")                                               \
    X(INVALID_UTF8, "text is not valid UTF-8")                                                     \
    X(TOO_LARGE, "a size limit was reached")                                                       \
    X(TOO_MANY, "a count limit was reached")                                                       \
    X(TOO_DEEP, "nesting limit was reached")                                                       \
    X(TOO_DENSE, "inflate ratio limit was reached")                                                \
    X(OUT_OF_RANGE, "value is out of range")                                                       \
    X(WRONG_TYPE, "value has the wrong type")                                                      \
    X(DUPLICATE_KEY, "a key occurs twice in one object")                                           \
    X(UNSUPPORTED, "not supported")                                                                \
    X(NOT_MINE, "not of this format")                                                              \
    X(NOT_FOUND, "not found")                                                                      \
    X(EXISTS, "exists already")                                                                    \
    X(NO_MEMORY, "memory limit was reached")                                                       \
    X(NO_SPACE, "no space left for the spool")                                                     \
    X(IO, "input or output error")                                                                 \
    X(CORRUPT, "stored data is damaged")                                                           \
    X(BUSY, "too much work is waiting")                                                            \
    X(TIMEOUT, "deadline passed")                                                                  \
    X(CLOSED, "closed")                                                                            \
    X(UNAVAILABLE, "a needed service is not there")                                                \
    X(REFUSED, "refused by policy")                                                                \
    X(VERSION, "made by a newer version")                                                          \
    X(CONFIG, "configuration is wrong")                                                            \
    X(CONFLICT, "conflicts with what is stored")                                                   \
    X(LOCKED, "in use by another process")

enum status {
#define X(name, text) STATUS_##name,
    STATUS_TABLE(X)
#undef X
        STATUS_COUNT
};

/* Every fallible function is must_check: a dropped status is a compile error. */
#define must_check __attribute__((warn_unused_result))

/* Text of a status, static storage, never NULL. Thread: any. */
const char *status_text(enum status status);

/* Status that fits an errno value (ENOSPC and EDQUOT → NO_SPACE, ENOENT → NOT_FOUND, …, else IO).
 * Thread: any. */
enum status status_from_errno(int err);

/* Repeating the same call with the same arguments may succeed later: NO_MEMORY, BUSY, IO, NO_SPACE,
 * TIMEOUT, UNAVAILABLE. Thread: any. */
bool status_is_passing(enum status status);

#endif
