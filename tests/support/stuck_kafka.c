/* stuck_kafka.c: preloaded, makes the first call of one librdkafka function never return: the one
 * that STUCK_KAFKA names, which it says on standard error. */
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void maybe_stick(const char *name)
{
    static atomic_bool stuck;
    const char *which = getenv("STUCK_KAFKA");
    if (!which || strcmp(which, name) != 0 || atomic_exchange(&stuck, true))
        return;
    dprintf(STDERR_FILENO, "%s is stuck\n", name);
    for (;;)
        pause();
}

void rd_kafka_destroy_flags(rd_kafka_t *handle, int flags)
{
    void (*real)(rd_kafka_t *, int);
    maybe_stick("rd_kafka_destroy_flags");
    *(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_destroy_flags");
    real(handle, flags);
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *handle, int timeout_ms)
{
    rd_kafka_resp_err_t (*real)(rd_kafka_t *, int);
    maybe_stick("rd_kafka_flush");
    *(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_flush");
    return real(handle, timeout_ms);
}
