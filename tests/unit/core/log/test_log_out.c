/* test_log_out.c: lines pass through the ring whole and in order; a reader that stalls delays
 * nobody, loses counted lines, and learns how many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log/log_out.h"
#include "core/metrics/metrics.h"

#define LINE_BYTES 100
/* Long enough for any machine; nothing waits for it to pass when all is well. */
#define LONG (60 * NS_PER_S)

static int ends[2];

static size_t notice(uint64_t lost, char line[LOG_OUT_NOTICE_BYTES])
{
    return (size_t)snprintf(line, LOG_OUT_NOTICE_BYTES, "lost %llu\n", (unsigned long long)lost);
}

static double lost_lines(void)
{
    return metric_value(metric_series(METRIC_vsocd_log_lines_lost_total, ""));
}

static void put_number(unsigned n)
{
    char line[LINE_BYTES + 1];
    snprintf(line, sizeof line, "%0*u\n", LINE_BYTES - 1, n);
    log_out_put(slice_make((const uint8_t *)line, LINE_BYTES));
}

/* What came so far. */
static struct {
    FILE *in;
    unsigned count, next;
    uint64_t lost; /* of all notices */
} seen;

static int begin(void)
{
    memset(&seen, 0, sizeof seen);
    seen.in = fdopen(ends[0], "r");
    log_out_set_fd(ends[1]);
    return seen.in && log_out_start(notice) == STATUS_OK ? 0 : -1;
}

static int setup_pipe(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    return begin();
}

static int setup_socket(void **state)
{
    (void)state;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return -1;
    return begin();
}

static int teardown(void **state)
{
    (void)state;
    log_out_stop(0);
    log_out_set_fd(2);
    if (seen.in)
        fclose(seen.in);
    close(ends[1]);
    return 0;
}

/* Reads until `count` numbered lines came in all, each one greater than the one before. */
static void read_lines(unsigned count)
{
    char line[512];
    unsigned long long n;
    while (seen.count < count && fgets(line, sizeof line, seen.in)) {
        if (sscanf(line, "lost %llu", &n) == 1) {
            seen.lost += n;
            continue;
        }
        assert_int_equal(strlen(line), LINE_BYTES);
        unsigned number = (unsigned)strtoul(line, NULL, 10);
        assert_true(number >= seen.next);
        seen.next = number + 1;
        seen.count++;
    }
    assert_int_equal(seen.count, count);
}

static void lines_arrive_whole_and_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        put_number(i);
    read_lines(500);
    assert_int_equal(seen.lost, 0);
}

/* More than the pipe and the ring hold, and nobody reads: every call returns. */
static void stalled_reader_delays_nobody_and_learns_what_it_lost(void **state)
{
    (void)state;
    double before = lost_lines();
    unsigned all = 3 * LOG_OUT_RING_BYTES / LINE_BYTES;
    for (unsigned i = 0; i < all; i++)
        put_number(i);
    unsigned missing = (unsigned)(lost_lines() - before);
    assert_true(missing > 0);
    read_lines(all - missing);
    put_number(all);
    read_lines(all - missing + 1);
    assert_int_equal(seen.lost, missing);
}

static void stop_does_not_wait_for_a_stalled_reader(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LOG_OUT_RING_BYTES / LINE_BYTES; i++)
        put_number(i);
    log_out_stop(0);
    put_number(1); /* afterwards neither */
}

static void stop_writes_what_the_reader_takes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        put_number(i);
    log_out_stop(LONG);
    read_lines(500);
}

static void flush_returns_when_all_is_written(void **state)
{
    (void)state;
    put_number(7);
    log_out_flush(LONG);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    char line[LINE_BYTES];
    assert_int_equal(read(ends[0], line, sizeof line), LINE_BYTES);
}

static void reader_that_is_gone_ends_nothing(void **state)
{
    (void)state;
    fclose(seen.in);
    seen.in = NULL;
    double before = lost_lines();
    put_number(1);
    log_out_flush(LONG);
    assert_true(lost_lines() == before + 1);
}

static void forked_child_writes_by_itself(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        put_number(3);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    read_lines(1);
    assert_int_equal(seen.next, 4);
}

#define ON(kind, test) cmocka_unit_test_setup_teardown(test, setup_##kind, teardown)
int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        ON(pipe, lines_arrive_whole_and_in_order),
        ON(socket, lines_arrive_whole_and_in_order),
        ON(pipe, stalled_reader_delays_nobody_and_learns_what_it_lost),
        ON(socket, stalled_reader_delays_nobody_and_learns_what_it_lost),
        ON(pipe, stop_does_not_wait_for_a_stalled_reader),
        ON(socket, stop_does_not_wait_for_a_stalled_reader),
        ON(pipe, stop_writes_what_the_reader_takes),
        ON(pipe, flush_returns_when_all_is_written),
        ON(pipe, reader_that_is_gone_ends_nothing),
        ON(socket, reader_that_is_gone_ends_nothing),
        ON(pipe, forked_child_writes_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
