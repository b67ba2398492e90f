/* bundle_custody.c: reads the body of an audit record as far as an export needs it. Any thread;
 * works on memory alone. Takes the spelling that the audit log writes and no other JSON, so that
 * all verifiers read the same members: no white space, strings and decimal numbers only. */
#include "storage/evidence/bundle/bundle_custody.h"

static bool take(struct slice *rest, char c)
{
    if (!rest->size || rest->data[0] != c)
        return false;
    *rest = slice_sub(*rest, 1, SIZE_MAX);
    return true;
}

/* Up to and without the closing quote. Escapes stay as they are. */
static bool take_string(struct slice *rest, struct slice *text)
{
    size_t at = 0;
    if (!take(rest, '"'))
        return false;
    while (at < rest->size && rest->data[at] != '"') {
        bool escape = rest->data[at] == '\\';
        if (rest->data[at] < ' ')
            return false;
        at += escape;
        if (escape && (at >= rest->size || !memchr("\"\\/bfnrtu", rest->data[at], 9)))
            return false;
        at++;
    }
    *text = slice_sub(*rest, 0, at);
    *rest = slice_sub(*rest, at, SIZE_MAX);
    return take(rest, '"');
}

static bool is_name(struct slice key)
{
    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] != '_' && (key.data[i] < 'a' || key.data[i] > 'z'))
            return false;
    return key.size > 0;
}

/* *text: empty for a number. */
static bool take_value(struct slice *rest, struct slice *text)
{
    size_t digits = 0;
    *text = SLICE_EMPTY;
    while (digits < rest->size && rest->data[digits] >= '0' && rest->data[digits] <= '9')
        digits++;
    if (!digits)
        return take_string(rest, text);
    *rest = slice_sub(*rest, digits, SIZE_MAX);
    return true;
}

struct export_said {
    unsigned kinds, digests; /* how often each is there, digests behind the kind */
    struct slice kind, digest;
};

static bool take_member(struct slice *rest, struct export_said *said)
{
    struct slice key, value;
    if (!take_string(rest, &key) || !is_name(key) || !take(rest, ':') || !take_value(rest, &value))
        return false;
    if (slice_equal_text(key, "kind")) {
        said->kinds++;
        said->kind = value;
    } else if (slice_equal_text(key, "digest")) {
        said->digests += said->kinds; /* the kind comes first */
        said->digest = value;
    }
    return true;
}

bool bundle_custody_is_of(struct slice body, const uint8_t contents[SHA256_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    struct export_said said = {0};
    char hex[2 * SHA256_BYTES];
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        hex[2 * i] = digits[contents[i] >> 4];
        hex[2 * i + 1] = digits[contents[i] & 15];
    }
    bool more = take(&body, '{');
    while (more && take_member(&body, &said))
        more = take(&body, ',');
    return !more && take(&body, '}') && !body.size && said.kinds == 1 && said.digests == 1 &&
           slice_equal_text(said.kind, "evidence_exported") &&
           slice_equal(said.digest, slice_make(hex, sizeof hex));
}
