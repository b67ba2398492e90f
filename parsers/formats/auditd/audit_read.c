/* audit_read.c: the grammar of audit records. Pure, any thread. Does not interpret fields. */
#include "parsers/formats/auditd/audit_read.h"
#include "parsers/formats/auditd/audit_type.h"
#include "parsers/read/byte_scan.h"

#define ENRICHED 0x1D /* precedes the fields that auditd adds in clear text */

/* ---- header ---- */

struct cursor {
    struct slice text;
    size_t at;
};

/* word: a literal, so that no call is needed. */
static inline __attribute__((always_inline)) bool take(struct cursor *c, const char *word)
{
    size_t size = strlen(word);
    if (c->text.size - c->at < size || memcmp(c->text.data + c->at, word, size) != 0)
        return false;
    c->at += size;
    return true;
}

static struct slice take_word(struct cursor *c)
{
    size_t start = c->at;
    c->at = byte_scan_word(c->text, start, ' ');
    return slice_sub(c->text, start, c->at - start);
}

/* Exactly or at most `digits` decimal digits. */
static bool take_number(struct cursor *c, size_t digits, bool exactly, int64_t *value)
{
    size_t left = c->text.size - c->at, most = left < digits ? left : digits, n = 0;
    const uint8_t *p = c->text.data + c->at;
    uint64_t number = 0; /* of at most ten digits */
    for (unsigned digit; n < most && (digit = p[n] - (unsigned)'0') <= 9; n++)
        number = number * 10 + digit;
    *value = (int64_t)number;
    c->at += n;
    return exactly ? n == digits : n > 0;
}

#define SECONDS_MAX INT64_C(9223372035) /* fits in ns */
#define WORD_MAX    128                 /* of a node's name and of a type */

static bool take_stamp(struct cursor *c, struct audit_header *out)
{
    int64_t seconds, fraction;
    size_t start = c->at;
    if (!take_number(c, 10, false, &seconds) || seconds > SECONDS_MAX || !take(c, "."))
        return false;
    size_t digits_at = c->at;
    if (!take_number(c, 3, false, &fraction))
        return false;
    if (c->at - digits_at != 3 && (seconds || fraction)) /* Android writes 0.0 */
        return false;
    out->time = slice_sub(c->text, start, c->at - start);
    out->time_ns = seconds * 1000000000 + fraction * 1000000;
    out->has_time = seconds > 0;
    out->has_serial = take(c, ":") && take_number(c, 10, false, &out->serial) && take(c, ")");
    return out->has_serial;
}

bool audit_bare_is_denial(struct slice text)
{
    struct slice head = slice_sub(text, 0, 64);
    return slice_starts_with(text, "avc:") && memchr(head.data, '{', head.size);
}

/* "AVC " before the fields, as journald writes records: a known type, otherwise text. */
static bool read_bare(struct slice line, struct audit_header *out)
{
    struct cursor c = {line, 0};
    if (audit_bare_is_denial(line)) {
        out->type = SLICE_LITERAL("AVC");
        out->text = line;
        return true;
    }
    out->type = take_word(&c);
    if (!out->type.size || out->type.size > WORD_MAX || !take(&c, " ") ||
        !audit_type_is_known(out->type))
        return false;
    out->text = slice_sub(line, c.at, line.size);
    return true;
}

static bool read_type(struct cursor *c, struct audit_header *out)
{
    if (!take(c, "type=")) {
        out->type = SLICE_LITERAL("AVC"); /* old kernels' only record without one */
        return slice_starts_with(slice_sub(c->text, c->at, 6), "audit(");
    }
    out->type = take_word(c);
    return out->type.size && out->type.size <= WORD_MAX && take(c, " ");
}

bool audit_header_read(struct slice line, struct audit_header *out)
{
    struct cursor c = {line, 0};
    *out = (struct audit_header){.serial = 0};
    if (take(&c, "node=")) {
        out->node = take_word(&c);
        if (!out->node.size || out->node.size > WORD_MAX || !take(&c, " "))
            return false;
    }
    (void)take(&c, "audit: ");
    if (!read_type(&c, out))
        return read_bare(slice_sub(line, c.at, line.size), out);
    (void)take(&c, "msg=");
    if (!take(&c, "audit(") || !take_stamp(&c, out))
        return false;
    (void)take(&c, ":");
    out->text = slice_sub(line, c.at, line.size);
    return true;
}

/* ---- fields ---- */

static bool ends_word(uint8_t byte)
{
    return byte <= ' '; /* ENRICHED is one of them */
}

/* Offset of the quote that ends a value which starts at `start`; 0 when there is none. A message in
 * single quotes ends at the last one, since its own fields may contain some. */
static size_t find_end(struct slice text, size_t start, uint8_t quote, bool is_message)
{
    struct slice rest = slice_sub(text, start, text.size);
    if (!rest.size)
        return 0;
    if (is_message) {
        const uint8_t *words = memchr(rest.data, ENRICHED, rest.size);
        rest.size = words ? (size_t)(words - rest.data) : rest.size;
    }
    const uint8_t *end =
        is_message ? memrchr(rest.data, quote, rest.size) : memchr(rest.data, quote, rest.size);
    return end ? (size_t)(end - text.data) : 0;
}

/* A word ends before a comma, and before a ) without a matching (. */
static struct slice trim_bare(struct slice value)
{
    if (value.size && value.data[value.size - 1] == ',')
        value.size--;
    if (value.size && value.data[value.size - 1] == ')' && !memchr(value.data, '(', value.size))
        value.size--;
    return value;
}

static void read_value(struct slice text, size_t *at, struct audit_field *out)
{
    uint8_t quote = *at < text.size ? text.data[*at] : 0;
    size_t start = *at, end = 0;
    if (quote == '"') {
        end = byte_scan_either(text, start + 1, '"', '"');
        end = end < text.size ? end : 0;
    } else if (quote == '\'')
        end = find_end(text, start + 1, quote, slice_equal_text(out->key, "msg"));
    if (end) {
        out->quote = quote;
        out->value = slice_sub(text, start + 1, end - start - 1);
        *at = end + 1;
        return;
    }
    *at = byte_scan_word(text, start, ' ');
    out->value = trim_bare(slice_sub(text, start, *at - start));
}

bool audit_field_next(struct slice text, size_t *at, struct audit_field *out)
{
    *out = (struct audit_field){.quote = 0};
    while (*at < text.size && ends_word(text.data[*at]))
        ++*at;
    size_t start = *at;
    *at = byte_scan_word(text, start, '=');
    out->key = slice_sub(text, start, *at - start);
    if (*at == text.size || text.data[*at] != '=' || *at == start) {
        *at = byte_scan_word(text, *at, ' ');
        out->value = slice_sub(text, start, *at - start);
        out->key = SLICE_EMPTY;
        return out->value.size > 0;
    }
    if (out->key.size > 1 && out->key.data[0] == '(')
        out->key = slice_sub(out->key, 1, out->key.size);
    ++*at;
    read_value(text, at, out);
    return true;
}

bool audit_avc_take(struct slice *text, struct slice *result, struct slice *permissions)
{
    struct cursor c = {slice_trim(*text), 0};
    if (!take(&c, "avc:"))
        return false;
    const uint8_t *open = memchr(c.text.data, '{', c.text.size);
    const uint8_t *close =
        open ? memchr(open, '}', c.text.size - (size_t)(open - c.text.data)) : NULL;
    if (!close)
        return false;
    *result = slice_trim(slice_make(c.text.data + c.at, (size_t)(open - c.text.data) - c.at));
    *permissions = slice_trim(slice_make(open + 1, (size_t)(close - open) - 1));
    c.at = (size_t)(close - c.text.data) + 1;
    (void)take(&c, " for ");
    *text = slice_sub(c.text, c.at, c.text.size);
    return true;
}

/* ---- hex ---- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool audit_hex_decode(struct slice value, uint8_t *out)
{
    bool is_needed = false;
    if (!value.size || value.size % 2)
        return false;
    for (size_t i = 0; i < value.size; i += 2) {
        int high = hex_value(value.data[i]), low = hex_value(value.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uint8_t byte = (uint8_t)(high << 4 | low);
        is_needed |= byte < 0x21 || byte > 0x7E || byte == '"' || byte == '\'';
        out[i / 2] = byte;
    }
    return is_needed;
}
