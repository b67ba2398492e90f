/* leef_read.c: the grammar of the Log Event Extended Format 1.0 and 2.0. Pure, any thread. Does not
 * interpret keys. */
#include "parsers/formats/cef_leef/leef_read.h"
#include "core/reasons/record_code.h"
#include "core/utf8.h"
#include "core/hex.h"
#include "parsers/formats/cef_leef/leef_separator.h"
#include "parsers/formats/cef_leef/piped.h"

static bool fail(struct leef_error *error, size_t offset, enum record_code code, const char *detail)
{
    *error = (struct leef_error){offset, code, detail};
    return false;
}

/* ---- delimiter of 2.0 ---- */

static void set_delimiter(struct leef_record *out, struct slice bytes)
{
    memcpy(out->delimiter, bytes.data, bytes.size);
    out->delimiter_size = bytes.size;
}

/* "0x5E", "x5e", up to four digits: the code point, 0 when it is not one. */
static unsigned hex_code(struct slice s)
{
    unsigned code = 0;
    if (s.size && s.data[0] == '0')
        s = slice_sub(s, 1, s.size);
    if (s.size < 2 || s.size > 5 || (s.data[0] | 0x20) != 'x')
        return 0;
    for (size_t i = 1; i < s.size; i++) {
        int digit = hex_digit_value(s.data[i]);
        if (digit < 0)
            return 0;
        code = code << 4 | (unsigned)digit;
    }
    return code >= 0xD800 && code <= 0xDFFF ? 0 : code;
}

static void set_code(struct leef_record *out, unsigned code)
{
    uint8_t utf8[4];
    set_delimiter(out, slice_make(utf8, utf8_write(code, utf8)));
}

/* The field is one character. */
static bool is_character(struct slice field)
{
    return field.size > 0 && utf8_size(field.data, field.size) == field.size;
}

/* The field after the event id, up to the next |. False: it is already the attributes. */
static bool take_delimiter(struct slice field, struct leef_record *out)
{
    unsigned code = hex_code(field);
    if (code)
        set_code(out, code);
    else if (is_character(field))
        set_delimiter(out, field);
    else if (field.size && memchr(field.data, '=', field.size))
        return false;
    else
        out->bad_delimiter = field.size > 0;
    return true;
}

/* ---- record ---- */

/* "LEEF:2.0|" at the head of s: bytes read, 0 for an unknown version. */
static size_t read_version(struct slice s, unsigned *version)
{
    size_t at = 5;
    while (at < s.size && s.data[at] == ' ')
        at++;
    struct slice rest = slice_sub(s, at, s.size);
    *version = rest.size && rest.data[0] == '2' ? 2 : 1;
    if (slice_starts_with(rest, "1.0|") || slice_starts_with(rest, "2.0|"))
        return at + 4;
    return slice_starts_with(rest, "1|") || slice_starts_with(rest, "2|") ? at + 2 : 0;
}

bool leef_read(struct slice record, struct leef_record *out, struct leef_error *error)
{
    unsigned version;
    struct slice field;
    size_t at = read_version(record, &version);
    *out = (struct leef_record){.delimiter = "\t", .delimiter_size = 1};
    if (!at)
        return fail(error, 5, RECORD_unsupported_version, "LEEF version must be 1.0 or 2.0");
    for (unsigned i = 0; i < LEEF_HEADER_FIELDS; i++)
        if (!piped_field(record, &at, &out->header[i]))
            return fail(error, at, RECORD_malformed, "LEEF header needs 5 fields, each ended by |");
    size_t behind = at;
    bool has_field = piped_field(record, &behind, &field);
    if (has_field && version == 2 && take_delimiter(field, out)) {
        out->is_declared = field.size && !out->bad_delimiter;
        at = behind;
    } else if (has_field && version == 1 && is_character(field) && field.data[0] != '=') {
        set_delimiter(out, field); /* which 1.0 does not have */
        out->is_guessed = true;
        at = behind;
    }
    out->attributes = slice_sub(record, at, record.size);
    leef_separator_guess(out);
    return true;
}

/* Size of the attribute at the head of rest; *gap: size of the delimiter after it. */
static size_t attribute_bytes(const struct leef_record *record, struct slice rest, size_t *gap)
{
    *gap = 0;
    if (record->is_blank)
        return leef_separator_blank(rest);
    const uint8_t *end = memmem(rest.data, rest.size, record->delimiter, record->delimiter_size);
    *gap = end ? record->delimiter_size : 0;
    return end ? (size_t)(end - rest.data) : rest.size;
}

bool leef_attribute_next(const struct leef_record *record, size_t *at, struct slice *key,
                         struct slice *value)
{
    struct slice piece = SLICE_EMPTY;
    while (!piece.size && *at < record->attributes.size) {
        struct slice rest = slice_sub(record->attributes, *at, record->attributes.size);
        size_t gap;
        piece = slice_sub(rest, 0, attribute_bytes(record, rest, &gap));
        *at += piece.size + gap;
        if (record->is_blank)
            piece = slice_trim(piece);
        piece = slice_trim(piece).size ? piece : SLICE_EMPTY;
    }
    const uint8_t *equals = slice_find_byte(piece, '=');
    size_t key_size = equals ? (size_t)(equals - piece.data) : 0;
    *key = slice_trim(slice_sub(piece, 0, key_size));
    *value = equals ? slice_sub(piece, key_size + 1, piece.size) : piece;
    return piece.size > 0;
}
