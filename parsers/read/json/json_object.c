/* json_object.c: writes JSON objects and notes member by member. Pure, any thread. Does not check
 * the values. */
#include "parsers/read/json/json_object.h"
#include "core/json_text.h"
#include "core/reasons/record_code.h"
#include "parsers/read/byte_scan.h"
#include "parsers/read/pipeline_context.h"

bool json_object_reserve(struct json_object *object, size_t size)
{
    struct writer *w = &object->writer;
    if (object->failed)
        return false;
    if (size <= w->capacity - w->size)
        return true;
    size_t capacity = 2 * (w->size + size) + 256;
    uint8_t *data = object->context->alloc(object->context, capacity);
    if (!data) {
        object->failed = true;
        return false;
    }
    if (w->size)
        memcpy(data, w->data, w->size);
    w->data = data;
    w->capacity = capacity;
    w->limit = capacity;
    return true;
}

void json_object_init(struct json_object *object, const struct parser_context *context)
{
    *object = (struct json_object){.context = context, .more_left = pipeline_record_bytes(context)};
}

/* The comma or bracket before a member. */
static inline void separate(struct writer *w)
{
    if (!w->size)
        w->data[w->size++] = '{';
    else if (w->data[w->size - 1] != '{')
        w->data[w->size++] = ',';
}

/* Comma or bracket, key, colon; and room for value_size more. */
static bool start_member(struct json_object *object, struct slice key, size_t value_size)
{
    struct writer *w = &object->writer;
    if (!json_object_reserve(object, key.size + value_size + 8))
        return false;
    size_t before = w->size;
    separate(w);
    w->data[w->size++] = '"';
    if (json_text_copy(w->data + w->size, key) < key.size) { /* which needs escapes */
        w->size = before;
        if (!json_object_reserve(object, key.size * JSON_ESCAPED_MAX + value_size + 8))
            return false;
        separate(w);
        writer_json_string(w, key);
    } else {
        w->size += key.size;
        w->data[w->size++] = '"';
    }
    w->data[w->size++] = ':';
    return true;
}

void json_object_write_text(struct json_object *object, struct slice text)
{
    struct writer *w = &object->writer;
    size_t before = w->size, fitting = writer_json_fitting(text, object->more_left);
    object->cut |= fitting < text.size;
    writer_json_string(w, slice_sub(text, 0, fitting));
    size_t more = w->size - before - 2 - fitting;
    object->more_left -= more < object->more_left ? more : object->more_left;
}

/* Writes a text that needs no escapes; false, and nothing written: it does. */
static inline bool write_plain(struct writer *w, struct slice text)
{
    uint8_t *out = w->data + w->size;
    if (json_text_copy(out + 1, text) < text.size)
        return false;
    out[0] = out[text.size + 1] = '"';
    w->size += text.size + 2;
    return true;
}

/* JSON text without white space, which most senders write, is copied unchanged. */
static bool is_compact(struct slice raw)
{
    return byte_scan_word(raw, 0, ' ') == raw.size;
}

/* Position after the quote that ends the string which contains `at`. */
static size_t string_end(struct slice raw, size_t at)
{
    for (size_t from = at; from < raw.size;) {
        const uint8_t *quote = memchr(raw.data + from, '"', raw.size - from), *p = quote;
        if (!quote)
            break;
        while (p > raw.data + at && p[-1] == '\\')
            p--;
        from = (size_t)(quote - raw.data) + 1;
        if ((quote - p) % 2 == 0)
            return from;
    }
    return raw.size;
}

/* Copies JSON text without the white space between its tokens. */
static void write_compact(struct writer *w, struct slice raw)
{
    if (is_compact(raw)) {
        writer_add_slice(w, raw);
        return;
    }
    for (size_t i = 0; i < raw.size;) {
        uint8_t c = raw.data[i];
        size_t end = i + 1;
        if (c == '"')
            end = string_end(raw, end);
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            writer_add_slice(w, slice_sub(raw, i, end - i));
        i = end;
    }
}

void json_object_add_raw(struct json_object *object, struct slice key, struct slice raw)
{
    if (start_member(object, key, raw.size))
        write_compact(&object->writer, raw);
}

bool json_object_is_written(const struct json_node *object)
{
    const uint8_t *start = object->raw.data, *end = start + object->raw.size;
    size_t size = 1;
    for (size_t k = 1; k < object->span; k += object[k].span) {
        const struct json_node *member = &object[k];
        bool is_container = member->type == JSON_OBJECT || member->type == JSON_ARRAY;
        /* A key with escapes is elsewhere. */
        if (member->key.data < start || member->key.data >= end ||
            (is_container && !is_compact(member->raw)))
            return false;
        size += member->key.size + member->raw.size + 4; /* quotes, colon, comma or end */
    }
    return object->span > 1 && size == object->raw.size;
}

void json_object_add_compact(struct json_object *object, struct slice key, struct slice raw)
{
    if (start_member(object, key, raw.size))
        writer_add_slice(&object->writer, raw);
}

/* The usual member: neither key nor text needs escapes, and there is room. False: another one, and
 * nothing is written. */
static inline bool add_plain(struct json_object *object, struct slice key, struct slice text)
{
    struct writer *w = &object->writer;
    if (object->failed || key.size + text.size + 8 > w->capacity - w->size || !w->size)
        return false;
    uint8_t *p = w->data + w->size;
    *p = ',';
    p += p[-1] != '{';
    *p++ = '"';
    if (json_text_copy(p, key) < key.size)
        return false;
    p += key.size;
    memcpy(p, "\":\"", 3);
    p += 3;
    if (json_text_copy(p, text) < text.size)
        return false;
    p += text.size;
    *p++ = '"';
    w->size = (size_t)(p - w->data);
    return true;
}

void json_object_add_text(struct json_object *object, struct slice key, struct slice text)
{
    if (add_plain(object, key, text))
        return;
    if (!start_member(object, key, text.size + 2) || write_plain(&object->writer, text))
        return;
    if (json_object_reserve(object, text.size * JSON_ESCAPED_MAX + 2))
        json_object_write_text(object, text);
}

void json_object_add_int(struct json_object *object, struct slice key, int64_t value)
{
    if (start_member(object, key, 24))
        writer_decimal(&object->writer, value);
}

void json_object_add_members(struct json_object *object, struct slice text)
{
    struct slice members = slice_sub(text, 1, text.size - 2);
    if (!members.size || !json_object_reserve(object, members.size + 1))
        return;
    writer_u8(&object->writer, object->writer.size ? ',' : '{');
    writer_add_slice(&object->writer, members);
}

void json_object_open(struct json_object *object, struct slice key)
{
    if (start_member(object, key, 1))
        writer_u8(&object->writer, '{');
}

void json_object_close(struct json_object *object)
{
    if (json_object_reserve(object, 1))
        writer_u8(&object->writer, '}');
}

void json_object_open_list(struct json_object *object, struct slice key)
{
    if (start_member(object, key, 1))
        writer_u8(&object->writer, '[');
}

void json_object_open_item(struct json_object *object)
{
    struct writer *w = &object->writer;
    if (!json_object_reserve(object, 2))
        return;
    if (w->data[w->size - 1] == '}')
        writer_u8(w, ',');
    writer_u8(w, '{');
}

void json_object_close_list(struct json_object *object)
{
    if (json_object_reserve(object, 1))
        writer_u8(&object->writer, ']');
}

bool json_object_end(struct json_object *object, struct slice *out)
{
    if (!object->writer.size || !json_object_reserve(object, 1))
        return false;
    writer_u8(&object->writer, '}');
    *out = writer_slice(&object->writer);
    return true;
}

bool json_note_add_reason(const struct parser_context *context, struct event *event,
                          const struct record_reason *reason, size_t offset)
{
    struct json_object note;
    json_object_init(&note, context);
    struct slice old = EVENT_HAS(event, parse_notes) ? event->parse_notes : SLICE_LITERAL("[]");
    if (!json_object_reserve(&note, old.size + 1))
        return false;
    writer_bytes(&note.writer, old.data, old.size - 1);
    if (old.size > 2)
        writer_u8(&note.writer, ',');
    writer_u8(&note.writer, '{');
    json_object_add_text(&note, SLICE_LITERAL("code"), slice_from_text(reason->word));
    json_object_add_text(&note, SLICE_LITERAL("detail"), slice_from_text(reason->detail));
    if (offset != JSON_NOTE_NO_OFFSET)
        json_object_add_int(&note, SLICE_LITERAL("offset"), (int64_t)offset);
    json_object_close(&note);
    if (!json_object_reserve(&note, 1))
        return false;
    writer_u8(&note.writer, ']');
    EVENT_SET(event, parse_notes, writer_slice(&note.writer));
    return true;
}

bool json_note_add(const struct parser_context *context, struct event *event, enum record_code code,
                   const char *detail, size_t offset)
{
    const struct record_reason reason = record_reason_make(code, detail);
    return json_note_add_reason(context, event, &reason, offset);
}
