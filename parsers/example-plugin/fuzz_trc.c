/* fuzz_trc.c: any bytes: no item lies outside of them, and nothing else goes wrong. */
#include "host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct host host;
    host_run(&host, slice_make(data, size));
    return 0;
}
