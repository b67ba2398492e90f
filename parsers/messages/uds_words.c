/* uds_words.c: "0x27 refused, NRC 0x35" → UDS columns. Pure, any thread. A number counts only after
 * the term that names it: terms of ISO 14229 and their variants in ECU logs. */
#include "parsers/messages/uds_words.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word_byte(uint8_t c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A hex number of at most `digits` digits at `at`, with or without 0x; *end is after it. */
static bool read_hex(struct slice s, size_t at, size_t digits, bool needs_mark, int64_t *value,
                     size_t *end)
{
    size_t start = at;
    bool is_marked = at + 1 < s.size && s.data[at] == '0' && (s.data[at + 1] | 0x20) == 'x';
    at += is_marked ? 2 : 0;
    start = at;
    for (*value = 0; at < s.size && hex_value(s.data[at]) >= 0; at++) {
        if (at - start >= digits)
            return false;
        *value = *value * 16 + hex_value(s.data[at]);
    }
    *end = at;
    return at > start && (is_marked || (!needs_mark && at - start == digits)) &&
           (at == s.size || !is_word_byte(s.data[at]));
}

static const struct {
    const char *word;
    enum event_field field;
    unsigned digits;
} words[] = {
    {"nrc", EVENT_uds_nrc, 2},         {"sid", EVENT_uds_sid, 2}, {"service", EVENT_uds_sid, 2},
    {"subfunction", EVENT_uds_sub, 2}, {"sub", EVENT_uds_sub, 2}, {"did", EVENT_uds_did, 4},
    {"rid", EVENT_uds_rid, 4},
};

#define WORD_COUNT (sizeof words / sizeof *words)
#define WORD_LEAST 3 /* bytes of the shortest */

static bool is_word(struct slice s, size_t at, size_t end, const char *word)
{
    return slice_equal_nocase(slice_sub(s, at, end - at), word);
}

/* The number after a term: "NRC 0x35", "SID=0x27", "NRC: 35". */
static void take_behind(struct text_event *t, struct slice s, size_t word, size_t at)
{
    int64_t value;
    size_t end;
    while (at < s.size && (s.data[at] == ' ' || s.data[at] == '=' || s.data[at] == ':' ||
                           s.data[at] == '#' || s.data[at] == '('))
        at++;
    if (read_hex(s, at, words[word].digits, false, &value, &end))
        (void)text_event_set_int(t, words[word].field, value);
}

/* A service before what became of it: "0x27 refused". */
static void take_before(struct text_event *t, struct slice s)
{
    static const char *const verbs[] = {"refused", "rejected", "denied", "failed",
                                        "request", "response", "not"};
    for (size_t at = 0; at + 3 < s.size; at++) {
        int64_t value;
        size_t end;
        if (s.data[at] != '0' || (at && is_word_byte(s.data[at - 1])) ||
            !read_hex(s, at, 2, true, &value, &end) || end >= s.size || s.data[end] != ' ')
            continue;
        size_t start = end + 1, stop = start;
        while (stop < s.size && is_letter(s.data[stop]))
            stop++;
        for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++)
            if (is_word(s, start, stop, verbs[v])) {
                (void)text_event_set_int(t, EVENT_uds_sid, value);
                return;
            }
    }
}

/* The denials, as the catalogue assesses them on a bus. */
static void assess(struct text_event *t)
{
    bool has_code = EVENT_HAS(&t->event, uds_nrc);
    int64_t code = has_code ? t->event.uds_nrc : 0;
    if (!EVENT_HAS(&t->event, event_category) || event_is_guess(&t->event, EVENT_event_category))
        EVENT_GUESS(&t->event, event_category, SLICE_LITERAL("diagnostic_access"));
    int64_t severity = code >= 0x33 && code <= 0x37 ? 3 : 2;
    if (has_code && (!EVENT_HAS(&t->event, severity_id) || t->event.severity_id < severity))
        EVENT_GUESS(&t->event, severity_id, severity);
}

/* Offset at or after `at` where "ud" or "nr" of any case may begin; s.size - 2 or more: nowhere. */
static size_t find_term(struct slice s, size_t at)
{
#ifdef __SSE2__
    const __m128i lower = _mm_set1_epi8(0x20);
    for (; at + 17 <= s.size; at += 16) {
        __m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)(s.data + at)), lower);
        __m128i y = _mm_or_si128(_mm_loadu_si128((const __m128i *)(s.data + at + 1)), lower);
        __m128i ud = _mm_and_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('u')),
                                   _mm_cmpeq_epi8(y, _mm_set1_epi8('d')));
        __m128i nr = _mm_and_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('n')),
                                   _mm_cmpeq_epi8(y, _mm_set1_epi8('r')));
        unsigned bits = (unsigned)_mm_movemask_epi8(_mm_or_si128(ud, nr));
        if (bits)
            return at + (unsigned)__builtin_ctz(bits);
    }
#endif
    for (; at + 2 < s.size; at++) {
        uint8_t x = s.data[at] | 0x20, y = s.data[at + 1] | 0x20;
        if ((x == 'u' && y == 'd') || (x == 'n' && y == 'r'))
            break;
    }
    return at;
}

/* UDS or NRC, as a word. */
static bool is_about_uds(struct slice s)
{
    for (size_t at = find_term(s, 0); at + 2 < s.size; at = find_term(s, at + 1)) {
        bool starts = !at || !is_word_byte(s.data[at - 1]);
        bool ends = at + 3 >= s.size || !is_letter(s.data[at + 3]);
        if (starts && ends && (is_word(s, at, at + 3, "uds") || is_word(s, at, at + 3, "nrc")))
            return true;
    }
    return false;
}

void uds_words_read(struct text_event *t, struct slice text)
{
    text = slice_sub(text, 0, 1024);
    if (!is_about_uds(text))
        return;
    for (size_t at = 0; at < text.size;) {
        size_t start = at;
        while (at < text.size && is_letter(text.data[at]))
            at++;
        for (size_t w = 0; w < WORD_COUNT && at - start >= WORD_LEAST; w++)
            if (is_word(text, start, at, words[w].word))
                take_behind(t, text, w, at);
        at += at == start;
    }
    take_before(t, text);
    if (EVENT_HAS(&t->event, uds_sid) || EVENT_HAS(&t->event, uds_nrc))
        assess(t);
}
