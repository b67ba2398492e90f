/* text_body.c: byte order marks, padding and UTF-16 of text bodies. Pure, any thread. Reads only
 * both ends of a body. */
#include "parsers/registry/text_body.h"
#include "parsers/registry/builtin.h"

#define UTF16_LOOK 64 /* bytes at the head */
#define UTF16_MIN  8

bool text_body_is_of(const struct parser *parser)
{
    return parser->framing == PARSER_FRAMING_JSON || parser->framing == PARSER_FRAMING_LINES ||
           parser->framing == PARSER_FRAMING_SYSLOG || parser == &parser_auditd ||
           parser == &parser_logcat;
}

static bool is_padding(uint8_t c)
{
    return c == 0 || c == 0x1A;
}

/* A counted syslog frame may end with any byte; a line ends with its line end. */
static bool may_be_padded(uint8_t before, enum parser_framing framing)
{
    return framing == PARSER_FRAMING_LINES || before == '\n' || before == '\r' ||
           (framing == PARSER_FRAMING_JSON && (before == '}' || before == ']' || before == ' '));
}

struct slice text_body_trim_end(struct slice body, enum parser_framing framing)
{
    size_t size = body.size;
    while (size && is_padding(body.data[size - 1]))
        size--;
    if (size == body.size || (size && !may_be_padded(body.data[size - 1], framing)))
        return body;
    return slice_make(body.data, size);
}

size_t text_body_head_bytes(struct slice body)
{
    size_t at = slice_starts_with(body, "\xEF\xBB\xBF") ? 3 : 0;
    size_t start = at;
    for (; at < body.size && (body.data[at] == '\n' || body.data[at] == '\r' ||
                              body.data[at] == ' ' || body.data[at] == '\t');
         at++)
        if (body.data[at] == '\n')
            start = at + 1; /* blanks at the head of a line may belong to its form */
    return start;
}

bool text_body_is_utf16(struct slice body)
{
    size_t size = body.size < UTF16_LOOK ? body.size & ~(size_t)1 : UTF16_LOOK;
    if (slice_starts_with(body, "\xFF\xFE") || slice_starts_with(body, "\xFE\xFF"))
        return true;
    if (size < UTF16_MIN || (body.data[0] && body.data[1]))
        return false; /* every second byte of such a text is 0 */
    size_t zeros[2] = {0, 0}, texts[2] = {0, 0};
    for (size_t i = 0; i < size; i++) {
        zeros[i % 2] += body.data[i] == 0;
        texts[i % 2] += body.data[i] >= 0x09 && body.data[i] < 0x7F;
    }
    size_t half = size / 2;
    return (zeros[0] == half && texts[1] == half) || (zeros[1] == half && texts[0] == half);
}
