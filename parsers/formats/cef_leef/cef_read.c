/* cef_read.c: the grammar of the Common Event Format. Pure, any thread. Does not interpret keys. */
#include "parsers/formats/cef_leef/cef_read.h"
#include "core/reasons/record_code.h"
#include "parsers/formats/cef_leef/piped.h"
#include "parsers/read/byte_scan.h"

static bool fail(struct cef_error *error, size_t offset, enum record_code code, const char *detail)
{
    *error = (struct cef_error){offset, code, detail};
    return false;
}

/* "CEF:0|" at the head of s: bytes read, 0 with *error. Later versions are accepted. */
static size_t read_version(struct slice s, struct cef_record *out, struct cef_error *error)
{
    size_t at = 4, digits = 0;
    while (at < s.size && s.data[at] == ' ')
        at++;
    for (out->version = 0; digits < 3 && at + digits < s.size && s.data[at + digits] >= '0' &&
                           s.data[at + digits] <= '9';
         digits++)
        out->version = out->version * 10 + (s.data[at + digits] - (unsigned)'0');
    if (!digits || at + digits >= s.size || s.data[at + digits] != '|') {
        fail(error, at, RECORD_unsupported_version, "CEF version must be a number, followed by |");
        return 0;
    }
    return at + digits + 1;
}

bool cef_read(struct slice record, struct cef_record *out, struct cef_error *error)
{
    size_t at = read_version(record, out, error);
    if (!at)
        return false;
    for (unsigned i = 0; i < CEF_HEADER_FIELDS; i++)
        if (!piped_field(record, &at, &out->header[i]) && i + 1 < CEF_HEADER_FIELDS)
            return fail(error, at, RECORD_malformed, "CEF header needs 7 fields, each ended by |");
    out->extension = slice_trim(slice_sub(record, at, record.size));
    return true;
}

/* ---- extension ---- */

static const bool is_key_character[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true,
    ['.'] = true,         ['-'] = true,         ['['] = true,         [']'] = true,
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Next key at or after `from`: *key, and the offset of its = as result; s.size when there is none.
 * floor: no key starts before it. */
static size_t find_key(struct slice s, size_t floor, size_t from, struct slice *key)
{
    for (size_t at = byte_scan_either(s, from, '=', '\\'); at < s.size;
         at = byte_scan_either(s, at + 1, '=', '\\')) {
        if (s.data[at] == '\\') {
            at++; /* what follows is escaped */
            continue;
        }
        size_t start = at;
        while (start > floor && is_key_character[s.data[start - 1]])
            start--;
        if (start < at && (start == 0 || is_blank(s.data[start - 1]))) {
            *key = slice_sub(s, start, at - start);
            return at;
        }
        while (at + 1 < s.size && s.data[at + 1] == '=')
            at++; /* which follows no key either */
    }
    return s.size;
}

bool cef_pair_next(struct slice extension, size_t *at, struct cef_pair *pair)
{
    const struct slice s = extension;
    struct slice next_key;
    size_t equals = find_key(s, *at, *at, &pair->key);
    if (equals >= s.size)
        return false;
    size_t next = find_key(s, equals + 1, equals + 1, &next_key);
    size_t end = next < s.size ? (size_t)(next_key.data - s.data) : s.size;
    *at = end;
    while (end > equals + 1 && is_blank(s.data[end - 1]))
        end--;
    pair->value = slice_sub(s, equals + 1, end - equals - 1);
    return true;
}
