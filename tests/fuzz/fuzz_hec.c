/* fuzz_hec.c: any bytes as a body of the format hec. */
#include "fuzz_parser.h"
#include "parsers/registry/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_parse(&parser_hec, data, size, SPLIT_PREFIX_NONE);
}
