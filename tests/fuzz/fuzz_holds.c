/* fuzz_holds.c: any bytes as the file of legal holds. What must hold: no line counts twice, and a
 * line that is taken has a matching CRC, or it is counted as damaged. */
#include <stdlib.h>

#include "storage/evidence/holds/hold_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct holds holds;
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (holds_parse(slice_make(data, size), &holds) != STATUS_OK)
        return 0;
    if (holds.count + holds.damaged > lines)
        abort();
    for (size_t i = 0; i < holds.count; i++)
        if (!holds_find(&holds, holds.items[i].id))
            abort();
    holds_fini(&holds);
    return 0;
}
