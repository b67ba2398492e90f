/* leef_separator.c: guesses the delimiter of LEEF attributes. Pure, any thread. A guess must not
 * let the author of a text create attributes: blanks do not separate attributes in a record that
 * begins with a text. */
#include "parsers/formats/cef_leef/leef_separator.h"

static bool is_key_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

/* "key=" at the head. */
static bool starts_pair(struct slice s)
{
    size_t n = 0;
    while (n < s.size && is_key_byte(s.data[n]))
        n++;
    return n && n < s.size && s.data[n] == '=';
}

/* The separator splits s, and a key follows every occurrence of it (or the first). */
static bool parts(struct slice s, const char *word, bool everywhere)
{
    size_t size = strlen(word), count = 0;
    for (struct slice rest = s;;) {
        const uint8_t *at = rest.size ? memmem(rest.data, rest.size, word, size) : NULL;
        if (!at)
            return count > 0;
        size_t behind = (size_t)(at - rest.data) + size;
        rest = slice_sub(rest, behind, rest.size);
        if (rest.size && !starts_pair(rest))
            return false;
        count++;
        if (!everywhere)
            return true;
    }
}

size_t leef_separator_blank(struct slice s)
{
    for (size_t at = 1; at < s.size; at++)
        if (s.data[at - 1] == ' ' && is_key_byte(s.data[at])) {
            size_t start = at;
            while (at < s.size && is_key_byte(s.data[at]))
                at++;
            if (at < s.size && s.data[at] == '=')
                return start;
        }
    return s.size;
}

/* A record whose first attribute is a text for people: it may hold anything. */
static bool starts_with_text(struct slice s)
{
    static const char *const keys[] = {
        "msg=", "message=", "desc=", "description=", "reason=", "text="};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (slice_starts_with(s, keys[i]))
            return true;
    return false;
}

void leef_separator_guess(struct leef_record *record)
{
    static const struct {
        const char *word;
        bool everywhere;
    } words[] = {{"\t", false},    {"#011", false}, {"\\t", false},
                 {"\\x09", false}, {"^", true},     {"|", true}};
    size_t tried = record->is_declared ? 2 : sizeof words / sizeof *words;
    struct slice s = record->attributes;
    if (!s.size || !starts_pair(s) ||
        memmem(s.data, s.size, record->delimiter, record->delimiter_size))
        return;
    for (size_t i = 0; i < tried; i++) {
        if (!parts(s, words[i].word, words[i].everywhere))
            continue;
        record->delimiter_size = strlen(words[i].word);
        memcpy(record->delimiter, words[i].word, record->delimiter_size);
        record->is_guessed = true;
        return;
    }
    if (record->is_declared) /* one attribute, then */
        return;
    record->is_guessed = leef_separator_blank(s) < s.size;
    record->is_blank = record->is_guessed && !starts_with_text(s);
}
