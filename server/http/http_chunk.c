/* http_chunk.c: chunked bodies, byte by byte on the size lines, span by span in the data. Runs on
 * the connection's worker. llhttp is not used for it: version 8.1 refuses extensions that RFC 9112
 * allows. Does not read trailers; http_scan.c does. */
#include "server/http/http_chunk.h"

#include "core/hex.h"

enum {
    CHUNK_SIZE,        /* first digit of the size */
    CHUNK_SIZE_MORE,   /* digit, blank, ';' or CR */
    CHUNK_BEFORE_EXT,  /* blanks before ';' */
    CHUNK_NAME_START,  /* blanks or the first character of an extension's name */
    CHUNK_NAME,        /* character, blank, '=', ';' or CR */
    CHUNK_AFTER_NAME,  /* blanks before '=' or ';' */
    CHUNK_VALUE_START, /* blanks, '"' or the first character of a token */
    CHUNK_TOKEN,       /* character, blank, ';' or CR */
    CHUNK_QUOTED,
    CHUNK_QUOTED_PAIR,
    CHUNK_AFTER_QUOTED, /* blank, ';' or CR */
    CHUNK_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_DONE,
};

void http_chunks_start(struct http_chunks *chunks)
{
    *chunks = (struct http_chunks){.state = CHUNK_SIZE};
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool take_digit(struct http_chunks *chunks, uint8_t c)
{
    int digit = hex_digit_value(c);
    if (digit < 0 || chunks->left >> 60)
        return false;
    chunks->left = chunks->left << 4 | (uint64_t)digit;
    chunks->state = CHUNK_SIZE_MORE;
    return true;
}

static bool go(struct http_chunks *chunks, unsigned state)
{
    chunks->state = state;
    return true;
}

/* What may follow a complete size, name or value: blanks and then ';', ';', or CR. */
static bool end_part(struct http_chunks *chunks, uint8_t c, unsigned after_blank)
{
    if (is_blank(c))
        return go(chunks, after_blank);
    if (c == ';')
        return go(chunks, CHUNK_NAME_START);
    return c == '\r' && go(chunks, CHUNK_LF);
}

/* Inside a quoted string: HTAB, SP, visible, obs-text (RFC 9110 §5.6.4). */
static bool is_quotable(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* An extension of the size line. */
static bool step_extension(struct http_chunks *chunks, uint8_t c)
{
    switch (chunks->state) {
    case CHUNK_NAME_START:
        return is_blank(c) || (http_is_token_char(c) && go(chunks, CHUNK_NAME));
    case CHUNK_NAME:
        if (http_is_token_char(c))
            return true;
        return c == '=' ? go(chunks, CHUNK_VALUE_START) : end_part(chunks, c, CHUNK_AFTER_NAME);
    case CHUNK_AFTER_NAME:
        if (c == '=')
            return go(chunks, CHUNK_VALUE_START);
        return is_blank(c) || (c == ';' && go(chunks, CHUNK_NAME_START));
    case CHUNK_VALUE_START:
        if (c == '"')
            return go(chunks, CHUNK_QUOTED);
        return is_blank(c) || (http_is_token_char(c) && go(chunks, CHUNK_TOKEN));
    case CHUNK_TOKEN:
        return http_is_token_char(c) || end_part(chunks, c, CHUNK_BEFORE_EXT);
    case CHUNK_QUOTED:
        if (c == '"')
            return go(chunks, CHUNK_AFTER_QUOTED);
        return c == '\\' ? go(chunks, CHUNK_QUOTED_PAIR) : is_quotable(c);
    case CHUNK_QUOTED_PAIR:
        return is_quotable(c) && go(chunks, CHUNK_QUOTED);
    default:
        return end_part(chunks, c, CHUNK_BEFORE_EXT);
    }
}

/* One byte outside of the data. False: not allowed here. */
static bool step(struct http_chunks *chunks, uint8_t c)
{
    switch (chunks->state) {
    case CHUNK_SIZE:
        return take_digit(chunks, c);
    case CHUNK_SIZE_MORE:
        return hex_digit_value(c) >= 0 ? take_digit(chunks, c)
                                       : end_part(chunks, c, CHUNK_BEFORE_EXT);
    case CHUNK_BEFORE_EXT:
        return is_blank(c) || (c == ';' && go(chunks, CHUNK_NAME_START));
    case CHUNK_LF:
        return c == '\n' && go(chunks, chunks->left ? CHUNK_DATA : CHUNK_DONE);
    case CHUNK_DATA_CR:
        return c == '\r' && go(chunks, CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        chunks->line_bytes = 0;
        return c == '\n' && go(chunks, CHUNK_SIZE);
    default:
        return step_extension(chunks, c);
    }
}

static bool is_in_extension(const struct http_chunks *chunks)
{
    return chunks->state >= CHUNK_BEFORE_EXT && chunks->state <= CHUNK_AFTER_QUOTED;
}

static bool is_over_limit(const struct http_chunks *chunks)
{
    return chunks->extension_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX ||
           chunks->line_bytes > HTTP_CHUNK_EXTENSION_BYTES_MAX + 32;
}

enum http_chunks_event http_chunks_feed(struct http_chunks *chunks, struct slice in,
                                        size_t *consumed, struct slice *data,
                                        struct refusal *refusal)
{
    size_t at = 0;
    while (at < in.size && chunks->state != CHUNK_DATA && chunks->state != CHUNK_DONE) {
        bool good = step(chunks, in.data[at++]);
        chunks->line_bytes++;
        chunks->extension_bytes += is_in_extension(chunks);
        *consumed = at;
        if (!good)
            refusal_set(refusal, REFUSAL_bad_chunk);
        else if (is_over_limit(chunks))
            refusal_say(refusal, REFUSAL_chunk_extensions_too_large,
                        "chunk size lines or their extensions are larger than %d bytes",
                        HTTP_CHUNK_EXTENSION_BYTES_MAX);
        if (!good || is_over_limit(chunks))
            return HTTP_CHUNKS_REFUSED;
    }
    *consumed = at;
    if (chunks->state == CHUNK_DONE)
        return HTTP_CHUNKS_LAST;
    if (at == in.size)
        return HTTP_CHUNKS_MORE;
    size_t size = in.size - at;
    size = size > chunks->left ? (size_t)chunks->left : size;
    *data = slice_sub(in, at, size);
    *consumed = at + size;
    chunks->left -= size;
    if (!chunks->left)
        chunks->state = CHUNK_DATA_CR;
    return HTTP_CHUNKS_DATA;
}
