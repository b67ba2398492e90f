/* vehicle_claims.c: walks the JSON text of an event's attributes and collects the VINs in it. Pure,
 * any thread. Does not judge them: vehicle.c. */
#include "parsers/privacy/vehicle_claims.h"
#include "core/hex.h"
#include "parsers/privacy/vehicle_key.h"
#include "parsers/privacy/vin_look.h"
#include "parsers/privacy/vin_scan.h"

#include <string.h>

/* Objects and arrays whose key counts for what is in them. */
#define DEPTH_MAX 32

/* Begins with an escape of a character up to U+00FF. The text need not be JSON: any two may follow.
 */
static bool is_byte_escape(struct slice text)
{
    return slice_starts_with(text, "\\u00") && text.size >= 6 &&
           hex_digit_value((char)text.data[4]) >= 0 && hex_digit_value((char)text.data[5]) >= 0;
}

/* The text of a JSON string without escapes of ASCII, in room; longer or other: as it is written.
 */
static struct slice unescape(struct slice text, uint8_t room[VEHICLE_KEY_BYTES])
{
    size_t size = 0;
    if (!slice_find_byte(text, '\\'))
        return text;
    for (size_t i = 0; i < text.size && size < VEHICLE_KEY_BYTES; i++) {
        const uint8_t *p = text.data + i;
        size_t left = text.size - i;
        if (*p != '\\') {
            room[size++] = *p;
        } else if (is_byte_escape(slice_make(p, left))) {
            room[size++] =
                (uint8_t)(hex_digit_value((char)p[4]) << 4 | hex_digit_value((char)p[5]));
            i += 5;
        } else {
            bool is_itself = left >= 2 && (p[1] == '"' || p[1] == '\\' || p[1] == '/');
            room[size++] = is_itself ? p[1] : ' ';
            i++;
        }
    }
    return slice_make(room, size);
}

/* The value without blanks and the like in it, and without full width, in room. */
static struct slice compact(struct slice value, uint8_t room[VEHICLE_KEY_BYTES])
{
    size_t size = 0;
    for (size_t i = 0; i < value.size && size < VEHICLE_KEY_BYTES; i++) {
        const uint8_t *p = value.data + i;
        size_t left = value.size - i;
        if (*p == 0xef && left >= 3 && (p[1] == 0xbc || p[1] == 0xbd)) { /* U+FF01 and on */
            room[size++] = (uint8_t)((p[1] & 1) << 6 | (p[2] & 0x3f)) + 0x20;
            i += 2;
        } else if (!memchr(" -._:/,", *p, 7)) {
            room[size++] = *p;
        }
    }
    return slice_make(room, size);
}

static bool is_vin_like(struct slice value)
{
    if (value.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        if (!vehicle_key_is_word(value.data[i]))
            return false;
    return true;
}

/* What the walk through a JSON text knows. */
struct walk {
    struct slice text;
    size_t at;
    unsigned depth;       /* containers open */
    enum vehicle_key key; /* what the last one says; arrays below it do not change that */
    bool is_plain;
    unsigned key_depth;
    /* {"name": "VIN", "value": "…"}, in this order or the other. */
    enum { MEMBER_OTHER, MEMBER_NAME, MEMBER_VALUE } member;
    enum vehicle_key name; /* what the object at name_depth is named; 0: there is no such name */
    unsigned name_depth, value_depth;
    struct slice value;        /* of the object at value_depth, 0: none yet */
    enum vehicle_subject next; /* what a container that begins here is about */
    /* What each container open is about; those deeper than that about nothing. */
    struct {
        enum vehicle_subject subject;
        bool is_array;
    } open[DEPTH_MAX];
};

/* Moves from the quote at `at` past the closing one. */
static struct slice read_string(struct walk *w)
{
    size_t start = ++w->at;
    while (w->at < w->text.size && w->text.data[w->at] != '"')
        w->at += w->text.data[w->at] == '\\' ? 2 : 1;
    struct slice content = slice_sub(w->text, start, w->at - start);
    w->at++;
    return content;
}

/* Texts in lower case, ended by an empty one. */
static const struct slice name_keys[] = {
    SLICE_LITERAL("name"), SLICE_LITERAL("key"), SLICE_LITERAL("label"), {NULL, 0}};
static const struct slice value_keys[] = {SLICE_LITERAL("value"),
                                          SLICE_LITERAL("val"),
                                          SLICE_LITERAL("stringvalue"),
                                          SLICE_LITERAL("string_value"),
                                          {NULL, 0}};

/* Equal but for the case of key's letters. Sizes differ most. */
static inline bool is_name(struct slice key, struct slice name)
{
    if (key.size != name.size)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = key.data[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name.data[i])
            return false;
    }
    return true;
}

static bool is_one_of(struct slice key, const struct slice *names)
{
    while (names->size && !is_name(key, *names))
        names++;
    return names->size > 0;
}

/* What the key says in the object that it is in. */
static enum vehicle_key key_in_object(const struct walk *w, struct slice key)
{
    static const struct slice values[] = {SLICE_LITERAL("value"),
                                          SLICE_LITERAL("val"),
                                          SLICE_LITERAL("text"),
                                          SLICE_LITERAL("string"),
                                          SLICE_LITERAL("stringvalue"),
                                          SLICE_LITERAL("string_value"),
                                          SLICE_LITERAL("number"),
                                          SLICE_LITERAL("no"),
                                          SLICE_LITERAL("code"),
                                          SLICE_LITERAL("id"),
                                          SLICE_LITERAL("raw"),
                                          SLICE_LITERAL("#text"),
                                          {NULL, 0}};
    static const struct slice ids[] = {SLICE_LITERAL("id"),
                                       SLICE_LITERAL("ids"),
                                       SLICE_LITERAL("identifier"),
                                       SLICE_LITERAL("identification"),
                                       SLICE_LITERAL("number"),
                                       SLICE_LITERAL("no"),
                                       {NULL, 0}};
    enum vehicle_subject subject =
        w->depth && w->depth <= DEPTH_MAX ? w->open[w->depth - 1].subject : VEHICLE_SUBJECT_OTHER;
    if (subject == VEHICLE_SUBJECT_VEHICLE)
        return is_one_of(key, ids) ? VEHICLE_KEY_MENTIONS : VEHICLE_KEY_OTHER;
    if (subject == VEHICLE_SUBJECT_OTHER || !is_one_of(key, values))
        return VEHICLE_KEY_OTHER;
    return subject == VEHICLE_SUBJECT_VIN ? VEHICLE_KEY_VIN : VEHICLE_KEY_MENTIONS;
}

static void read_key(struct walk *w, struct slice raw)
{
    uint8_t room[VEHICLE_KEY_BYTES];
    struct slice key = unescape(raw, room);
    bool may_name = vehicle_key_may_name(key);
    w->key = may_name ? vehicle_key_of(key) : VEHICLE_KEY_OTHER;
    w->next = may_name ? vehicle_subject_of(key, w->key) : VEHICLE_SUBJECT_OTHER;
    if (w->key == VEHICLE_KEY_OTHER)
        w->key = key_in_object(w, key);
    if (w->key != VEHICLE_KEY_OTHER)
        w->next = w->key == VEHICLE_KEY_VIN ? VEHICLE_SUBJECT_VIN : VEHICLE_SUBJECT_MENTION;
    w->is_plain = is_name(key, SLICE_LITERAL("vin"));
    w->key_depth = w->depth - 1;
    w->member = is_one_of(key, name_keys)    ? MEMBER_NAME
                : is_one_of(key, value_keys) ? MEMBER_VALUE
                                             : MEMBER_OTHER;
    if (w->member == MEMBER_VALUE && w->name_depth)
        w->key = w->name;
}

/* Is it there already? A claim counts more than a mention, and an outer one more than an inner. */
static bool is_repeat(struct vehicle_claims *claims, const struct vehicle_claim *claim)
{
    for (size_t i = 0; i < claims->count; i++) {
        struct vehicle_claim *old = &claims->items[i];
        if (old->is_mention != claim->is_mention || !slice_equal(old->value, claim->value))
            continue;
        if (claim->depth < old->depth)
            old->is_plain = false;
        if (claim->depth <= old->depth)
            old->is_plain |= claim->is_plain;
        old->depth = claim->depth < old->depth ? claim->depth : old->depth;
        return true;
    }
    return false;
}

static void keep(struct vehicle_claims *claims, const struct vehicle_claim *claim, bool is_vin)
{
    if (is_repeat(claims, claim))
        return;
    if (claims->count == VEHICLE_CLAIMS) {
        claims->is_full = true;
        return;
    }
    struct vehicle_claim *kept = &claims->items[claims->count++];
    *kept = *claim;
    if (is_vin)
        kept->value = slice_make(kept->plain, VIN_BYTES);
}

/* The value under a key that says what it is. */
static void take_value(const struct walk *w, struct slice raw, struct vehicle_claims *claims)
{
    uint8_t room[VEHICLE_KEY_BYTES], compact_room[VEHICLE_KEY_BYTES];
    struct slice value = slice_trim(unescape(raw, room));
    bool is_vin = is_vin_like(value), is_mention = w->key == VEHICLE_KEY_MENTIONS;
    struct vehicle_claim claim = {.value = is_vin ? value : slice_trim(raw),
                                  .depth = w->key_depth,
                                  .is_plain = w->is_plain,
                                  .is_mention = is_mention};
    if (is_vin)
        memcpy(claim.plain, value.data, VIN_BYTES);
    if (is_vin || (!is_mention && w->is_plain && !w->key_depth))
        keep(claims, &claim, is_vin);
    if (is_vin)
        return;
    /* In any other spelling it is no claim, but must not be shown. */
    value = compact(value, compact_room);
    if (!is_vin_like(value))
        return;
    claim = (struct vehicle_claim){.value = value, .depth = w->key_depth, .is_mention = true};
    memcpy(claim.plain, value.data, VIN_BYTES);
    keep(claims, &claim, true);
}

/* The name of an object, whose value may precede or follow it. */
static void read_name(struct walk *w, struct slice raw, struct vehicle_claims *claims)
{
    uint8_t room[VEHICLE_KEY_BYTES];
    enum vehicle_key name = vehicle_key_of(unescape(raw, room));
    if (name == VEHICLE_KEY_OTHER)
        return;
    w->name = name;
    w->name_depth = w->depth;
    if (w->value_depth != w->depth)
        return;
    w->key = name;
    take_value(w, w->value, claims);
}

static void read_value(struct walk *w, struct slice raw, struct vehicle_claims *claims)
{
    if (w->key != VEHICLE_KEY_OTHER) {
        take_value(w, raw, claims);
    } else if (w->member == MEMBER_NAME && w->key_depth + 1 == w->depth) {
        read_name(w, raw, claims);
    } else if (w->member == MEMBER_VALUE && w->key_depth + 1 == w->depth) {
        w->value = raw;
        w->value_depth = w->depth;
    }
}

/* A container ends, and with it the pair in it. */
static void close_container(struct walk *w)
{
    w->depth -= w->depth > 0;
    if (w->name_depth > w->depth)
        w->name_depth = 0;
    if (w->value_depth > w->depth)
        w->value_depth = 0;
}

/* A container begins. Those in an array are about what the array is about. */
static void open_container(struct walk *w, bool is_array)
{
    bool in_array = w->depth && w->depth <= DEPTH_MAX && w->open[w->depth - 1].is_array;
    if (w->depth < DEPTH_MAX) {
        w->open[w->depth].subject = in_array ? w->open[w->depth - 1].subject : w->next;
        w->open[w->depth].is_array = is_array;
    }
    w->next = VEHICLE_SUBJECT_OTHER;
    w->depth++;
}

static bool is_key(const struct walk *w)
{
    size_t at = w->at;
    while (at < w->text.size && (w->text.data[at] == ' ' || w->text.data[at] == '\n' ||
                                 w->text.data[at] == '\t' || w->text.data[at] == '\r'))
        at++;
    return at < w->text.size && w->text.data[at] == ':';
}

static __attribute__((noinline)) void walk(struct slice text, struct vehicle_claims *claims)
{
    struct walk w;
    memset(&w, 0, offsetof(struct walk, open));
    w.next = VEHICLE_SUBJECT_OTHER;
    w.text = text;
    while (w.at < text.size) {
        uint8_t c = text.data[w.at];
        if (c == '"') {
            struct slice content = read_string(&w);
            if (is_key(&w))
                read_key(&w, content);
            else
                read_value(&w, content, claims);
            continue;
        }
        if (c == '{' || c == '[')
            open_container(&w, c == '[');
        if (c == '}' || c == ']')
            close_container(&w);
        if (c == '{' || c == '}')
            w.key = VEHICLE_KEY_OTHER;
        w.at++;
    }
}

void vehicle_claims_find(struct slice attributes, struct vehicle_claims *claims)
{
    claims->count = 0;
    claims->is_full = false;
    claims->look = vin_look(attributes);
    if ((claims->look & VIN_LOOK_WORDS && vin_scan_may_match(attributes)) ||
        vin_look_for_name(attributes))
        walk(attributes, claims);
}
