/* name_pattern.c: anchored patterns for the names of certificates. Any thread. Does not know the
 * source of names (cert_names.c does). */
#include "server/identity/name_pattern.h"
#include "core/log/problem.h"

#include <stdio.h>

#include "core/vin.h"

#define VIN_MARK "{vin}"

static const char *const words[] = {"san_uri", "san_dns", "subject_cn", "oid"};

const char *name_source_word(enum name_source source)
{
    return words[source];
}

bool vin_read(struct slice text, uint8_t vin[VIN_BYTES])
{
    if (text.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        uint8_t c = text.data[i];
        vin[i] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
    return vin_is_valid(slice_make(vin, VIN_BYTES));
}

/* What `*` may match: no character that separates the parts of a name. */
static bool is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool is_oid(struct slice text)
{
    bool has_dot = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool dot = c == '.';
        if (!dot && (c < '0' || c > '9'))
            return false;
        if (dot && (i == 0 || i + 1 == text.size || text.data[i - 1] == '.'))
            return false;
        has_dot |= dot;
    }
    return has_dot;
}

static struct slice up_to_colon(struct slice *rest, bool *found)
{
    const uint8_t *colon = slice_find_byte(*rest, ':');
    struct slice word = colon ? slice_sub(*rest, 0, (size_t)(colon - rest->data)) : *rest;
    *found = colon != NULL;
    *rest = colon ? slice_sub(*rest, word.size + 1, rest->size) : SLICE_EMPTY;
    return word;
}

static bool read_source(struct slice *rest, struct name_pattern *p, bool *has_text)
{
    struct slice word = up_to_colon(rest, has_text);
    size_t i = 0;
    while (i < sizeof words / sizeof *words && !slice_equal_text(word, words[i]))
        i++;
    if (i == sizeof words / sizeof *words)
        return false;
    p->source = (enum name_source)i;
    if (p->source != NAME_OID)
        return true;
    if (*has_text)
        p->oid = up_to_colon(rest, has_text);
    return is_oid(p->oid);
}

/* A `*` is greedy: it must be followed by a character that it does not match. */
static const char *check_text(struct name_pattern *p, enum name_pattern_kind kind)
{
    size_t vins = 0;
    struct slice t = p->text;
    for (size_t i = 0; i < t.size; i++) {
        uint8_t c = t.data[i];
        bool vin = slice_starts_with(slice_sub(t, i, t.size), VIN_MARK);
        if (c < 0x20 || c == 0x7f)
            return "holds a control character";
        if ((c == '{' || c == '}') && !vin)
            return "{vin} is the only word in braces";
        if (vin)
            i += sizeof VIN_MARK - 2;
        vins += vin;
        if (c == '*') {
            p->has_wildcard = true;
            if (i + 1 < t.size &&
                (is_word_byte(t.data[i + 1]) || t.data[i + 1] == '*' || t.data[i + 1] == '{'))
                return "after * there must be a character that * does not match, such as . "
                       "or /";
        }
    }
    if (kind == NAME_PATTERN_VEHICLE)
        return vins == 1 ? NULL : "{vin} must occur once";
    return vins ? "{vin} is for identity.vehicle_from only" : NULL;
}

enum status name_pattern_parse(struct slice text, enum name_pattern_kind kind,
                               struct name_pattern *out, struct problem *reason)
{
    struct name_pattern p = {0};
    bool has_text;
    if (text.size > NAME_PATTERN_TEXT_MAX) {
        problem_say(reason, "is longer than %d bytes", NAME_PATTERN_TEXT_MAX);
        return STATUS_CONFIG;
    }
    if (!read_source(&text, &p, &has_text)) {
        problem_say(
            reason,
            "must be san_uri, san_dns, subject_cn or oid:1.3.6.1.4.1.…, followed by :TEXT%s",
            kind == NAME_PATTERN_VEHICLE ? ", as in san_uri:urn:vin:{vin}" : "");
        return STATUS_CONFIG;
    }
    if (has_text)
        p.text = text;
    else if (kind == NAME_PATTERN_VEHICLE)
        p.text = p.source == NAME_SAN_URI ? SLICE_LITERAL("urn:vin:{vin}") : SLICE_LITERAL("{vin}");
    const char *problem = p.text.size ? check_text(&p, kind) : "has no text after its source";
    if (problem) {
        problem_say(reason, "%s", problem);
        return STATUS_CONFIG;
    }
    *out = p;
    return STATUS_OK;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

enum name_match name_pattern_match(const struct name_pattern *p, struct slice name,
                                   uint8_t vin[VIN_BYTES])
{
    bool nocase = p->source == NAME_SAN_DNS || slice_equal_nocase(slice_sub(p->text, 0, 4), "urn:");
    struct slice t = p->text;
    size_t at = 0;
    bool before_vin = false; /* something literal was there */
    for (size_t i = 0; i < t.size; i++) {
        if (t.data[i] == '{') {
            enum name_match no_vin = before_vin ? NAME_IS_NO_VIN : NAME_DIFFERS;
            if (!vin_read(slice_sub(name, at, VIN_BYTES), vin))
                return no_vin;
            at += VIN_BYTES;
            i += sizeof VIN_MARK - 2;
            if (i + 1 == t.size && at < name.size)
                return no_vin;
        } else if (t.data[i] == '*') {
            size_t start = at;
            while (at < name.size && is_word_byte(name.data[at]))
                at++;
            if (at == start)
                return NAME_DIFFERS;
        } else {
            if (at >= name.size ||
                (nocase ? lower(name.data[at]) != lower(t.data[i]) : name.data[at] != t.data[i]))
                return NAME_DIFFERS;
            before_vin = true;
            at++;
        }
    }
    return at == name.size ? NAME_MATCHES : NAME_DIFFERS;
}
