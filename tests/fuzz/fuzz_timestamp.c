/* fuzz_timestamp.c: any bytes as a time of each form. What must hold: no read past the text, and
 * what is accepted is where its form says. */
#include <stdlib.h>

#include "parsers/read/text_time.h"
#include "parsers/read/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t received_ns = INT64_C(1790000000000000000);
    struct slice text = slice_make(data, size);
    int64_t ns;
    size_t consumed;
    bool inferred;
    if (timestamp_rfc3339(text, &ns) == STATUS_OK && size < 20)
        abort();
    if (timestamp_rfc3164(text, received_ns, &ns, &consumed) == STATUS_OK &&
        (consumed > size || consumed < 14))
        abort();
    if (timestamp_epoch_text(text, &ns) == STATUS_OK && !size)
        abort();
    enum status status =
        text_time_read(text, slice_sub(text, size / 2, size), received_ns, &ns, &inferred);
    if (status != STATUS_OK && status != STATUS_MALFORMED && status != STATUS_OUT_OF_RANGE)
        abort();
    return 0;
}
