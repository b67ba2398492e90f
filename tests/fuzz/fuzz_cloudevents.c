/* fuzz_cloudevents.c: any bytes as CloudEvents: a body of JSON; or, when they begin with a line
 * "name:value", lines up to an empty one as headers and the rest as the data. */
#include "fuzz_parser.h"
#include "parsers/registry/builtin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice take_line(struct slice *rest)
{
    const uint8_t *lf = rest->size ? memchr(rest->data, '\n', rest->size) : NULL;
    size_t size = lf ? (size_t)(lf - rest->data) : rest->size;
    struct slice line = slice_sub(*rest, 0, size);
    *rest = slice_sub(*rest, lf ? size + 1 : size, rest->size);
    return line;
}

static size_t read_headers(struct slice *rest, struct parser_header *headers)
{
    size_t count = 0;
    while (count < PARSER_HEADERS) {
        struct slice line = take_line(rest);
        const uint8_t *colon = line.size ? memchr(line.data, ':', line.size) : NULL;
        if (!colon)
            break;
        size_t at = (size_t)(colon - line.data);
        headers[count++] = (struct parser_header){slice_sub(line, 0, at),
                                                  slice_trim(slice_sub(line, at + 1, line.size))};
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parser_header headers[PARSER_HEADERS];
    struct slice rest = slice_make(data, size);
    if (size && (data[0] == '{' || data[0] == '['))
        return fuzz_parse(&parser_cloudevents, data, size, SPLIT_PREFIX_NONE);
    size_t count = read_headers(&rest, headers);
    return fuzz_parse_request(&parser_cloudevents_binary, headers, count, rest.data, rest.size,
                              SPLIT_PREFIX_NONE);
}
