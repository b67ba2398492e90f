/* vin_hidden.c: VINs in hex and base64. Pure, any thread. Checks every 17th byte that a run of
 * digits or letters may encode. */
#include "parsers/privacy/vin_hidden.h"
#include "core/hex.h"
#include "core/vin.h"
#include "parsers/privacy/vin_window.h"

/* Letters and digits next to a VIN in binary data that may be a length or a type. */
#define AROUND_MAX   3
#define SPACED_BYTES VIN_HIDDEN_SPACED_BYTES
/* How far apart it is enough to look for one. */
#define SPACED_STEP (SPACED_BYTES - 2 * 3)

/* Values of base64 characters, from 1; 0: not base64. */
static uint8_t sextets[256];
/* Letters and digits in upper case, else 0. */
static uint8_t upper[256];

static int sextet(uint8_t c)
{
    return sextets[c] - 1;
}

static uint8_t sextet_character(unsigned value, uint8_t before)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (value < 62)
        return (uint8_t)characters[value];
    bool is_url = before == '-' || before == '_';
    return value == 62 ? (is_url ? '-' : '+') : (is_url ? '_' : '/');
}

__attribute__((constructor)) static void tables_fill(void)
{
    for (unsigned i = 0; i < 62; i++)
        sextets[sextet_character(i, 0)] = (uint8_t)(i + 1);
    sextets['+'] = sextets['-'] = 63;
    sextets['/'] = sextets['_'] = 64;
    for (unsigned c = '0'; c <= '9'; c++)
        upper[c] = (uint8_t)c;
    for (unsigned c = 'A'; c <= 'Z'; c++)
        upper[c] = upper[c + 32] = (uint8_t)c;
}

/* ---- views ---- */

/* The byte in upper case, 0: it is no letter or digit. */
static uint8_t read_byte(const uint8_t *text, const struct vin_view *view, size_t index)
{
    const uint8_t *p = text + view->start;
    if (view->coding == VIN_BASE64) {
        size_t bit = 8 * index, i = bit / 6;
        unsigned pair = (unsigned)sextet(p[i]) << 6 | (unsigned)sextet(p[i + 1]);
        return upper[(uint8_t)(pair >> (4 - bit % 6))];
    }
    p += index * (view->coding == VIN_HEX ? 2 : 3);
    return upper[(uint8_t)(hex_digit_value(p[0]) << 4 | hex_digit_value(p[1]))];
}

static void write_byte(uint8_t *text, const struct vin_view *view, size_t index, uint8_t byte)
{
    uint8_t *p = text + view->start;
    if (view->coding == VIN_BASE64) {
        size_t bit = 8 * index, i = bit / 6;
        unsigned shift = 4 - (unsigned)(bit % 6), pair;
        pair = (unsigned)sextet(p[i]) << 6 | (unsigned)sextet(p[i + 1]);
        pair = (pair & ~(0xFFu << shift)) | (unsigned)byte << shift;
        p[i] = sextet_character(pair >> 6, p[i]);
        p[i + 1] = sextet_character(pair & 63, p[i + 1]);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    p += index * (view->coding == VIN_HEX ? 2 : 3);
    p[0] = (uint8_t)digits[byte >> 4];
    p[1] = (uint8_t)digits[byte & 15];
}

/* The view of the run with this number, from 1; false: the run has no more views. */
static bool make_view(const struct vin_hidden_scan *scan, unsigned number, struct vin_view *view)
{
    size_t size = scan->end - scan->at;
    if (scan->is_spaced) {
        *view = (struct vin_view){scan->at, (size + 1) / 3, VIN_SPACED_HEX};
        return number == 1;
    }
    if (number <= 4 && size >= number) { /* base64 that begins at any of its characters */
        *view = (struct vin_view){scan->at + number - 1, (size - number + 1) * 6 / 8, VIN_BASE64};
        return true;
    }
    if (number > 6)
        return false;
    size_t start = scan->hex_start + (number - 5); /* a pair may begin at any digit */
    *view = (struct vin_view){start, (scan->hex_end - start) / 2, VIN_HEX};
    return true;
}

/* The next hex digits of the run, from an offset on, that are enough for a VIN; also after 0x or a
 * letter. */
static bool find_hex(struct vin_hidden_scan *scan, size_t from)
{
    const uint8_t *data = scan->text.data;
    for (size_t end = from; from < scan->end; from = end + 1) {
        for (end = from; end < scan->end && hex_digit_value(data[end]) >= 0;)
            end++;
        if (end - from < 2 * VIN_BYTES)
            continue;
        scan->hex_start = from;
        scan->hex_end = end;
        return true;
    }
    return false;
}

/* Base64 at each of four offsets, then each run of hex digits at each of two. */
static void next_view(struct vin_hidden_scan *scan)
{
    scan->next = 0;
    if (scan->is_spaced || (scan->view != 4 && scan->view != 6))
        scan->view++;
    else
        scan->view = find_hex(scan, scan->view == 4 ? scan->at : scan->hex_end) ? 5 : 7;
}

/* ---- VINs in a view ---- */

/* Is there a VIN in the window that begins at index? may_be_any: also an unknown one. */
static bool take_window(const struct vin_hidden_scan *scan, struct vin_hidden *hidden, size_t index,
                        struct vin_window window, bool may_be_any)
{
    hidden->known = vin_window_find(window, scan->known, scan->known_count);
    if (hidden->known == scan->known_count && !may_be_any)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        hidden->vin[i] = read_byte(scan->text.data, &hidden->view, index + i);
    hidden->index = index;
    return hidden->known < scan->known_count ||
           vin_check_digit_fits(slice_make(hidden->vin, VIN_BYTES));
}

/* The first VIN among the letters and digits from start to end. */
static bool take_run(const struct vin_hidden_scan *scan, struct vin_hidden *hidden, size_t start,
                     size_t end)
{
    bool may_be_any = end - start <= VIN_BYTES + AROUND_MAX;
    struct vin_window window = {0, 0};
    if (!may_be_any && !scan->known_count)
        return false;
    for (size_t i = start; i < end; i++) {
        vin_window_push(&window, read_byte(scan->text.data, &hidden->view, i));
        if (i + 1 >= start + VIN_BYTES &&
            take_window(scan, hidden, i + 1 - VIN_BYTES, window, may_be_any))
            return true;
    }
    return false;
}

static bool find_in_view(struct vin_hidden_scan *scan, struct vin_hidden *hidden)
{
    const uint8_t *text = scan->text.data;
    const struct vin_view *view = &hidden->view;
    size_t from = scan->next;
    for (size_t probe = from + VIN_BYTES - 1; probe < view->count; probe = from + VIN_BYTES - 1) {
        if (!read_byte(text, view, probe)) {
            from = probe + 1;
            continue;
        }
        size_t start = probe, end = probe < scan->run_end ? scan->run_end : probe + 1;
        while (start > from && read_byte(text, view, start - 1))
            start--;
        while (end < view->count && read_byte(text, view, end))
            end++;
        if (end - start >= VIN_BYTES && take_run(scan, hidden, start, end)) {
            scan->next = hidden->index + VIN_BYTES;
            scan->run_end = end;
            return true;
        }
        from = end + 1;
    }
    return false;
}

/* ---- stretches ---- */

/* Characters of base64 that hold 17 bytes. */
#define CODED_MIN 23

/* Words from at on: the end of their sequence is remembered, because finding it for each word would
 * take quadratic time. */
static bool next_words(struct vin_hidden_scan *scan, size_t at, size_t *start, size_t *end)
{
    if (at >= scan->words_end && !vin_scan_run(scan->text, at, start, end))
        return false;
    if (at < scan->words_end) {
        *start = at;
        *end = scan->words_end;
    }
    scan->words_end = *end;
    return true;
}

/* A word long enough to encode a VIN in base64, without + or / in its middle, or in hex. */
static bool next_word(struct vin_hidden_scan *scan)
{
    const uint8_t *data = scan->text.data;
    size_t floor = scan->end, start, end, at = floor;
    while (next_words(scan, at, &start, &end)) {
        for (at = start; at < end;) {
            size_t from = at;
            while (at < scan->text.size && sextet(data[at]) >= 0)
                at++;
            if (at - from >= CODED_MIN) {
                while (from > floor && sextet(data[from - 1]) >= 0)
                    from--;
                scan->at = from;
                scan->end = at;
                return true;
            }
            at += at == from; /* % or backslash */
        }
    }
    return false;
}

static bool is_separator(uint8_t c)
{
    return c == ' ' || c == '\'' || c == ':' || c == '-' || c == ',' || c == '.';
}

static bool is_pair(const uint8_t *p)
{
    return hex_digit_value(p[0]) >= 0 && hex_digit_value(p[1]) >= 0;
}

/* Pairs of hex digits with one character between them. */
static bool next_spaced(struct vin_hidden_scan *scan)
{
    struct slice text = scan->text;
    const uint8_t *data = text.data;
    for (size_t at = scan->end + SPACED_STEP - 1; at + 7 <= text.size; at += SPACED_STEP) {
        size_t p = at + 2; /* after the first pair of one that begins here */
        while (p < at + 5 && !is_separator(data[p]))
            p++;
        if (p == at + 5 || !is_pair(data + p + 1) || !is_pair(data + p - 2))
            continue;
        size_t start = p - 2, end = p;
        while (start >= scan->end + 3 && is_separator(data[start - 1]) && is_pair(data + start - 3))
            start -= 3;
        while (end + 2 < text.size && is_separator(data[end]) && is_pair(data + end + 1))
            end += 3;
        if (end - start < SPACED_BYTES)
            continue;
        scan->at = start;
        scan->end = end;
        return true;
    }
    return false;
}

static bool next_stretch(struct vin_hidden_scan *scan)
{
    if (!scan->is_spaced) {
        if (next_word(scan))
            return true;
        scan->is_spaced = true;
        scan->at = scan->end = 0;
    }
    return next_spaced(scan);
}

/* The view of the current run: made once, not for each VIN in it. */
static bool open_view(struct vin_hidden_scan *scan, struct vin_view *view)
{
    if (!scan->run_end && !make_view(scan, scan->view, &scan->open))
        return false;
    *view = scan->open;
    return true;
}

bool vin_hidden_next(struct vin_hidden_scan *scan, struct vin_hidden *hidden)
{
    for (;;) {
        if (!scan->view && !next_stretch(scan))
            return false;
        scan->view = scan->view ? scan->view : 1;
        while (open_view(scan, &hidden->view)) {
            if (find_in_view(scan, hidden))
                return true;
            next_view(scan);
            scan->run_end = 0;
        }
        scan->view = 0;
        scan->next = scan->run_end = 0;
    }
}

void vin_hidden_write(const struct vin_hidden *hidden, uint8_t *text,
                      const uint8_t bytes[VIN_BYTES])
{
    for (size_t i = 0; i < VIN_BYTES; i++)
        write_byte(text, &hidden->view, hidden->index + i, bytes[i]);
}
