/* fuzz_syslog.c: any bytes as a body of the format syslog. */
#include "fuzz_parser.h"
#include "parsers/registry/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_parse(&parser_syslog, data, size, SPLIT_PREFIX_NONE);
}
