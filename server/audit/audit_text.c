/* audit_text.c: an audit record ↔ JSON. Any thread; works on memory alone. Stores nothing. */
#include "server/audit/audit_text.h"

#include <stdio.h>
#include <time.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/hash.h"
#include "core/hex.h"
#include "core/json/json.h"
#include "core/utf8.h"
#include "core/vin.h"

#define REQUEST_NODES 64

/* --- texts ---------------------------------------------------------------------------------- */

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (hex_digit_value(text.data[i]) < 0)
            return false;
    return text.size > 0;
}

static bool is_pseudonym(struct slice text)
{
    return slice_starts_with(text, "veh:") && text.size == 4 + 2 * SHA256_BYTES &&
           is_hex(slice_sub(text, 4, text.size));
}

/* Hashes and numbers in the form of their field, in which a run may look like a VIN. */
static bool has_form(enum audit_field_id id, struct slice text)
{
    if (id == AUDIT_FIELD_vehicle)
        return is_pseudonym(text);
    return (id == AUDIT_FIELD_serial || id == AUDIT_FIELD_digest || id == AUDIT_FIELD_root ||
            id == AUDIT_FIELD_chain_hash) &&
           is_hex(text);
}

/* A run of 17 that has the form; or a part of a longer run that has a letter and ends in four
 * digits too, as ISO 3779 demands: else many a long word or number would be one. */
static bool looks_like_vin(struct slice run, bool is_part)
{
    uint8_t upper[VIN_BYTES];
    bool letter = false, digits = true;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        uint8_t c = run.data[i];
        upper[i] = c >= 'a' && c <= 'z' ? c - 32 : c;
        letter = letter || c > '9';
        digits = digits && (i < VIN_BYTES - 4 || c <= '9');
    }
    return vin_is_valid(slice_make(upper, VIN_BYTES)) && (!is_part || (letter && digits));
}

struct cleaned {
    uint8_t *out; /* of AUDIT_TEXT_BYTES */
    size_t size;
    bool full;
};

/* whole: all or nothing. */
static void put(struct cleaned *c, struct slice piece, bool whole)
{
    size_t room = AUDIT_TEXT_BYTES - c->size;
    if (piece.size > room) {
        c->full = true;
        piece.size = whole ? 0 : room;
    }
    if (piece.size)
        memcpy(c->out + c->size, piece.data, piece.size);
    c->size += piece.size;
}

/* A run of letters and digits, with (VIN) in place of what may be one. */
static void put_word(struct cleaned *c, struct slice word)
{
    size_t done = 0;
    bool any = false, is_hash = word.size >= 2 * (size_t)UUID_BYTES && is_hex(word);
    for (size_t i = 0; !is_hash && i + VIN_BYTES <= word.size; i++) {
        if (!looks_like_vin(slice_sub(word, i, VIN_BYTES), word.size > VIN_BYTES))
            continue;
        if (!any || i > done) {
            put(c, slice_sub(word, done, i - done), false);
            put(c, SLICE_LITERAL("(VIN)"), true);
        }
        any = true;
        done = i + VIN_BYTES;
    }
    put(c, slice_sub(word, done, word.size), false);
}

/* A character that is not of a word; how many bytes it has. */
static size_t put_other(struct cleaned *c, struct slice text)
{
    size_t wide = utf8_size(text.data, text.size);
    bool bad = wide == 0 || (wide == 1 && (text.data[0] < 0x20 || text.data[0] == 0x7f));
    put(c, bad ? SLICE_LITERAL("?") : slice_sub(text, 0, wide), true);
    return bad ? 1 : wide;
}

struct slice audit_text_clean(struct slice text, uint8_t out[AUDIT_TEXT_BYTES])
{
    struct cleaned c = {.out = out};
    for (size_t at = 0; at < text.size && !c.full;) {
        size_t run = at;
        while (run < text.size && is_word(text.data[run]))
            run++;
        if (run > at) {
            put_word(&c, slice_sub(text, at, run - at));
            at = run;
        } else {
            at += put_other(&c, slice_sub(text, at, text.size - at));
        }
    }
    return slice_make(out, c.size);
}

static void write_text(struct writer *w, enum audit_field_id id, struct slice text)
{
    uint8_t clean[AUDIT_TEXT_BYTES];
    bool as_is = has_form(id, text) && text.size <= sizeof clean;
    writer_json_string(w, as_is ? text : audit_text_clean(text, clean));
}

/* --- record --------------------------------------------------------------------------------- */

static bool is_empty(const struct audit_field *field)
{
    enum audit_field_type type = audit_field_table[field->id].type;
    return (type == AUDIT_TEXT_FIELD && !field->text.size) ||
           (type == AUDIT_TIME_FIELD && !field->number);
}

static void write_value(struct writer *w, const struct audit_field *field)
{
    switch (audit_field_table[field->id].type) {
    case AUDIT_TEXT_FIELD:
        write_text(w, field->id, field->text);
        break;
    case AUDIT_UINT_FIELD:
        writer_format(w, "%llu", (unsigned long long)field->number);
        break;
    case AUDIT_TIME_FIELD:
        event_json_write_time(w, (int64_t)field->number);
        break;
    }
}

void audit_text_write(struct writer *w, const struct audit_head *head,
                      const struct audit_field *fields, size_t count)
{
    const struct audit_kind_info *kind = &audit_kind_table[head->kind];
    writer_text(w, "{\"audit_uid\":\"");
    event_json_write_uuid(w, head->uid);
    writer_text(w, "\",\"time\":");
    event_json_write_time(w, head->time_ns);
    writer_text(w, ",\"instance\":");
    write_text(w, AUDIT_FIELD_what, slice_from_text(head->instance));
    writer_format(w,
                  ",\"kind\":\"%s\",\"severity_id\":%u,\"class_uid\":%u,\"class_name\":\"%s\","
                  "\"activity_id\":%u",
                  kind->name, kind->severity, kind->class_uid, kind->class_name, kind->activity_id);
    for (size_t i = 0; i < count; i++) {
        if (is_empty(&fields[i]))
            continue;
        writer_format(w, ",\"%s\":", audit_field_table[fields[i].id].name);
        write_value(w, &fields[i]);
    }
    writer_u8(w, '}');
}

/* --- request -------------------------------------------------------------------------------- */

void audit_text_request(struct writer *w, enum audit_kind kind, const struct audit_field *fields,
                        size_t count)
{
    writer_format(w, "{\"kind\":\"%s\"", audit_kind_table[kind].name);
    for (size_t i = 0; i < count; i++) {
        const struct audit_field *f = &fields[i];
        if (is_empty(f))
            continue;
        writer_format(w, ",\"%s\":", audit_field_table[f->id].name);
        if (audit_field_table[f->id].type == AUDIT_TEXT_FIELD)
            write_text(w, f->id, f->text);
        else
            writer_format(w, "%llu", (unsigned long long)f->number);
    }
    writer_u8(w, '}');
}

static enum status read_field(const struct json_node *node, enum audit_kind kind,
                              struct arena *arena, struct audit_field *out, struct problem *problem)
{
    const struct audit_field_info *info = audit_field_find(node->key);
    if (!info || !audit_kind_has(kind, info->name)) {
        problem_say(problem, "%s has no field %.*s", audit_kind_table[kind].name,
                    (int)(node->key.size < 64 ? node->key.size : 64), (const char *)node->key.data);
        return STATUS_MALFORMED;
    }
    bool is_text = info->type == AUDIT_TEXT_FIELD;
    *out = (struct audit_field){.id = (enum audit_field_id)(info - audit_field_table)};
    if (out->id == AUDIT_FIELD_vehicle &&
        (node->type != JSON_STRING || !is_pseudonym(node->text))) {
        problem_say(problem, "field vehicle needs veh: and 64 hex digits");
        return STATUS_MALFORMED;
    }
    if (is_text && node->type == JSON_STRING)
        return arena_copy(arena, node->text, &out->text);
    if (!is_text && node->type == JSON_INT && node->integer >= 0) {
        out->number = (uint64_t)node->integer;
        return STATUS_OK;
    }
    problem_say(problem, "field %s has the wrong type", info->name);
    return STATUS_MALFORMED;
}

/* A record that others believe about the server is the server's own to write. */
static enum status check_kind(const struct json_node *name, enum audit_kind *kind,
                              struct problem *problem)
{
    *kind = name && name->type == JSON_STRING ? audit_kind_find(name->text) : AUDIT_KIND_COUNT;
    if (*kind == AUDIT_KIND_COUNT) {
        problem_say(problem, "kind is missing, or not one of this server's");
        return STATUS_MALFORMED;
    }
    if (!audit_kind_table[*kind].by_command) {
        problem_say(problem, "kind %s is recorded by the server alone",
                    audit_kind_table[*kind].name);
        return STATUS_MALFORMED;
    }
    return STATUS_OK;
}

static bool has_actor(const struct audit_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].id == AUDIT_FIELD_actor && fields[i].text.size)
            return true;
    return false;
}

static enum status read_fields(const struct json_document *d, struct arena *arena,
                               enum audit_kind *kind, struct audit_field *fields, size_t *count,
                               struct problem *problem)
{
    const struct json_node *name = json_find(d, 0, "kind");
    enum status status = check_kind(name, kind, problem);
    for (size_t k = 1; k < d->nodes[0].span && status == STATUS_OK; k += d->nodes[k].span) {
        if (&d->nodes[k] == name)
            continue;
        if (*count == AUDIT_FIELDS_MAX) {
            problem_say(problem, "more than %d fields", AUDIT_FIELDS_MAX);
            return STATUS_MALFORMED;
        }
        status = read_field(&d->nodes[k], *kind, arena, &fields[(*count)++], problem);
    }
    if (status == STATUS_OK && !has_actor(fields, *count)) {
        problem_say(problem, "field actor is missing: who runs the command");
        status = STATUS_MALFORMED;
    }
    return status;
}

enum status audit_text_read(struct slice json, struct arena *arena, enum audit_kind *kind,
                            struct audit_field fields[AUDIT_FIELDS_MAX], size_t *count,
                            struct problem *problem)
{
    struct json_parser *parser = json_parser_create(2, REQUEST_NODES);
    struct json_document document;
    struct json_error error;
    *count = 0;
    if (!parser)
        return STATUS_NO_MEMORY;
    problem_say(problem, "the body is not one JSON object");
    enum status status = json_parse(parser, json, &document, &error);
    if (status == STATUS_OK && document.nodes[0].type != JSON_OBJECT)
        status = STATUS_MALFORMED;
    if (status == STATUS_OK)
        status = read_fields(&document, arena, kind, fields, count, problem);
    json_parser_destroy(parser);
    return status == STATUS_OK || status == STATUS_NO_MEMORY ? status : STATUS_MALFORMED;
}
