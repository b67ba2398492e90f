/* cpu_cost.h: processor time of this process, for tests that compare the cost of two inputs. A time
 * alone says more about the machine than about the code. */
#ifndef VSOC_TESTS_UNIT_PARSERS_CPU_COST_H
#define VSOC_TESTS_UNIT_PARSERS_CPU_COST_H

#include <time.h>

/* Seconds since the process started. */
static inline double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

#endif
