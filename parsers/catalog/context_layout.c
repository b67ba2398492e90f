/* context_layout.c: context data of an event → columns and attributes, according to a layout. Pure,
 * any thread. context_layout_read.c reads the layouts. */
#include "parsers/catalog/context_layout.h"
#include "core/reasons/record_code.h"
#include "parsers/catalog/context_layout_fields.h"
#include "parsers/fill/envelope.h"
#include "parsers/read/json/json_object.h"
#include "parsers/read/text.h"
#include "parsers/fill/transport.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

/* One event being filled. */
struct filling {
    const struct parser_context *context;
    struct event *event;
    struct json_object rest; /* attributes.context */
    bool starved;
};

static bool bit_at(struct slice data, size_t bit)
{
    return data.data[bit / 8] >> (7 - bit % 8) & 1;
}

static uint64_t number_of(const struct layout_field *f, struct slice data)
{
    const uint8_t *p = data.data + f->bit / 8;
    uint64_t v = 0;
    if (f->bit % 8 || f->bits % 8) {
        for (size_t i = 0; i < f->bits; i++)
            v = v << 1 | bit_at(data, f->bit + i);
        return v;
    }
    size_t bytes = f->bits / 8;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[f->kind == LAYOUT_LITTLE_ENDIAN ? bytes - 1 - i : i];
    return v;
}

static bool is_number(const struct layout_field *f)
{
    return f->kind == LAYOUT_NUMBER || f->kind == LAYOUT_LITTLE_ENDIAN;
}

static bool fits(const struct context_layout *layout, const struct event *event)
{
    struct slice data = event->context_raw;
    if (layout->version >= 0 && EVENT_HAS(event, context_version) &&
        event->context_version != layout->version)
        return false;
    if (data.size < layout->bytes || (data.size > layout->bytes && !layout->may_be_longer))
        return false;
    for (size_t i = 0; i < layout->count; i++) {
        const struct layout_field *f = &layout->fields[i];
        if (f->has_needed && number_of(f, data) != f->value)
            return false;
    }
    return true;
}

/* ---- texts ---- */

static char *allocate(struct filling *x, size_t size)
{
    char *text = x->context->alloc(x->context, size);
    x->starved |= !text;
    return text;
}

static struct slice hex_of(struct filling *x, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = allocate(x, 2 * bytes.size);
    for (size_t i = 0; text && i < bytes.size; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    return slice_make(text, text ? 2 * bytes.size : 0);
}

static struct slice address_of(struct filling *x, struct slice bytes)
{
    char *text = allocate(x, INET6_ADDRSTRLEN);
    if (!text ||
        !inet_ntop(bytes.size == 4 ? AF_INET : AF_INET6, bytes.data, text, INET6_ADDRSTRLEN))
        return SLICE_EMPTY;
    return slice_from_text(text);
}

static struct slice decimal_of(struct filling *x, uint64_t v)
{
    char *text = allocate(x, 21);
    int size = text ? snprintf(text, 21, "%" PRIu64, v) : 0;
    return slice_make(text, (size_t)size);
}

/* Up to the first byte 0. */
static struct slice words_of(struct filling *x, struct slice bytes)
{
    bool repaired = false;
    const uint8_t *end = memchr(bytes.data, 0, bytes.size);
    if (end)
        bytes.size = (size_t)(end - bytes.data);
    if (text_repair(x->context, &bytes, &repaired) != STATUS_OK) {
        x->starved = true;
        return SLICE_EMPTY;
    }
    if (repaired && !json_note_add(x->context, x->event, RECORD_bad_text,
                                   "bytes of the context data that are no UTF-8 text stand as "
                                   "U+FFFD",
                                   JSON_NOTE_NO_OFFSET))
        x->starved = true;
    return bytes;
}

/* Empty: no layout. */
static struct slice text_of(struct filling *x, const struct layout_field *f)
{
    struct slice bytes = slice_sub(x->event->context_raw, f->bit / 8, f->bits / 8);
    switch (f->kind) {
    case LAYOUT_ADDRESS:
        return address_of(x, bytes);
    case LAYOUT_PROTOCOL:
        return transport_of_number(bytes.data[0]);
    case LAYOUT_TEXT:
        return words_of(x, bytes);
    case LAYOUT_HEX:
        return hex_of(x, bytes);
    default:
        return decimal_of(x, number_of(f, x->event->context_raw));
    }
}

/* ---- columns ---- */

static bool is_in_range(const struct event_field_info *column, uint64_t v)
{
    if (column->kind == EVENT_KIND_BOOL)
        return v <= 1;
    return v <= INT64_MAX && (int64_t)v >= column->min && (int64_t)v <= column->max;
}

/* A value that does not fit its column remains in context_raw only. */
static void set_column(struct filling *x, const struct layout_field *f)
{
    const struct event_field_info *column = f->column;
    enum event_field number = (enum event_field)(column - event_field_table);
    if (event_is_set(x->event, number))
        return;
    if (column->kind == EVENT_KIND_TEXT || column->kind == EVENT_KIND_INET) {
        struct slice text = text_of(x, f);
        if (!text.size || (column->kind == EVENT_KIND_TEXT && (int64_t)text.size > column->max))
            return;
        *event_slice_at(x->event, column) = text;
    } else {
        uint64_t v = number_of(f, x->event->context_raw);
        if (!is_in_range(column, v))
            return;
        if (column->kind == EVENT_KIND_REAL)
            *event_real_at(x->event, column) = (double)v;
        else
            *event_int_at(x->event, column) = (int64_t)v;
    }
    event_mark(x->event, number);
}

static void keep(struct filling *x, const struct layout_field *f)
{
    struct slice text = text_of(x, f);
    if (is_number(f))
        json_object_add_raw(&x->rest, f->name, text);
    else if (text.size)
        json_object_add_text(&x->rest, f->name, text);
}

bool context_layout_apply(const struct context_layout *layout, const struct parser_context *context,
                          struct event *event)
{
    struct slice rest;
    struct filling x = {.context = context, .event = event};
    if (!fits(layout, event))
        return true;
    json_object_init(&x.rest, context);
    for (size_t i = 0; i < layout->count && !x.starved; i++) {
        const struct layout_field *f = &layout->fields[i];
        if (f->has_none && number_of(f, event->context_raw) == f->value)
            continue;
        if (f->column)
            set_column(&x, f);
        else if (f->name.size)
            keep(&x, f);
    }
    if (x.starved || x.rest.failed)
        return false;
    return !json_object_end(&x.rest, &rest) ||
           attributes_nest(context, rest, SLICE_LITERAL("context"), event);
}
