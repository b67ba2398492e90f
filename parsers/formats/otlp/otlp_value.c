/* otlp_value.c: AnyValue → JSON text. Pure, any thread. Descends with a stack of cursors instead of
 * recursion. */
#include "parsers/formats/otlp/otlp_value.h"

#include <math.h>

const char otlp_too_deep[] = "more than 16 arrays and maps stand in each other";

struct level {
    struct otlp_cursor cursor;
    bool is_map;
    struct key_list *keys; /* of a map; taken once for all maps of this depth */
};

struct printer {
    struct text_event *t;
    struct json_object out; /* its writer alone is used */
    struct level levels[OTLP_DEPTH_MAX];
    size_t depth;
    const char *error;
};

static void print_real(struct writer *w, double real)
{
    if (isnan(real))
        writer_text(w, "\"NaN\"");
    else if (isinf(real))
        writer_text(w, real < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    else
        writer_json_double(w, real);
}

static bool print_scalar(struct printer *p, const struct otlp_value *value)
{
    struct slice text = value->kind == OTLP_TEXT ? value->text : SLICE_EMPTY;
    text_event_repair(p->t, &text);
    if (!json_object_reserve(&p->out, JSON_ESCAPED_MAX * text.size + 32 +
                                          (value->kind == OTLP_BYTES ? 2 * value->text.size : 0)))
        return false;
    struct writer *w = &p->out.writer;
    switch (value->kind) {
    case OTLP_TEXT:
        json_object_write_text(&p->out, text);
        break;
    case OTLP_BOOL:
        writer_text(w, value->integer ? "true" : "false");
        break;
    case OTLP_INT:
        writer_decimal(w, value->integer);
        break;
    case OTLP_REAL:
        print_real(w, value->real);
        break;
    case OTLP_BYTES:
        writer_u8(w, '"');
        writer_base64(w, value->text);
        writer_u8(w, '"');
        break;
    default:
        writer_text(w, "null");
    }
    return true;
}

static bool open_level(struct printer *p, const struct otlp_value *value)
{
    if (p->depth == OTLP_DEPTH_MAX) {
        p->error = otlp_too_deep;
        return false;
    }
    struct level *level = &p->levels[p->depth];
    level->cursor = value->children;
    level->is_map = value->kind == OTLP_MAP;
    if (level->is_map && !level->keys)
        level->keys = p->t->context->alloc(p->t->context, sizeof *level->keys);
    if ((level->is_map && !level->keys) || !json_object_reserve(&p->out, 1))
        return false;
    if (level->is_map)
        level->keys->count = 0;
    writer_u8(&p->out.writer, level->is_map ? '{' : '[');
    p->depth++;
    return true;
}

static bool print_value(struct printer *p, const struct otlp_value *value)
{
    return value->kind == OTLP_ARRAY || value->kind == OTLP_MAP ? open_level(p, value)
                                                                : print_scalar(p, value);
}

/* Comma and key. False: the value can't be printed; *skip: because the map is full. */
static bool print_key(struct printer *p, struct level *level, struct slice key, bool *skip)
{
    struct slice unique = SLICE_EMPTY;
    if (level->is_map) {
        text_event_repair(p->t, &key);
        unique = key_list_add(level->keys, p->t->context, key);
        *skip = !unique.size && level->keys->count == KEY_LIST_MAX;
        if (*skip)
            text_event_note_full(p->t);
        if (!unique.size)
            return false;
    }
    if (!json_object_reserve(&p->out, JSON_ESCAPED_MAX * unique.size + 8))
        return false;
    struct writer *w = &p->out.writer;
    uint8_t last = w->data[w->size - 1];
    if (last != '{' && last != '[')
        writer_u8(w, ',');
    if (level->is_map) {
        writer_json_string(w, unique);
        writer_u8(w, ':');
    }
    return true;
}

/* One step: the next child of the innermost container, or its end. */
static bool step(struct printer *p)
{
    struct level *level = &p->levels[p->depth - 1];
    struct slice key;
    struct otlp_value child;
    if (level->cursor.next && level->cursor.next(&level->cursor, &key, &child)) {
        bool skip = false;
        return print_key(p, level, key, &skip) ? print_value(p, &child) : skip;
    }
    p->error = level->cursor.error;
    if (p->error || !json_object_reserve(&p->out, 1))
        return false;
    writer_u8(&p->out.writer, level->is_map ? '}' : ']');
    p->depth--;
    return true;
}

bool otlp_value_json(struct text_event *t, const struct otlp_value *value, struct slice *json,
                     const char **error)
{
    struct printer p;
    p.t = t;
    p.depth = 0;
    p.error = NULL;
    for (size_t i = 0; i < OTLP_DEPTH_MAX; i++)
        p.levels[i].keys = NULL;
    json_object_init(&p.out, t->context);
    p.out.more_left = t->attributes.more_left;
    bool good = print_value(&p, value);
    while (good && p.depth)
        good = step(&p);
    *error = p.error;
    t->attributes.cut |= p.out.cut;
    t->attributes.more_left = p.out.more_left;
    if (good)
        *json = writer_slice(&p.out.writer);
    else if (!p.error)
        t->failed = true;
    return good;
}
