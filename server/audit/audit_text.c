/* audit_text.c: an audit record ↔ JSON. Any thread; works on memory alone. Stores nothing. */
#include "server/audit/audit_text.h"

#include <stdio.h>
#include <time.h>

#include "core/arena.h"
#include "core/clock.h"
#include "core/event/event_json.h"
#include "core/json/json.h"
#include "core/utf8.h"
#include "core/vin.h"

#define REQUEST_NODES 64

/* --- texts ---------------------------------------------------------------------------------- */

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Fields made of digits, in which a run may look like a VIN. */
static bool is_number_text(enum audit_field_id id)
{
    return id == AUDIT_FIELD_serial || id == AUDIT_FIELD_credential || id == AUDIT_FIELD_digest ||
           id == AUDIT_FIELD_root || id == AUDIT_FIELD_vehicle;
}

static bool looks_like_vin(struct slice run)
{
    uint8_t upper[VIN_BYTES];
    if (run.size != VIN_BYTES)
        return false;
    for (size_t i = 0; i < VIN_BYTES; i++)
        upper[i] = run.data[i] >= 'a' && run.data[i] <= 'z' ? run.data[i] - 32 : run.data[i];
    return vin_is_valid(slice_make(upper, VIN_BYTES));
}

/* The text with what must not be stored replaced; out has AUDIT_TEXT_BYTES. */
static struct slice clean_text(enum audit_field_id id, struct slice text, uint8_t *out)
{
    size_t size = 0;
    text = utf8_cut(text, AUDIT_TEXT_BYTES);
    for (size_t at = 0; at < text.size;) {
        size_t run = at;
        while (run < text.size && is_word(text.data[run]))
            run++;
        struct slice word = slice_sub(text, at, run - at);
        if (word.size && !is_number_text(id) && looks_like_vin(word))
            word = SLICE_LITERAL("(VIN)");
        if (word.size) {
            memcpy(out + size, word.data, word.size);
            size += word.size;
            at = run;
            continue;
        }
        size_t wide = utf8_size(text.data + at, text.size - at);
        if (wide == 0 || (wide == 1 && (text.data[at] < 0x20 || text.data[at] == 0x7f))) {
            out[size++] = '?';
            at++;
            continue;
        }
        memcpy(out + size, text.data + at, wide);
        size += wide;
        at += wide;
    }
    return slice_make(out, size);
}

static void write_text(struct writer *w, enum audit_field_id id, struct slice text)
{
    uint8_t clean[AUDIT_TEXT_BYTES + 8];
    writer_json_string(w, clean_text(id, text, clean));
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
