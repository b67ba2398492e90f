/* config_value.c: parses one setting's text by its row's kind, range and unit. Any thread. Does not
 * know the source of the text. */
#include "server/config/config_value.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/writer.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"TiB", (uint64_t)1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1},
};
static const struct unit duration_units[] = {
    {"d", 86400000000000},
    {"h", 3600000000000},
    {"min", 60000000000},
    {"s", 1000000000},
    {"ms", 1000000},
    {"us", 1000},
    {"ns", 1},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static enum status wrong(struct problem *problem, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum status wrong(struct problem *problem, enum status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    return status;
}

/* Decimal digits at the start of text; *rest is what follows. False without a digit or when it is
 * larger than 64 bits. */
static bool read_digits(const char *text, uint64_t *out, const char **rest)
{
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return false;
    }
    *out = v;
    *rest = p;
    return p != text;
}

static const struct unit *unit_find(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(units[i].name, name))
            return &units[i];
    return NULL;
}

/* The largest unit that v is a whole number of. */
static void unit_write(const struct unit *units, size_t count, uint64_t v, struct writer *out)
{
    size_t i = 0;
    while (i + 1 < count && (v == 0 || v % units[i].factor != 0))
        i++;
    writer_format(out, "%llu%s", (unsigned long long)(v / units[i].factor), units[i].name);
}

void config_size_write(uint64_t bytes, struct writer *out)
{
    unit_write(size_units, COUNT(size_units), bytes, out);
}

void config_duration_write(uint64_t ns, struct writer *out)
{
    if (ns == 0)
        writer_text(out, "0");
    else
        unit_write(duration_units, COUNT(duration_units), ns, out);
}

void config_number_write(const struct config_row *row, uint64_t v, struct writer *out)
{
    if (row->kind == SETTING_KIND_SIZE)
        config_size_write(v, out);
    else if (row->kind == SETTING_KIND_DURATION)
        config_duration_write(v, out);
    else
        writer_format(out, "%llu", (unsigned long long)v);
}

static enum status check_range(const struct config_row *row, uint64_t v, struct problem *problem)
{
    if (v >= row->min && v <= row->max)
        return STATUS_OK;
    struct writer range;
    writer_init(&range, 256);
    if (v < row->min) {
        writer_text(&range, "at least ");
        config_number_write(row, row->min, &range);
    } else {
        writer_text(&range, "at most ");
        config_number_write(row, row->max, &range);
    }
    enum status status =
        wrong(problem, STATUS_OUT_OF_RANGE, "must be %.*s", SLICE_ARGS(writer_slice(&range)));
    writer_fini(&range);
    return status;
}

static enum status parse_uint(const struct config_row *row, const char *text, uint64_t *out,
                              struct problem *problem)
{
    const char *rest;
    uint64_t v;
    if (!read_digits(text, &v, &rest) || *rest)
        return wrong(problem, STATUS_WRONG_TYPE, "must be a whole number, not '%.64s'", text);
    *out = v;
    return check_range(row, v, problem);
}

static enum status parse_size(const struct config_row *row, const char *text, uint64_t *out,
                              struct problem *problem)
{
    const char *rest;
    uint64_t v;
    const struct unit *unit =
        read_digits(text, &v, &rest) ? unit_find(size_units, COUNT(size_units), rest) : NULL;
    if (!unit)
        return wrong(problem, STATUS_WRONG_TYPE,
                     "must be a size such as 512, 64KiB, 8MiB, 20GiB or 1TiB, not '%.64s'", text);
    if (__builtin_mul_overflow(v, unit->factor, &v))
        v = UINT64_MAX;
    *out = v;
    return check_range(row, v, problem);
}

static enum status parse_duration(const struct config_row *row, const char *text, uint64_t *out,
                                  struct problem *problem)
{
    const char *rest;
    uint64_t v;
    bool number = read_digits(text, &v, &rest);
    const struct unit *unit =
        number ? unit_find(duration_units, COUNT(duration_units), rest) : NULL;
    if (number && !unit && !*rest && v == 0)
        unit = &duration_units[COUNT(duration_units) - 1];
    if (!unit)
        return wrong(problem, STATUS_WRONG_TYPE,
                     "must be a number and a unit, such as 200ms, 10s, 5min, 24h or 90d, not "
                     "'%.64s'",
                     text);
    if (__builtin_mul_overflow(v, unit->factor, &v) || v > INT64_MAX)
        return wrong(problem, STATUS_OUT_OF_RANGE, "must be at most 106751d");
    *out = v;
    return check_range(row, v, problem);
}

static const char *words_of(const struct config_row *row)
{
    const char *colon = strchr(row->words, ':');
    return colon ? colon + 1 : row->words;
}

const char *config_word(const struct config_row *row, unsigned place, char *buffer, size_t size)
{
    const char *word = words_of(row);
    for (; place && word; place--) {
        word = strchr(word, '|');
        word = word ? word + 1 : NULL;
    }
    if (!word)
        return "";
    snprintf(buffer, size, "%.*s", (int)strcspn(word, "|"), word);
    return buffer;
}

const char *config_hec_ack_word(const struct config *config, char buffer[CONFIG_WORD_BYTES])
{
    return config_word(&config_rows[CONFIG_AT_hec_ack], config->hec_ack, buffer, CONFIG_WORD_BYTES);
}

static enum status parse_enum(const struct config_row *row, const char *text, unsigned *out,
                              struct problem *problem)
{
    char word[64];
    for (unsigned i = 0; *config_word(row, i, word, sizeof word); i++) {
        if (strcmp(word, text) != 0)
            continue;
        *out = i;
        return STATUS_OK;
    }
    char choice[128];
    size_t n = 0;
    for (const char *p = words_of(row); *p && n + 3 < sizeof choice; p++) {
        if (*p == '|')
            choice[n++] = ',';
        choice[n++] = *p == '|' ? ' ' : *p;
    }
    choice[n] = '\0';
    return wrong(problem, STATUS_WRONG_TYPE, "must be one of %s, not '%.64s'", choice, text);
}

static enum status parse_bool(const char *text, bool *out, struct problem *problem)
{
    bool yes = !strcmp(text, "true");
    if (!yes && strcmp(text, "false") != 0)
        return wrong(problem, STATUS_WRONG_TYPE, "must be true or false, not '%.64s'", text);
    *out = yes;
    return STATUS_OK;
}

static enum status parse_text(const struct config_row *row, const char *text, const char **out,
                              struct config *config, struct problem *problem)
{
    size_t n = strlen(text);
    if ((row->flags & CONFIG_PATH) && n == 0 && row->min == 0) {
        *out = NULL;
        return STATUS_OK;
    }
    if (n < row->min || n > row->max)
        return wrong(problem, STATUS_OUT_OF_RANGE,
                     "must be a text of %llu to %llu bytes, not of %zu",
                     (unsigned long long)row->min, (unsigned long long)row->max, n);
    if (!config_text_is_plain(text, false))
        return wrong(problem, STATUS_WRONG_TYPE,
                     "must be UTF-8 without line breaks and control characters");
    struct slice copy;
    if (arena_copy(&config->arena, slice_make(text, n + 1), &copy) != STATUS_OK)
        return wrong(problem, STATUS_NO_MEMORY, "is too large: no memory is left for it");
    *out = (const char *)copy.data;
    return STATUS_OK;
}

static enum status parse_null(const struct config_row *row, void *member, struct problem *problem)
{
    if (row->kind == SETTING_KIND_TEXT && row->min == 0) {
        *(const char **)member = NULL;
        return STATUS_OK;
    }
    return wrong(problem, STATUS_WRONG_TYPE, "needs a value; remove the line for the default %.64s",
                 row->kind == SETTING_KIND_ENUM ? "the default" : row->fallback);
}

enum status config_value_parse(const struct config_row *row, const char *text,
                               struct config *config, struct problem *problem)
{
    void *member = config_member(config, row);
    uint64_t number = 0;
    enum status s;
    if (!text)
        return parse_null(row, member, problem);
    switch (row->kind) {
    case SETTING_KIND_TEXT:
        return parse_text(row, text, member, config, problem);
    case SETTING_KIND_BOOL:
        return parse_bool(text, member, problem);
    case SETTING_KIND_ENUM:
        return parse_enum(row, text, member, problem);
    case SETTING_KIND_UINT:
        s = parse_uint(row, text, &number, problem);
        break;
    case SETTING_KIND_SIZE:
        s = parse_size(row, text, &number, problem);
        break;
    case SETTING_KIND_DURATION:
        s = parse_duration(row, text, &number, problem);
        if (s == STATUS_OK)
            *(int64_t *)member = (int64_t)number;
        return s;
    default:
        return wrong(problem, STATUS_WRONG_TYPE, "must not be a single value");
    }
    if (s == STATUS_OK)
        *(uint64_t *)member = number;
    return s;
}

static const char *keep(struct config *config, const char *text)
{
    struct slice copy;
    if (arena_copy(&config->arena, slice_make(text, strlen(text) + 1), &copy) != STATUS_OK)
        return NULL;
    return (const char *)copy.data;
}

enum status config_list_add(const struct config_row *row, const char *text, struct config *config)
{
    struct setting_list *list = config_member(config, row);
    if (list->count == CONFIG_ITEMS_MAX)
        return STATUS_TOO_MANY;
    if (!config_text_is_plain(text, false))
        return STATUS_WRONG_TYPE;
    const char **items = arena_alloc(&config->arena, (list->count + 1) * sizeof *items);
    const char *item = keep(config, text);
    if (!items || !item)
        return STATUS_NO_MEMORY;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    items[list->count] = item;
    *list = (struct setting_list){items, list->count + 1};
    return STATUS_OK;
}

enum status config_map_set(const struct config_row *row, const char *name, const char *value,
                           struct config *config)
{
    struct setting_map *map = config_member(config, row);
    if (!config_text_is_plain(name, false) || (value && !config_text_is_plain(value, true)))
        return STATUS_WRONG_TYPE;
    const char **names = arena_alloc(&config->arena, (map->count + 1) * sizeof *names);
    const char **values = arena_alloc(&config->arena, (map->count + 1) * sizeof *values);
    const char *kept_name = keep(config, name), *kept_value = value ? keep(config, value) : NULL;
    if (!names || !values || !kept_name || (value && !kept_value))
        return STATUS_NO_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (!strcmp(map->names[i], name))
            continue;
        names[n] = map->names[i];
        values[n++] = map->values[i];
    }
    if (value && n == CONFIG_ITEMS_MAX)
        return STATUS_TOO_MANY;
    if (value) {
        names[n] = kept_name;
        values[n++] = kept_value;
    }
    *map = (struct setting_map){names, values, n};
    return STATUS_OK;
}

static bool text_equal(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool list_equal(const struct setting_list *a, const struct setting_list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

/* The order of entries does not matter. */
static bool map_equal(const struct setting_map *a, const struct setting_map *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t j = 0;
        while (j < b->count && strcmp(a->names[i], b->names[j]) != 0)
            j++;
        if (j == b->count || strcmp(a->values[i], b->values[j]) != 0)
            return false;
    }
    return true;
}

bool config_value_equal(const struct config_row *row, const struct config *a,
                        const struct config *b)
{
    const void *x = config_member_const(a, row), *y = config_member_const(b, row);
    switch (row->kind) {
    case SETTING_KIND_TEXT:
        return text_equal(*(const char *const *)x, *(const char *const *)y);
    case SETTING_KIND_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case SETTING_KIND_ENUM:
        return *(const unsigned *)x == *(const unsigned *)y;
    case SETTING_KIND_LIST:
        return list_equal(x, y);
    case SETTING_KIND_MAP:
        return map_equal(x, y);
    default:
        return !memcmp(x, y, sizeof(uint64_t));
    }
}
