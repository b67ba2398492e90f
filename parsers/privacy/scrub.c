/* scrub.c: replaces VINs in texts. Pure but for the memory given. Does not find them: vin_scan.c.
 */
#include "parsers/privacy/scrub.h"

#include "core/hash.h"
#include "parsers/privacy/vin_hidden.h"
#include "parsers/privacy/vin_look.h"
#include "parsers/privacy/vin_spaced.h"

/* Pseudonyms made for unclaimed VINs of one record: making one costs more than reading the record
 */
#define MADE_MAX 4
/* Replacement for all further ones. */
#define LABEL_OTHER "vin:redacted"
_Static_assert(sizeof LABEL_OTHER - 1 == SCRUB_LABEL_BYTES, "labels have one size");

/* Fields that a sender can write and that can hold a VIN: texts, and the others. */
static uint64_t text_fields[EVENT_SET_WORDS], other_fields[EVENT_SET_WORDS];
/* Offsets of these fields in struct event: iterating over the table's wide rows for each event is
 * too slow. */
static uint16_t offsets[EVENT_FIELD_COUNT];
_Static_assert(sizeof(struct event) <= UINT16_MAX, "offsets have two bytes");

static bool is_scrubbed(const struct event_field_info *field)
{
    switch (field->kind) {
    case EVENT_KIND_TEXT:
        return field->origin == EVENT_ORIGIN_SENDER && field->max >= VIN_BYTES;
    case EVENT_KIND_LIST:
        return field->max >= VIN_BYTES;
    case EVENT_KIND_HEX: /* not those that are hashes */
        return field->max > field->min && field->max >= VIN_BYTES;
    case EVENT_KIND_BASE64:
    case EVENT_KIND_JSON:
        return true;
    default:
        return false;
    }
}

__attribute__((constructor)) static void fields_fill(void)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        bool is_text = field->kind == EVENT_KIND_TEXT;
        if (is_scrubbed(field))
            (is_text ? text_fields : other_fields)[f / 64] |= UINT64_C(1) << f % 64;
        offsets[f] = (uint16_t)field->offset;
    }
}

/* ---- labels ---- */

static void write_label(const uint8_t pid[SHA256_BYTES], uint8_t label[SCRUB_LABEL_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    memcpy(label, "vin:", 4);
    for (size_t i = 0; i < 4; i++) {
        label[4 + 2 * i] = (uint8_t)digits[pid[i] >> 4];
        label[5 + 2 * i] = (uint8_t)digits[pid[i] & 15];
    }
}

static void make_label(struct scrub *s, const uint8_t vin[VIN_BYTES],
                       uint8_t label[SCRUB_LABEL_BYTES])
{
    uint8_t pid[SHA256_BYTES];
    (void)s->pseudonym(s->pseudonym_arg, s->tenant, slice_make(vin, VIN_BYTES), pid);
    write_label(pid, label);
}

/* known: its number, s->known_count: another one. */
static const uint8_t *label_of(struct scrub *s, size_t known, const uint8_t vin[VIN_BYTES])
{
    if (known < s->known_count) {
        if (!s->labels[known][0])
            make_label(s, s->known[known], s->labels[known]);
        return s->labels[known];
    }
    if (!memcmp(s->last, vin, VIN_BYTES))
        return s->last_label;
    if (s->made++ >= MADE_MAX)
        return (const uint8_t *)LABEL_OTHER;
    memcpy(s->last, vin, VIN_BYTES);
    make_label(s, vin, s->last_label);
    return s->last_label;
}

/* Most records claim the vehicle of the record before, or the request's: reuse its pseudonym. */
static bool is_at_hand(struct scrub *s, struct slice vin)
{
    for (size_t k = 0; k < s->known_count; k++)
        if (!memcmp(s->known[k], vin.data, VIN_BYTES))
            return true;
    if (s->known_count >= s->filled || memcmp(s->known[s->known_count], vin.data, VIN_BYTES) != 0)
        return false;
    s->known_count++;
    return true;
}

void scrub_know(struct scrub *s, struct slice vin, const uint8_t *pid)
{
    uint8_t known[VIN_BYTES];
    if (vin.size != VIN_BYTES || is_at_hand(s, vin) || s->known_count == SCRUB_KNOWN)
        return;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        uint8_t c = vin.data[i];
        c = c >= 'a' && c <= 'z' ? c - 32 : c;
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return;
        known[i] = vin_fold(c);
    }
    struct vin_window window = vin_window_of(known);
    if (vin_window_find(window, s->windows, s->known_count) < s->known_count)
        return;
    memcpy(s->known[s->known_count], known, VIN_BYTES);
    s->windows[s->known_count] = window;
    s->labels[s->known_count][0] = 0;
    if (pid)
        write_label(pid, s->labels[s->known_count]);
    s->filled = ++s->known_count;
}

void scrub_forget(struct scrub *s, size_t count)
{
    if (count < s->known_count)
        s->known_count = count;
    s->made = 0;
    s->looked_at = SLICE_EMPTY;
}

/* ---- texts ---- */

/* Is text.data[at] inside a JSON string? Continues from the offset of the last call. */
struct json_place {
    size_t at;
    bool inside;
};

static bool is_inside_string(struct slice text, struct json_place *place, size_t at)
{
    for (; place->at < at; place->at++) {
        uint8_t c = text.data[place->at];
        if (c == '"')
            place->inside = !place->inside;
        else if (c == '\\' && place->inside)
            place->at++;
    }
    return place->inside;
}

/* The new text while it is built: its bytes, and how far the old one is processed. */
struct output {
    uint8_t *data;
    size_t size, read;
};

static void put(struct output *out, const void *data, size_t size)
{
    if (size)
        memcpy(out->data + out->size, data, size);
    out->size += size;
}

/* Outside the strings of a JSON text a match is replaced together with the rest of its number or
 * literal: a part of one beside a string is not JSON. */
static void widen_to_token(struct slice text, size_t floor, struct vin_match *match)
{
    static const char ends[] = " \t\r\n,:[]{}\"";
    while (match->start > floor && !memchr(ends, text.data[match->start - 1], sizeof ends - 1))
        match->start--;
    while (match->end < text.size && !memchr(ends, text.data[match->end], sizeof ends - 1))
        match->end++;
}

/* Copies the text before the match, then appends the label in its place. */
static void replace(struct output *out, enum scrub_form form, struct slice text,
                    const struct vin_match *match, const uint8_t *label, bool quoted)
{
    put(out, text.data + out->read, match->start - out->read);
    if (quoted)
        put(out, "\"", 1);
    put(out, label, SCRUB_LABEL_BYTES);
    if (quoted)
        put(out, "\"", 1);
    if (form == SCRUB_BYTES)
        for (size_t n = match->end - match->start; n > SCRUB_LABEL_BYTES; n--)
            put(out, ".", 1);
    out->read = match->end;
}

/* A number with 17 digits is a time or a counter, unless it is a known VIN. */
static bool is_number(const struct scrub *s, const struct vin_match *match, bool inside)
{
    return !inside && match->known == s->known_count;
}

static uint8_t *take_memory(struct scrub *s, size_t size)
{
    uint8_t *data = s->alloc(s->alloc_arg, size);
    s->failed |= !data;
    return data;
}

/* Longer than a VIN and only digits: an epoch time in ns, as in time_event_raw. */
static bool is_long_number(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > VIN_BYTES;
}

/* VINs without separators or, after is_grouped, in groups. */
struct finder {
    bool is_grouped;
    struct vin_scan pieces;
    struct vin_spaced_scan groups;
};

static bool find_next(struct finder *finder, struct vin_match *match)
{
    return finder->is_grouped ? vin_spaced_next(&finder->groups, match)
                              : vin_scan_next(&finder->pieces, match);
}

/* VINs as they are written. */
static bool scrub_clear(struct scrub *s, enum scrub_form form, struct slice *text, bool is_grouped)
{
    struct finder finder = {.is_grouped = is_grouped,
                            .pieces = {.text = *text,
                                       .is_json = form == SCRUB_JSON,
                                       .is_bytes = form == SCRUB_BYTES,
                                       .known = s->windows,
                                       .known_count = s->known_count},
                            .groups = {*text, s->windows, s->known_count, 0}};
    struct json_place place = {0};
    struct vin_match match;
    struct output out = {NULL, 0, 0};
    bool is_time = form == SCRUB_BYTES && is_long_number(*text);
    while (find_next(&finder, &match)) {
        bool inside = form != SCRUB_JSON || is_inside_string(*text, &place, match.start);
        if (is_number(s, &match, inside && !is_time) || match.start < out.read)
            continue;
        if (!inside)
            widen_to_token(*text, out.read, &match);
        if (!out.data && !(out.data = take_memory(s, text->size)))
            return false;
        replace(&out, form, *text, &match, label_of(s, match.known, match.vin), !inside);
    }
    if (!out.data)
        return true;
    put(&out, text->data + out.read, text->size - out.read);
    *text = slice_make(out.data, out.size);
    return true;
}

/* VINs in bytes that the text shows as hex or base64: the replacement has the same size. A JSON
 * number stays one: its digits may be the hex of a VIN, 9s replace those of a known one. */
static bool scrub_hidden(struct scrub *s, enum scrub_form form, struct slice *text, bool has_words)
{
    struct vin_hidden_scan scan = {
        .text = *text, .known = s->windows, .known_count = s->known_count, .is_spaced = !has_words};
    struct vin_hidden hidden;
    uint8_t *copy = NULL;
    struct json_place place = {0};
    while (vin_hidden_next(&scan, &hidden)) {
        uint8_t bytes[VIN_BYTES];
        if (hidden.view.start < place.at)
            place = (struct json_place){0}; /* the second pass of the scan */
        bool inside = form != SCRUB_JSON || is_inside_string(*text, &place, hidden.view.start);
        if (!inside && hidden.known == s->known_count)
            continue;
        if (!copy) {
            copy = take_memory(s, text->size);
            if (!copy)
                return false;
            memcpy(copy, text->data, text->size);
            *text = scan.text = slice_make(copy, text->size);
        }
        memset(bytes, inside ? '.' : 0x99, sizeof bytes);
        if (inside)
            memcpy(bytes, label_of(s, hidden.known, hidden.vin), SCRUB_LABEL_BYTES);
        vin_hidden_write(&hidden, copy, bytes);
    }
    return true;
}

/* A text that may hold a VIN somewhere. */
static __attribute__((noinline)) bool scrub_words(struct scrub *s, enum scrub_form form,
                                                  struct slice *text, bool has_words)
{
    if (has_words && !scrub_clear(s, form, text, false))
        return false;
    return form == SCRUB_BYTES || scrub_hidden(s, form, text, has_words);
}

static bool has_groups(const struct scrub *s, struct slice text)
{
    struct vin_spaced_scan scan = {text, s->windows, s->known_count, 0};
    struct vin_match match;
    return vin_spaced_may_match(&scan) && vin_spaced_next(&scan, &match);
}

/* A text of which the first look does not say that it holds no VIN. */
static __attribute__((noinline)) bool scrub_looked(struct scrub *s, enum scrub_form form,
                                                   struct slice *text, unsigned look)
{
    bool has_words = look & VIN_LOOK_WORDS && vin_scan_may_match(*text);
    if (look & VIN_LOOK_GROUPS && has_groups(s, *text) && !scrub_clear(s, form, text, true))
        return false;
    if (!has_words && text->size < VIN_HIDDEN_SPACED_BYTES)
        return true;
    return scrub_words(s, form, text, has_words);
}

static inline bool scrub_long(struct scrub *s, enum scrub_form form, struct slice *text)
{
    bool is_known = text->data == s->looked_at.data && text->size == s->looked_at.size;
    unsigned look = is_known ? s->look : vin_look(*text);
    if (!look && text->size < VIN_HIDDEN_SPACED_BYTES)
        return true;
    return scrub_looked(s, form, text, look);
}

bool scrub_long_text(struct scrub *s, enum scrub_form form, struct slice *text)
{
    return scrub_long(s, form, text);
}

static bool scrub_list(struct scrub *s, struct slice_list *list)
{
    struct slice *items = NULL;
    for (size_t i = 0; i < list->count; i++) {
        struct slice text = list->items[i];
        if (!scrub_text(s, SCRUB_TEXT, &text))
            return false;
        if (text.data == list->items[i].data)
            continue;
        if (!items) {
            items = s->alloc(s->alloc_arg, list->count * sizeof *items);
            s->failed |= !items;
            if (!items)
                return false;
            memcpy(items, list->items, list->count * sizeof *items);
            list->items = items;
        }
        items[i] = text;
    }
    return true;
}

static bool scrub_other(struct scrub *s, struct event *event, const struct event_field_info *field)
{
    if (field->kind == EVENT_KIND_LIST)
        return scrub_list(s, event_list_at(event, field));
    return scrub_text(s, field->kind == EVENT_KIND_JSON ? SCRUB_JSON : SCRUB_BYTES,
                      event_slice_at(event, field));
}

bool scrub_event(struct scrub *s, struct event *event)
{
    for (unsigned word = 0; word < EVENT_SET_WORDS; word++) {
        for (uint64_t bits = event->set[word] & text_fields[word]; bits; bits &= bits - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(bits);
            struct slice *text = (struct slice *)((uintptr_t)event + offsets[number]);
            if (text->size >= VIN_BYTES && !scrub_long(s, SCRUB_TEXT, text))
                return false;
        }
        for (uint64_t bits = event->set[word] & other_fields[word]; bits; bits &= bits - 1) {
            unsigned number = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (!scrub_other(s, event, &event_field_table[number]))
                return false;
        }
    }
    return true;
}
