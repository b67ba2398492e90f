/* fuzz_retirement.c: any bytes as the body of a record of a removal. What must hold: what is taken
 * is written as one that is taken again as the same. */
#include <stdlib.h>
#include <string.h>

#include "storage/spool/retire/retirement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct retirement_head head = {{1}, 5, "vsocd-0"};
    struct retirement read, again;
    struct writer w;
    if (retirement_read(slice_make(data, size), &read) != STATUS_OK)
        return 0;
    writer_init(&w, 8192);
    retirement_write(&w, &head, &read);
    if (w.status != STATUS_OK || retirement_read(writer_slice(&w), &again) != STATUS_OK ||
        memcmp(&read, &again, sizeof read) != 0)
        abort();
    writer_fini(&w);
    return 0;
}
