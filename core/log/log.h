/* log.h: a constant sentence plus key=value pairs, as JSON lines or text, to stderr. Never a
 * payload, token or VIN. log_info("spool opened", LOG_U64("segments", n), LOG_TEXT("dir", dir));
 * Thread: any. */
#ifndef VSOC_CORE_LOG_H
#define VSOC_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"
#include "core/status.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_PLAIN };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_FIELD_TEXT, LOG_FIELD_SLICE, LOG_FIELD_I64, LOG_FIELD_U64, LOG_FIELD_REAL } type;
    union {
        const char *text; /* NULL is shown as empty */
        struct slice slice;
        int64_t i64;
        uint64_t u64;
        double real;
    };
};

#define LOG_TEXT(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_TEXT, .text = (v)})
#define LOG_SLICE(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_SLICE, .slice = (v)})
#define LOG_I64(k, v)   ((struct log_field){.key = (k), .type = LOG_FIELD_I64, .i64 = (v)})
#define LOG_U64(k, v)   ((struct log_field){.key = (k), .type = LOG_FIELD_U64, .u64 = (v)})
#define LOG_REAL(k, v)  ((struct log_field){.key = (k), .type = LOG_FIELD_REAL, .real = (v)})
#define LOG_STATUS(s)   LOG_TEXT("error", status_text(s))

/* Level and format from now on. Default: LOG_INFO, LOG_JSON. Atomic; thread: any. */
void log_configure(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);
/* Starts the log thread, which writes the lines from now on, so that a stalled reader of stderr
 * delays nobody. Lines that the reader does not accept in time are counted and lost
 * (core/log/log_out.h). BUSY: no thread; NO_MEMORY. Thread: main. */
enum status log_start(void) must_check;
/* Gives the reader one second to read the last lines, then ends the log thread. Thread: main. */
void log_stop(void);
/* The same without ending the log thread, for a process that is about to die. Thread: any but log.
 */
void log_flush(void);

/* Per call site budget: at most 10 lines a second. Further lines are counted; the next line reports
 * the count (suppressed=N). */
struct log_site {
    int64_t second; /* all three relaxed atomics */
    int64_t lines;
    int64_t suppressed;
};
void log_write(struct log_site *site, enum log_level level, const char *component,
               const char *message, const struct log_field *fields);

/* Each .c defines LOG_COMPONENT before including this file. */
#define LOG_AT(level, message, ...)                                                                \
    do {                                                                                           \
        static struct log_site log_site_;                                                          \
        if (log_enabled(level))                                                                    \
            log_write(&log_site_, level, LOG_COMPONENT, message,                                   \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}});        \
    } while (0)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  LOG_AT(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)

#endif
