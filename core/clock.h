/* clock.h: the clocks, behind functions that tests can replace. Thread: any. */
#ifndef VSOC_CORE_CLOCK_H
#define VSOC_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

int64_t clock_wall_ns(void);      /* ns since 1970 UTC; may step */
int64_t clock_monotonic_ns(void); /* ns, never goes back; for deadlines */

int64_t clock_kernel_ns(void); /* clock_monotonic_ns that tests can't fake: what waits end by */

/* ns as the kernel takes it; negative: 0. */
struct timespec clock_timespec(int64_t ns);
/* Sleeps for ns, also across signals. Thread: any but a worker. */
void clock_sleep(int64_t ns);

/* Tests: both clocks return what these functions return; NULL: the system's clocks again. */
void clock_fake(int64_t (*wall_ns)(void), int64_t (*monotonic_ns)(void));

#endif
