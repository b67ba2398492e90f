/* vin_scan.c: VINs in a text. Pure, any thread. Most texts have no 17 letters and digits in a row,
 * which a check of every 17th byte shows. */
#include "parsers/privacy/vin_scan.h"
#include "core/hex.h"
#include "core/vin.h"
#include "parsers/privacy/vin_name.h"
#include "parsers/privacy/vin_window.h"

#define RING 32 /* the last characters; a power of two over VIN_BYTES */

/* Letters and digits around a VIN in bytes. */
#define AROUND_MAX 3

/* Digits after %25, which encodes a % before two of them. */
#define SOFT_TWICE 4

/* Bytes of which a VIN can consist: letters, digits, those of full-width ones, % and backslash. */
static bool run_bytes[256];
/* Letters and digits in upper case, else 0. */
static uint8_t upper[256];

__attribute__((constructor)) static void tables_fill(void)
{
    for (unsigned c = 0; c < 256; c++) {
        bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'z';
        upper[c] = digit || (c >= 'A' && c <= 'Z') ? (uint8_t)c : lower ? (uint8_t)(c - 32) : 0;
        bool wide = c == 0xef || c == 0xbc || c == 0xbd || (c >= 0x81 && c <= 0xba);
        run_bytes[c] = upper[c] || c == '%' || c == '\\' || wide;
    }
}

#define NO_RUN SIZE_MAX

/* Start of the next run of at least VIN_BYTES such bytes, from at on. Checks the last byte of a
 * possible run first (Boyer-Moore), so that most bytes are never read and no byte is read twice. */
static inline size_t find_run(const uint8_t *data, size_t size, size_t at)
{
    size_t seen = at; /* bytes from at to here are of the run */
    while (at + VIN_BYTES <= size) {
        size_t next = at + VIN_BYTES, from = next;
        while (run_bytes[data[from - 1]])
            if (--from == seen)
                return at;
        seen = next;
        at = from;
    }
    return NO_RUN;
}

bool vin_scan_run(struct slice text, size_t at, size_t *start, size_t *end)
{
    size_t from = find_run(text.data, text.size, at);
    if (from == NO_RUN)
        return false;
    size_t to = from + VIN_BYTES;
    while (to < text.size && run_bytes[text.data[to]])
        to++;
    *start = from;
    *end = to;
    return true;
}

bool vin_scan_may_match(struct slice text)
{
    return find_run(text.data, text.size, 0) != NO_RUN;
}

/* What a run holds, character by character. */
struct run {
    size_t count;    /* letters and digits in a row up to here */
    size_t soft;     /* first ones of them that may belong to an escape */
    bool is_tainted; /* they go on from a VIN */
    struct vin_window window;
    uint8_t characters[RING];
    size_t starts[RING];
};

static int hex_pair(const uint8_t *p)
{
    int high = hex_digit_value((char)p[0]), low = high < 0 ? -1 : hex_digit_value((char)p[1]);
    return low < 0 ? -1 : high << 4 | low;
}

/* One step of a run. */
struct token {
    size_t size;       /* bytes */
    uint8_t character; /* letter or digit; 0: a word ends here */
    /* Bytes after it that may belong to it (the n of \n, the 20 of %20): a VIN may begin with them
     * or after them. */
    size_t soft;
};

/* The letter or digit of a code point, also full-width (U+FF10 to U+FF5A); 0: neither */
static uint8_t character_of(int code)
{
    if (code >= 0xff10 && code <= 0xff5a)
        code -= 0xff10 - '0';
    return code >= 0 && code < 256 && upper[code] ? (uint8_t)code : 0;
}

/* The letter or digit written as u0031; 0: neither. */
static uint8_t u_character(const uint8_t *p, size_t left)
{
    if (left < 5 || p[0] != 'u')
        return 0;
    int high = hex_pair(p + 1), low = hex_pair(p + 3);
    return high < 0 || low < 0 ? 0 : character_of(high << 8 | low);
}

/* A full-width letter or digit in UTF-8, three bytes; 0: neither. */
static uint8_t wide_character(const uint8_t *p, size_t left)
{
    if (left < 3 || p[0] != 0xef || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
        return 0;
    return character_of(0xf000 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f));
}

/* A backslash in plain text: of an escape, or of a path. */
static struct token text_backslash(const uint8_t *p, size_t left)
{
    struct token token = {.size = 1};
    uint8_t character = u_character(p + 1, left - 1);
    if (character)
        return (struct token){.size = 6, .character = character};
    if (left >= 6 && p[1] == 'u')
        token.soft = 5;
    else if (left >= 4 && p[1] == 'x')
        token.soft = 3;
    else if (left >= 2 && memchr("nrtbfv0", p[1], 7))
        token.soft = 1;
    return token;
}

/* In JSON it begins an escape; the text itself has a backslash only where there are two. */
static struct token json_backslash(const uint8_t *p, size_t left)
{
    struct token inner;
    if (left >= 2 && p[1] == '\\') {
        inner = text_backslash(p + 1, left - 1);
        inner.size++;
        return inner;
    }
    if (left < 2 || p[1] != 'u')
        return (struct token){.size = left < 2 ? 1 : 2};
    return (struct token){.size = left < 6 ? left : 6, .character = u_character(p + 1, left - 1)};
}

static struct token read_token(const uint8_t *p, size_t left, bool is_json)
{
    if (upper[*p])
        return (struct token){.size = 1, .character = *p};
    if (*p == '\\')
        return is_json ? json_backslash(p, left) : text_backslash(p, left);
    uint8_t wide = wide_character(p, left);
    if (wide)
        return (struct token){.size = 3, .character = wide};
    int value = *p == '%' && left >= 3 ? hex_pair(p + 1) : -1;
    if (value >= 0 && upper[value])
        return (struct token){.size = 3, .character = (uint8_t)value};
    return (struct token){.size = 1, .soft = value < 0 ? 0 : value == '%' ? SOFT_TWICE : 2};
}

static void found(const struct run *run, size_t end, struct vin_match *match, size_t known)
{
    for (size_t i = 0; i < VIN_BYTES; i++)
        match->vin[i] = upper[run->characters[(run->count - VIN_BYTES + i) % RING]];
    match->start = run->starts[(run->count - VIN_BYTES) % RING];
    match->end = end;
    match->known = known;
}

/* Do the last characters make a known VIN? */
static bool is_known(const struct vin_scan *scan, const struct run *run, size_t *number)
{
    *number = vin_window_find(run->window, scan->known, scan->known_count);
    return *number < scan->known_count;
}

/* Does a short word of binary data contain a VIN? */
static bool is_among(const struct vin_scan *scan, const struct run *run, size_t end,
                     struct vin_match *match)
{
    size_t more = run->count - VIN_BYTES;
    for (size_t behind = 0; behind <= more && more <= AROUND_MAX; behind++) {
        struct run part = *run;
        part.count -= behind;
        found(&part, behind ? run->starts[part.count % RING] : end, match, scan->known_count);
        if (vin_check_digit_fits(slice_make(match->vin, VIN_BYTES)))
            return true;
    }
    return false;
}

/* Does a name of a VIN precede it, as in VIN=… or "vin": "…"? If so the check digit does not
 * matter. */
static bool is_named(struct slice text, const struct vin_match *match)
{
    return vin_is_valid(slice_make(match->vin, VIN_BYTES)) && vin_is_named(text, match->start);
}

/* Can this number of characters be a VIN and the rest of an escape before it? */
static bool has_size_of_vin(const struct run *run)
{
    if (run->count < VIN_BYTES)
        return false;
    size_t more = run->count - VIN_BYTES;
    return !more || more == run->soft || (run->soft == SOFT_TWICE && more == 2);
}

/* A word ends: is it a VIN? */
static bool is_recognised(const struct vin_scan *scan, struct run *run, size_t end,
                          struct vin_match *match)
{
    bool fits = !run->is_tainted && has_size_of_vin(run);
    bool is_vin = scan->is_bytes && !run->is_tainted && run->count > VIN_BYTES &&
                  is_among(scan, run, end, match);
    if (fits && !is_vin) {
        found(run, end, match, scan->known_count);
        is_vin =
            vin_check_digit_fits(slice_make(match->vin, VIN_BYTES)) || is_named(scan->text, match);
    }
    run->count = 0;
    run->is_tainted = false;
    return is_vin;
}

static void push(struct run *run, uint8_t character, size_t at)
{
    vin_window_push(&run->window, upper[character]);
    run->characters[run->count % RING] = character;
    run->starts[run->count % RING] = at;
    run->count++;
}

/* The first VIN between start and end. */
static bool scan_run(struct vin_scan *scan, size_t start, size_t end, struct vin_match *match)
{
    struct run run = {.is_tainted = scan->is_glued && start == scan->at};
    struct token token;
    for (size_t at = start; at < end; at += token.size) {
        token = read_token(scan->text.data + at, end - at, scan->is_json);
        if (!token.character) {
            if (is_recognised(scan, &run, at, match))
                return true;
            run.soft = token.soft;
            continue;
        }
        push(&run, token.character, at);
        if (run.count >= VIN_BYTES && is_known(scan, &run, &match->known)) {
            found(&run, at + token.size, match, match->known);
            return true;
        }
    }
    return is_recognised(scan, &run, end, match);
}

/* The run continues after a VIN. Its end is remembered, because finding it for each VIN would take
 * quadratic time. */
static bool next_run(const struct vin_scan *scan, size_t *start, size_t *end)
{
    if (!scan->is_glued || scan->run_end - scan->at < VIN_BYTES)
        return vin_scan_run(scan->text, scan->at, start, end);
    *start = scan->at;
    *end = scan->run_end;
    return true;
}

bool vin_scan_next(struct vin_scan *scan, struct vin_match *match)
{
    size_t start, end;
    while (next_run(scan, &start, &end)) {
        if (scan_run(scan, start, end, match)) {
            scan->at = match->end;
            scan->is_glued = true;
            scan->run_end = end;
            return true;
        }
        scan->at = end;
        scan->is_glued = false;
    }
    return false;
}
