/* dlt_arguments.c: decodes and prints the arguments of a verbose DLT message (AUTOSAR PRS Log and
 * Trace, type info). Prints values as dlt-convert of COVESA dlt-daemon does. Pure, any thread. */
#include "parsers/formats/dlt/dlt_arguments.h"
#include "core/utf8.h"
#include "parsers/read/text.h"

#include <math.h>
#include <stdio.h>

#define TYPE_LENGTH   0x0000000Fu
#define TYPE_BOOL     0x00000010u
#define TYPE_SINT     0x00000020u
#define TYPE_UINT     0x00000040u
#define TYPE_FLOAT    0x00000080u
#define TYPE_ARRAY    0x00000100u
#define TYPE_STRING   0x00000200u
#define TYPE_RAW      0x00000400u
#define HAS_NAME      0x00000800u
#define IS_FIXED      0x00001000u
#define TYPE_TRACE    0x00002000u
#define TYPE_STRUCT   0x00004000u
#define CODING        0x00038000u
#define CODING_UTF8   0x00008000u
#define CODING_HEX    0x00010000u
#define CODING_BINARY 0x00018000u

#define TYPES_INT   (TYPE_SINT | TYPE_UINT)
#define TYPES_TEXT  (TYPE_STRING | TYPE_TRACE)
#define TYPES_SIZED (TYPES_TEXT | TYPE_RAW)
#define TYPES_KNOWN (TYPE_BOOL | TYPES_INT | TYPE_FLOAT | TYPES_SIZED)
#define TYPES       (TYPES_KNOWN | TYPE_ARRAY | TYPE_STRUCT)

/* A byte of payload never prints as more than this many; 21 for "0b… " of a 16-bit number. */
#define PRINTED_PER_BYTE 4
#define PRINTED_EXTRA    64
#define NUMBER_TEXT      64

struct argument {
    uint32_t info, type; /* type: its one bit of TYPES */
    size_t width;        /* bytes of a number */
    struct slice name, unit, value;
    struct slice quantisation, offset; /* of a fixed-point number */
};

struct arguments {
    struct text_event *t;
    struct reader *in;
    struct writer message;
    bool big_endian, *repaired;
};

static uint64_t number_of(const struct arguments *a, struct slice bytes)
{
    struct reader r = reader_make(bytes);
    return a->big_endian ? reader_uint_be(&r, bytes.size) : reader_uint_le(&r, bytes.size);
}

static size_t read_size(struct arguments *a)
{
    return (size_t)number_of(a, reader_bytes(a->in, 2));
}

static double real_of(const struct arguments *a, struct slice bytes)
{
    uint64_t bits = number_of(a, bytes);
    uint32_t low = (uint32_t)bits;
    float single;
    double real;
    memcpy(&single, &low, sizeof single);
    memcpy(&real, &bits, sizeof real);
    return bytes.size == 4 ? (double)single : real;
}

static int64_t sign_extended(uint64_t v, size_t bytes)
{
    unsigned unused = 64 - 8 * (unsigned)bytes;
    return (int64_t)(v << unused) >> unused;
}

struct slice dlt_text(struct text_event *t, struct slice bytes, bool *repaired)
{
    if (bytes.size && bytes.data[bytes.size - 1] == 0)
        bytes.size--;
    if (utf8_is_plain(bytes))
        return t->failed ? SLICE_EMPTY : bytes;
    if (text_repair(t->context, &bytes, repaired) != STATUS_OK)
        t->failed = true;
    return t->failed ? SLICE_EMPTY : bytes;
}

/* ---- reading ---- */

static size_t width_of(uint32_t info, uint32_t type)
{
    static const size_t widths[] = {0, 1, 2, 4, 8, 16};
    if (type == TYPE_BOOL)
        return 1;
    uint32_t length = info & TYPE_LENGTH;
    return length < sizeof widths / sizeof *widths ? widths[length] : 0;
}

static bool is_decoded(const struct argument *arg)
{
    uint32_t coding = arg->info & CODING;
    if (!arg->type || (arg->type & (arg->type - 1)) || !(arg->type & TYPES_KNOWN))
        return false;
    if (arg->type == TYPE_STRING)
        return coding == 0 || coding == CODING_UTF8;
    return (arg->type & TYPES_SIZED) || arg->width;
}

/* The length of a text or of raw data precedes the length of the name. */
static bool read_argument(struct arguments *a, struct argument *arg)
{
    uint32_t info = (uint32_t)number_of(a, reader_bytes(a->in, 4));
    *arg = (struct argument){.info = info, .type = info & TYPES};
    arg->width = width_of(info, arg->type);
    if (!is_decoded(arg))
        return false;
    size_t size = arg->type & TYPES_SIZED ? read_size(a) : arg->width;
    if ((info & HAS_NAME) && arg->type != TYPE_TRACE) {
        size_t name_size = read_size(a);
        size_t unit_size = arg->type & (TYPES_INT | TYPE_FLOAT) ? read_size(a) : 0;
        arg->name = reader_bytes(a->in, name_size);
        arg->unit = reader_bytes(a->in, unit_size);
    }
    if ((info & IS_FIXED) && (arg->type & TYPES_INT)) {
        arg->quantisation = reader_bytes(a->in, 4);
        arg->offset = reader_bytes(a->in, arg->width < 4 ? 4 : arg->width);
    }
    arg->value = reader_bytes(a->in, size);
    return a->in->status == STATUS_OK;
}

bool dlt_arguments_fit(struct slice payload, bool big_endian, unsigned count)
{
    struct reader in = reader_make(payload);
    struct arguments a = {.in = &in, .big_endian = big_endian};
    struct argument arg;
    while (count--)
        if (!read_argument(&a, &arg))
            return false;
    return !reader_left(&in);
}

/* ---- writing ---- */

static struct json_object *attributes(struct arguments *a)
{
    return &a->t->attributes;
}

static void add_hex(struct arguments *a, const char *key, struct slice bytes)
{
    struct writer w = {.limit = 2 * bytes.size};
    w.capacity = w.limit;
    w.data = a->t->context->alloc(a->t->context, w.limit + 1);
    if (!w.data) {
        a->t->failed = true;
        return;
    }
    writer_hex(&w, bytes);
    json_object_add_text(attributes(a), slice_from_text(key), writer_slice(&w));
}

/* JSON has no infinities: they are written as text. */
static void add_real(struct arguments *a, const char *key, double real)
{
    uint8_t text[NUMBER_TEXT];
    struct writer w = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    if (isfinite(real)) {
        writer_json_double(&w, real);
        json_object_add_raw(attributes(a), slice_from_text(key), writer_slice(&w));
    } else {
        writer_format(&w, "%g", real);
        json_object_add_text(attributes(a), slice_from_text(key), writer_slice(&w));
    }
}

static inline void add_text(struct arguments *a, const char *key, struct slice bytes)
{
    if (!bytes.size)
        return;
    struct slice text = dlt_text(a->t, bytes, a->repaired);
    if (text.size)
        json_object_add_text(attributes(a), slice_from_text(key), text);
}

static void print_hex(struct writer *w, struct slice bytes, char between)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (i)
            writer_u8(w, (uint8_t)between);
        writer_hex(w, slice_sub(bytes, i, 1));
    }
}

static void print_binary(struct writer *w, uint64_t v, size_t bytes)
{
    writer_text(w, "0b");
    for (size_t bit = 8 * bytes; bit-- > 0;) {
        writer_u8(w, v >> bit & 1 ? '1' : '0');
        if (bit && bit % 4 == 0)
            writer_u8(w, ' ');
    }
}

static void put_unsigned(struct arguments *a, const struct argument *arg)
{
    uint64_t v = number_of(a, arg->value);
    uint8_t text[NUMBER_TEXT];
    struct writer decimal = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    if (v <= INT64_MAX)
        writer_decimal(&decimal, (int64_t)v);
    else
        writer_format(&decimal, "%llu", (unsigned long long)v);
    json_object_add_compact(attributes(a), SLICE_LITERAL("value"), writer_slice(&decimal));
    uint32_t coding = arg->type == TYPE_UINT ? arg->info & CODING : 0;
    if (coding == CODING_HEX)
        writer_format(&a->message, "0x%0*llx", (int)(2 * arg->width), (unsigned long long)v);
    else if (coding == CODING_BINARY && arg->width <= 2)
        print_binary(&a->message, v, arg->width);
    else
        writer_add_slice(&a->message, writer_slice(&decimal));
}

static void put_number(struct arguments *a, const struct argument *arg)
{
    if (arg->width > 8 || (arg->type == TYPE_FLOAT && arg->width < 4)) {
        add_hex(a, "value", arg->value);
        print_hex(&a->message, arg->value, ' ');
    } else if (arg->type == TYPE_FLOAT) {
        double real = real_of(a, arg->value);
        add_real(a, "value", real);
        writer_format(&a->message, "%g", real);
    } else if (arg->type == TYPE_SINT) {
        int64_t v = sign_extended(number_of(a, arg->value), arg->width);
        json_object_add_int(attributes(a), SLICE_LITERAL("value"), v);
        writer_decimal(&a->message, v);
    } else {
        put_unsigned(a, arg);
    }
}

static void put_value(struct arguments *a, const struct argument *arg)
{
    if (arg->type & TYPES_TEXT) {
        struct slice text = dlt_text(a->t, arg->value, a->repaired);
        json_object_add_text(attributes(a), SLICE_LITERAL("value"), text);
        writer_add_slice(&a->message, text);
    } else if (arg->type == TYPE_RAW) {
        add_hex(a, "value", arg->value);
        print_hex(&a->message, arg->value, '\'');
    } else {
        put_number(a, arg);
    }
}

static void add_type(struct arguments *a, const struct argument *arg)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {{TYPE_BOOL, "bool"},    {TYPE_SINT, "sint"}, {TYPE_UINT, "uint"},
                 {TYPE_FLOAT, "float"},  {TYPE_RAW, "raw"},   {TYPE_TRACE, "trace_info"},
                 {TYPE_STRING, "string"}};
    uint8_t text[NUMBER_TEXT];
    struct writer type = {.data = text, .capacity = sizeof text, .limit = sizeof text};
    size_t i = 0;
    while (names[i].type != arg->type)
        i++;
    writer_text(&type, names[i].name);
    if (arg->type & (TYPES_INT | TYPE_FLOAT))
        writer_decimal(&type, (int64_t)(8 * arg->width));
    json_object_add_text(attributes(a), SLICE_LITERAL("type"), writer_slice(&type));
}

static void put_argument(struct arguments *a, const struct argument *arg)
{
    json_object_open_item(attributes(a));
    add_type(a, arg);
    add_text(a, "name", arg->name);
    add_text(a, "unit", arg->unit);
    if (arg->quantisation.size) {
        add_real(a, "quantisation", real_of(a, arg->quantisation));
        if (arg->offset.size <= 8)
            json_object_add_int(attributes(a), SLICE_LITERAL("offset"),
                                sign_extended(number_of(a, arg->offset), arg->offset.size));
        else
            add_hex(a, "offset", arg->offset);
    }
    put_value(a, arg);
    json_object_close(attributes(a));
}

bool dlt_arguments_read(struct text_event *t, struct reader *in, bool big_endian, unsigned count,
                        bool *repaired)
{
    struct arguments a = {.t = t, .in = in, .big_endian = big_endian, .repaired = repaired};
    size_t printed = PRINTED_PER_BYTE * in->in.size + PRINTED_EXTRA;
    unsigned done = 0;
    a.message = (struct writer){.capacity = printed, .limit = printed};
    a.message.data = t->context->alloc(t->context, printed);
    if (!a.message.data) {
        t->failed = true;
        return false;
    }
    json_object_open_list(&t->attributes, SLICE_LITERAL("arguments"));
    for (; done < count && !t->failed && !t->attributes.failed; done++) {
        struct argument arg;
        size_t start = in->offset;
        if (!read_argument(&a, &arg)) {
            in->offset = start;
            break;
        }
        if (done)
            writer_u8(&a.message, ' ');
        put_argument(&a, &arg);
    }
    json_object_close_list(&t->attributes);
    if (a.message.status != STATUS_OK)
        t->failed = true;
    text_event_set_message(t, writer_slice(&a.message));
    return done == count;
}
