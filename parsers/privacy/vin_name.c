/* vin_name.c: finds a name of a VIN before a text. Pure, any thread. Does not check the text
 * itself: vin_scan.c, vin_spaced.c. */
#include "parsers/privacy/vin_name.h"
#include "core/hex.h"
#include "parsers/privacy/vehicle_key.h"

#define LOOK_BYTES 64 /* before the text */
#define GAP_MAX    6  /* characters between two words: \": \" in JSON inside JSON */
#define WORDS_MAX  3  /* between the name and the text */

static bool is_any_of(const uint8_t *p, size_t left, const char *word)
{
    size_t i = 0;
    while (word[i] && i < left && (p[i] | 0x20) == word[i])
        i++;
    return !word[i];
}

/* Most texts name nothing: is there a piece of a name? */
static bool may_name(struct slice before)
{
    for (size_t i = 0; i < before.size; i++) {
        const uint8_t *p = before.data + i;
        size_t left = before.size - i;
        switch (*p | 0x20) {
        case 'v':
            if (is_any_of(p, left, "vi") || is_any_of(p, left, "vehicle"))
                return true;
            break;
        case 'f':
            if (is_any_of(p, left, "fin"))
                return true;
            break;
        case 'c':
            if (is_any_of(p, left, "chassis"))
                return true;
            break;
        default:
            break;
        }
    }
    return false;
}

/* Bytes of the escape at p: %3D, %253D, \n, \u003d or \\u003d; 0: not an escape. */
static size_t escape_bytes(const uint8_t *p, size_t left)
{
    if (*p == '%' && left >= 3 && hex_digit_value(p[1]) >= 0 && hex_digit_value(p[2]) >= 0) {
        bool is_percent = p[1] == '2' && p[2] == '5' && left >= 5;
        return is_percent && hex_digit_value(p[3]) >= 0 && hex_digit_value(p[4]) >= 0 ? 5 : 3;
    }
    if (*p != '\\')
        return 0;
    size_t slashes = left >= 2 && p[1] == '\\' ? 2 : 1;
    if (left >= slashes + 5 && p[slashes] == 'u')
        return slashes + 5;
    bool has_letter = left > slashes && memchr("bfnrt\"/", p[slashes], 7);
    return slashes + has_letter;
}

/* What comes before, each escape as one blank. */
static struct slice plain(struct slice before, uint8_t room[LOOK_BYTES])
{
    size_t size = 0;
    for (size_t i = 0; i < before.size;) {
        size_t escape = escape_bytes(before.data + i, before.size - i);
        room[size++] = escape ? ' ' : before.data[i];
        i += escape ? escape : 1;
    }
    return slice_make(room, size);
}

/* Removes trailing characters that are not letters; false: nothing is left, or there are too many.
 */
static bool cut_gap(struct slice *before, bool *has_blank)
{
    size_t size = before->size;
    *has_blank = false;
    while (size && !vehicle_key_is_word(before->data[size - 1])) {
        size--;
        *has_blank |= before->data[size] == ' ';
    }
    size_t gap = before->size - size;
    before->size = size;
    return gap > 0 && gap <= GAP_MAX && size > 0;
}

/* Words that may come between a name and its value, joined to it or not: vin_value. */
static bool is_filler(struct slice word)
{
    static const char *const words[] = {"is",    "was", "no",   "nr",     "num", "number", "code",
                                        "value", "val", "text", "string", "id",  "raw"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_equal_nocase(word, words[i]))
            return true;
    return false;
}

/* Removes the last word. */
static struct slice cut_word(struct slice *before)
{
    size_t size = before->size;
    while (size && vehicle_key_is_word(before->data[size - 1]))
        size--;
    struct slice word = slice_sub(*before, size, before->size - size);
    before->size = size;
    return word;
}

bool vin_is_named(struct slice text, size_t at)
{
    uint8_t room[LOOK_BYTES];
    size_t look = at < LOOK_BYTES ? at : LOOK_BYTES;
    struct slice before = slice_sub(text, at - look, look);
    bool has_blank;
    if (!may_name(before))
        return false;
    before = plain(before, room);
    if (!cut_gap(&before, &has_blank))
        return false;
    for (size_t words = 0;; words++) {
        if (vehicle_key_of(before) != VEHICLE_KEY_OTHER)
            return true;
        struct slice word = cut_word(&before);
        if (words == WORDS_MAX || !cut_gap(&before, &has_blank) || (!has_blank && !is_filler(word)))
            return false;
    }
}
