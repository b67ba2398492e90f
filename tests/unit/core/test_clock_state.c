#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/timex.h>
#include <cmocka.h>

#include "core/clock_state.h"

static struct timex kernel;
static int kernel_state;

static int fake_adjtimex(struct timex *timex)
{
    assert_int_equal(timex->modes, 0);
    *timex = kernel;
    return kernel_state;
}

static struct clock_state read_state(int state, int status)
{
    struct clock_state s;
    kernel_state = state;
    kernel = (struct timex){.status = status,
                            .offset = -250,
                            .maxerror = 1500,
                            .esterror = 20,
                            .freq = 65536 * 3,
                            .tai = 37};
    clock_state_fake(fake_adjtimex);
    clock_state_read(&s);
    clock_state_fake(NULL);
    return s;
}

static void assert_written(const struct clock_state *s, const char *json)
{
    struct writer w;
    writer_init(&w, 4096);
    clock_state_write(&w, s);
    writer_u8(&w, 0);
    assert_string_equal((const char *)w.data, json);
    writer_fini(&w);
}

static void synchronised_clock_has_its_errors_in_nanoseconds(void **state)
{
    struct clock_state s = read_state(TIME_OK, STA_PLL | STA_NANO);
    (void)state;
    assert_written(&s, "\"known\":true,\"synchronised\":true,\"state\":\"ok\",\"status\":[\"pll\","
                       "\"nano\"],\"offset_ns\":-250,\"max_error_ns\":1500000,"
                       "\"estimated_error_ns\":20000,\"frequency_ppb\":3000,\"tai_offset_s\":37");
    assert_true(read_state(TIME_INS, STA_PLL | STA_INS).synchronised);
}

static void offset_is_in_microseconds_without_the_nano_bit(void **state)
{
    (void)state;
    assert_true(read_state(TIME_OK, STA_PLL).offset_ns == -250000);
}

static void clock_is_not_synchronised_by_bit_or_by_state(void **state)
{
    (void)state;
    assert_false(read_state(TIME_ERROR, STA_PLL).synchronised);
    assert_false(read_state(TIME_OK, STA_UNSYNC).synchronised);
}

static void kernel_that_does_not_answer_leaves_it_unknown(void **state)
{
    struct clock_state s = read_state(-1, STA_PLL);
    (void)state;
    assert_false(s.synchronised);
    assert_written(&s, "\"known\":false");
}

static void this_kernel_answers(void **state)
{
    struct clock_state s;
    (void)state;
    clock_state_read(&s);
    assert_true(s.known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synchronised_clock_has_its_errors_in_nanoseconds),
        cmocka_unit_test(offset_is_in_microseconds_without_the_nano_bit),
        cmocka_unit_test(clock_is_not_synchronised_by_bit_or_by_state),
        cmocka_unit_test(kernel_that_does_not_answer_leaves_it_unknown),
        cmocka_unit_test(this_kernel_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
