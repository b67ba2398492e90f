/* fuzz_split.c: any bytes through each framing. What must hold: the splitter ends, records stand in
 * order and do not overlap, and no byte is lost but white space, commas, brackets and a byte order
 * mark between them. */
#include <stdlib.h>

#include "parsers/engine/split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int may_be_skipped(enum parser_framing framing, uint8_t c)
{
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return 1;
    return framing == PARSER_FRAMING_JSON && (c == ',' || c == '[' || c == ']');
}

static void check_gap(struct slice body, size_t from, size_t to, enum parser_framing framing)
{
    if (from == 0 && framing != PARSER_FRAMING_STREAM && slice_starts_with(body, "\xEF\xBB\xBF"))
        from = 3;
    for (size_t i = from; i < to; i++)
        if (!may_be_skipped(framing, body.data[i]))
            abort();
}

static void walk(struct slice body, enum parser_framing framing, enum split_prefix prefix)
{
    struct split split;
    struct split_record record;
    size_t end = 0, records = 0;
    split_init(&split, body, framing, prefix);
    while (split_next(&split, &record) == STATUS_OK) {
        if (record.offset < end || record.offset + record.bytes.size > body.size ||
            (record.bytes.size && record.bytes.data != body.data + record.offset))
            abort();
        if (prefix == SPLIT_PREFIX_NONE)
            check_gap(body, end, record.offset, framing);
        end = record.offset + record.bytes.size;
        split_advance(&split, (records * 7) % 11);
        if (framing == PARSER_FRAMING_STREAM && prefix == SPLIT_PREFIX_NONE)
            end = split.offset;
        if (++records > body.size + 2)
            abort();
    }
    if (framing != PARSER_FRAMING_STREAM)
        check_gap(body, end, body.size, framing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = slice_make(data, size);
    walk(body, PARSER_FRAMING_JSON, SPLIT_PREFIX_NONE);
    walk(body, PARSER_FRAMING_LINES, SPLIT_PREFIX_NONE);
    walk(body, PARSER_FRAMING_SYSLOG, SPLIT_PREFIX_NONE);
    walk(body, PARSER_FRAMING_STREAM, SPLIT_PREFIX_NONE);
    walk(body, PARSER_FRAMING_STREAM, SPLIT_PREFIX_U16);
    walk(body, PARSER_FRAMING_STREAM, SPLIT_PREFIX_U32);
    return 0;
}
