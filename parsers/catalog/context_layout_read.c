/* context_layout_read.c: the text of a layout → its fields. Pure, any thread.
 *
 *   layout = field { " " field } [ " ..." ]
 *   field  = name ":" type [ ( "!" | "=" ) number ]
 *   name   = a column | "context." word | "-"
 *   type   = "u" bits [ "le" ] | "text" bytes | "hex" bytes | "ipv4" | "ipv6" | "ipproto" */
#include "parsers/catalog/context_layout.h"
#include "parsers/catalog/context_layout_fields.h"
#include "parsers/read/number.h"

#define FIELDS_MAX 256
#define BYTES_MAX  65535
#define NAME_MAX_  64

struct reading {
    struct slice text;
    struct layout_field fields[FIELDS_MAX];
    size_t count, bits;
    struct context_layout_problem *problem;
};

static bool fail(struct reading *r, struct slice at, const char *detail)
{
    r->problem->offset = (size_t)(at.data - r->text.data);
    r->problem->detail = detail;
    return false;
}

static struct slice take_until(struct slice *s, const char *stops)
{
    size_t n = 0;
    while (n < s->size && !strchr(stops, s->data[n]))
        n++;
    struct slice word = slice_sub(*s, 0, n);
    *s = slice_make(s->data + n, s->size - n);
    return word;
}

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!(s.data[i] >= 'a' && s.data[i] <= 'z') && !(s.data[i] >= '0' && s.data[i] <= '9') &&
            s.data[i] != '_')
            return false;
    return s.size > 0 && s.size <= NAME_MAX_;
}

/* ---- types ---- */

static bool type_is(struct slice type, const char *word, enum layout_kind kind, size_t bits,
                    struct layout_field *f)
{
    if (!slice_equal_text(type, word))
        return false;
    f->kind = kind;
    f->bits = bits;
    return true;
}

/* A word and a number of units. */
static bool type_counts(struct slice type, const char *word, enum layout_kind kind, size_t unit,
                        size_t max, struct layout_field *f)
{
    int64_t count;
    struct slice digits = slice_sub(type, strlen(word), type.size);
    if (!slice_starts_with(type, word) || !number_read(digits, (int64_t)max, &count) || !count)
        return false;
    f->kind = kind;
    f->bits = (size_t)count * unit;
    return true;
}

static bool read_type(struct slice type, struct layout_field *f)
{
    if (type_is(type, "ipv4", LAYOUT_ADDRESS, 32, f) ||
        type_is(type, "ipv6", LAYOUT_ADDRESS, 128, f) ||
        type_is(type, "ipproto", LAYOUT_PROTOCOL, 8, f) ||
        type_counts(type, "text", LAYOUT_TEXT, 8, BYTES_MAX, f) ||
        type_counts(type, "hex", LAYOUT_HEX, 8, BYTES_MAX, f) ||
        type_counts(type, "u", LAYOUT_NUMBER, 1, 64, f))
        return true;
    if (type.size < 4 || memcmp(type.data + type.size - 2, "le", 2) != 0)
        return false;
    return type_counts(slice_sub(type, 0, type.size - 2), "u", LAYOUT_LITTLE_ENDIAN, 1, 64, f) &&
           f->bits % 8 == 0;
}

static bool is_number(const struct layout_field *f)
{
    return f->kind == LAYOUT_NUMBER || f->kind == LAYOUT_LITTLE_ENDIAN;
}

/* ---- names ---- */

static bool column_takes(const struct event_field_info *column, const struct layout_field *f)
{
    if (column->origin != EVENT_ORIGIN_SENDER)
        return false;
    switch (column->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_REAL:
        return is_number(f);
    case EVENT_KIND_INET:
        return f->kind == LAYOUT_ADDRESS;
    case EVENT_KIND_TEXT:
        return true;
    default:
        return false;
    }
}

static bool read_name(struct reading *r, struct slice name, struct layout_field *f)
{
    static const char prefix[] = "context.";
    if (slice_equal_text(name, "-"))
        return true;
    if (slice_starts_with(name, prefix)) {
        f->name = slice_sub(name, sizeof prefix - 1, name.size);
        if (!is_word(f->name))
            return fail(r, name, "a name after context. has 1 to 64 of a-z 0-9 _");
    } else {
        f->column = event_field_find(name);
        if (!f->column)
            return fail(r, name, "no such column; write context.NAME for attributes, - to skip");
        if (!column_takes(f->column, f))
            return fail(r, name, "the column does not take this type");
    }
    for (size_t i = 0; i < r->count; i++)
        if (f->column == r->fields[i].column && slice_equal(f->name, r->fields[i].name))
            return fail(r, name, "the name occurs twice in the layout");
    return true;
}

/* ---- fields ---- */

static bool read_value(struct reading *r, struct slice value, struct layout_field *f)
{
    int64_t number;
    if (!value.size)
        return true;
    if (!is_number(f) || !number_read(slice_sub(value, 1, value.size), INT64_MAX, &number) ||
        (f->bits < 64 && (uint64_t)number >> f->bits))
        return fail(r, value, "a number that the type can hold must follow ! or =");
    f->has_none = value.data[0] == '!';
    f->has_needed = !f->has_none;
    f->value = (uint64_t)number;
    return true;
}

static bool read_field(struct reading *r, struct slice word)
{
    struct layout_field *f = &r->fields[r->count];
    struct slice rest = word;
    if (r->count == FIELDS_MAX)
        return fail(r, word, "a layout has at most 256 fields");
    *f = (struct layout_field){.bit = r->bits};
    struct slice name = take_until(&rest, ":");
    if (!rest.size)
        return fail(r, word, "a field is NAME:TYPE");
    rest = slice_make(rest.data + 1, rest.size - 1);
    struct slice type = take_until(&rest, "!=");
    if (!read_type(type, f))
        return fail(r, word,
                    "types are u1 to u64, u16le, u32le, …, textN, hexN, ipv4, ipv6, ipproto");
    if (!(f->kind == LAYOUT_NUMBER) && f->bit % 8)
        return fail(r, word, "the field must start at a whole byte");
    if (!read_name(r, name, f) || !read_value(r, rest, f))
        return false;
    r->bits += f->bits;
    r->count++;
    return r->bits <= 8 * BYTES_MAX || fail(r, word, "a layout has at most 65535 bytes");
}

static bool read_fields(struct reading *r, bool *may_be_longer)
{
    struct slice rest = r->text;
    while (rest.size) {
        struct slice word = take_until(&rest, " ");
        rest = slice_sub(rest, 1, rest.size);
        if (*may_be_longer && word.size)
            return fail(r, word, "... ends a layout");
        if (slice_equal_text(word, "..."))
            *may_be_longer = true;
        else if (word.size && !read_field(r, word))
            return false;
    }
    if (!r->count || r->bits % 8)
        return fail(r, r->text, "a layout has one field at least and ends at a whole byte");
    return true;
}

enum status context_layout_read(struct arena *arena, struct slice text, int64_t version,
                                const struct context_layout **out,
                                struct context_layout_problem *problem)
{
    struct reading r = {.problem = problem};
    bool may_be_longer = false;
    struct context_layout *layout = arena_alloc(arena, sizeof *layout);
    if (!layout || arena_copy(arena, text, &r.text) != STATUS_OK)
        return STATUS_NO_MEMORY;
    if (!read_fields(&r, &may_be_longer))
        return STATUS_MALFORMED;
    struct layout_field *fields = arena_alloc(arena, r.count * sizeof *fields);
    if (!fields)
        return STATUS_NO_MEMORY;
    memcpy(fields, r.fields, r.count * sizeof *fields);
    *layout = (struct context_layout){fields, r.count, r.bits / 8, may_be_longer, version};
    *out = layout;
    return STATUS_OK;
}
