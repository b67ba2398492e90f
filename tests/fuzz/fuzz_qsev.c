/* fuzz_qsev.c: any bytes as QSEv messages. The first byte picks the framing. */
#include "fuzz_parser.h"
#include "parsers/registry/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum split_prefix prefixes[] = {SPLIT_PREFIX_NONE, SPLIT_PREFIX_U16,
                                                 SPLIT_PREFIX_U32};
    if (!size)
        return 0;
    return fuzz_parse(&parser_qsev, data + 1, size - 1, prefixes[data[0] % 3]);
}
