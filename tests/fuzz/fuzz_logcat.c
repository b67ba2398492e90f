/* fuzz_logcat.c: any bytes as a body of the format logcat. */
#include "fuzz_parser.h"
#include "parsers/registry/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_parse(&parser_logcat, data, size, SPLIT_PREFIX_NONE);
}
