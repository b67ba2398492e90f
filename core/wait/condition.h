/* condition.h: condition variables that wait by the monotonic clock. The waits look at the kernel's
 * clock, which tests don't fake. A plain pthread_cond_t: signal and broadcast are pthread's. */
#ifndef VSOC_CORE_CONDITION_H
#define VSOC_CORE_CONDITION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* For condition_wait. Ends with pthread_cond_destroy. */
void condition_init(pthread_cond_t *condition);
/* End of a wait of timeout_ns from now; the past counts as now. Thread: any. */
int64_t condition_end_ns(int64_t timeout_ns);
/* Waits until a signal or end_ns (condition_end_ns). False: the time is over. The caller holds lock
 * and looks at its state again in both cases. */
bool condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t end_ns);

#endif
