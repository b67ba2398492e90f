/* log_out.h: takes finished log lines to a descriptor without holding up the thread that logs.
 *
 * Before log_out_start() a line is written by its own thread, which waits like any program on a
 * terminal. After it, a line goes into a bounded ring and the log thread writes it: a reader of
 * stderr that stalls costs log lines, nothing else. Lost lines are counted
 * (vsocd_log_lines_lost_total) and reported in the log as soon as there is room again. */
#ifndef VSOC_CORE_LOG_OUT_H
#define VSOC_CORE_LOG_OUT_H

#include "core/slice.h"
#include "core/status.h"

/* Bytes of lines that wait for the reader; more are lost. */
#define LOG_OUT_RING_BYTES   ((size_t)1024 * 1024)
#define LOG_OUT_NOTICE_BYTES 256

/* Where lines go: fd 2 unless a test says otherwise. Thread: any. */
void log_out_set_fd(int fd);
/* Formats the line that reports how many lines were lost. Returns its size, at most
 * LOG_OUT_NOTICE_BYTES. Called under a leaf lock: it must not log. */
typedef size_t (*log_out_notice)(uint64_t lost, char line[LOG_OUT_NOTICE_BYTES]);
/* Starts the log thread. BUSY: the system has no thread; NO_MEMORY. Thread: main. */
enum status log_out_start(log_out_notice notice) must_check;
/* Waits at most wait_ns for the reader to empty the ring, then ends the log thread. Later lines are
 * written only if that does not block. Thread: main. */
void log_out_stop(int64_t wait_ns);
/* Waits at most wait_ns until the ring is empty: for a process that is about to die. Thread: any
 * but the log thread. */
void log_out_flush(int64_t wait_ns);
/* Bytes of lines that wait for the reader. Thread: any. */
size_t log_out_queued(void);
/* Takes one whole line that ends with a newline. Never blocks once the log thread runs. Thread:
 * any. */
void log_out_put(struct slice line);

#endif
