/* catalog.c: the table of event ids, and the reader of its CSV form. Immutable once built, any
 * thread reads. Does no file I/O: the built-in table is in the program. */
#include "parsers/catalog.h"
#include "core/arena.h"
#include "parsers/category.h"
#include "parsers/event_check.h"
#include "parsers/text.h"

#include <stdio.h>
#include <stdlib.h>

#define ID_COUNT      65536
#define MEMORY_LIMIT  ((size_t)64 << 20)
#define COLUMNS       7
#define COLUMN_TITLES "sev_id,name,category,severity,layout,r155,atm"

extern const uint8_t catalog_autosar[];
extern const size_t catalog_autosar_size;

struct catalog {
    struct arena arena; /* all entries and texts */
    const struct catalog_entry *by_id[ID_COUNT];
};

/* One file being read: what it adds stays here until all of it is right. */
struct csv {
    struct catalog *catalog;
    const struct catalog_entry **by_id; /* ID_COUNT */
    struct catalog_error *error;
    size_t line;
};

static enum status fail(struct csv *csv, size_t column, const char *detail)
{
    csv->error->line = csv->line ? csv->line : 1; /* a file without a line */
    csv->error->column = column;
    snprintf(csv->error->detail, sizeof csv->error->detail, "%s", detail);
    return STATUS_MALFORMED;
}

/* Column number (1-based, bytes) of a field in its line. */
static size_t column_of(struct slice line, struct slice field)
{
    return (size_t)(field.data - line.data) + 1;
}

/* Splits at commas; false when there are not COLUMNS fields. */
static bool cut_line(struct slice line, struct slice fields[COLUMNS])
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= line.size; i++) {
        if (i < line.size && line.data[i] != ',')
            continue;
        if (count == COLUMNS)
            return false;
        fields[count++] = slice_make(line.data + start, i - start);
        start = i + 1;
    }
    return count == COLUMNS;
}

static bool read_number(struct slice s, int64_t max, int64_t *value)
{
    unsigned base = 10;
    if (slice_starts_with(s, "0x") || slice_starts_with(s, "0X")) {
        base = 16;
        s = slice_sub(s, 2, s.size);
    }
    int64_t v = 0;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i] | 0x20;
        unsigned digit = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                         : c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10
                                                : 99;
        if (digit >= base || (v = v * base + digit) > max)
            return false;
    }
    *value = v;
    return s.size > 0;
}

static bool severity_is_known(int64_t v)
{
    return (v >= 0 && v <= 6) || v == 99;
}

/* Texts between single spaces → list in the arena. */
static enum status read_list(struct csv *csv, struct slice line, struct slice field,
                             struct slice_list *list)
{
    size_t count = 0, start = 0;
    struct slice *items = arena_alloc(&csv->catalog->arena, (field.size + 1) * sizeof *items);
    if (!items)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i <= field.size; i++) {
        if (i < field.size && field.data[i] != ' ')
            continue;
        struct slice item = slice_make(field.data + start, i - start);
        start = i + 1;
        if (item.size > 16)
            return fail(csv, column_of(line, item), "an id has at most 16 characters");
        if (item.size)
            items[count++] = item;
    }
    if (count > EVENT_CHECK_LIST_MAX)
        return fail(csv, column_of(line, field), "a list has at most 64 ids");
    *list = (struct slice_list){items, count};
    return STATUS_OK;
}

static enum status check_fields(struct csv *csv, struct slice line,
                                const struct slice fields[COLUMNS], struct catalog_entry *entry)
{
    if (!read_number(fields[0], ID_COUNT - 2, &entry->sev_id))
        return fail(csv, column_of(line, fields[0]), "sev_id must be 0 to 65534 (0xFFFE)");
    if (csv->by_id[entry->sev_id])
        return fail(csv, column_of(line, fields[0]), "sev_id stands twice in this file");
    if (fields[1].size < 1 || fields[1].size > 256)
        return fail(csv, column_of(line, fields[1]), "name must have 1 to 256 bytes");
    if (!category_is_known(fields[2]))
        return fail(csv, column_of(line, fields[2]),
                    "no such category: docs/formats.md lists them");
    if (!read_number(fields[3], 99, &entry->severity_id) || !severity_is_known(entry->severity_id))
        return fail(csv, column_of(line, fields[3]), "severity must be 0 to 6 or 99 (OCSF)");
    if (fields[4].size > 32)
        return fail(csv, column_of(line, fields[4]), "layout has at most 32 characters");
    return STATUS_OK;
}

static enum status read_line(struct csv *csv, struct slice line)
{
    struct slice fields[COLUMNS];
    if (memchr(line.data, '"', line.size))
        return fail(csv, 1, "fields are written without quotes and commas");
    if (!cut_line(line, fields))
        return fail(csv, 1, "a line has 7 fields: " COLUMN_TITLES);
    struct catalog_entry *entry = arena_alloc(&csv->catalog->arena, sizeof *entry);
    if (!entry)
        return STATUS_NO_MEMORY;
    enum status status = check_fields(csv, line, fields, entry);
    if (status == STATUS_OK)
        status = read_list(csv, line, fields[5], &entry->r155_threat);
    if (status == STATUS_OK)
        status = read_list(csv, line, fields[6], &entry->atm_technique);
    if (status != STATUS_OK)
        return status;
    entry->name = fields[1];
    entry->category = fields[2];
    entry->layout = fields[4];
    csv->by_id[entry->sev_id] = entry;
    return STATUS_OK;
}

static enum status read_lines(struct csv *csv, struct slice text)
{
    bool titles_seen = false;
    for (size_t at = 0; at < text.size;) {
        const uint8_t *lf = memchr(text.data + at, '\n', text.size - at);
        size_t end = lf ? (size_t)(lf - text.data) : text.size;
        struct slice line = slice_trim(slice_sub(text, at, end - at));
        at = end + 1;
        csv->line++;
        if (!line.size || line.data[0] == '#')
            continue;
        enum status status = STATUS_OK;
        if (titles_seen)
            status = read_line(csv, line);
        else if (!slice_equal_text(line, COLUMN_TITLES))
            status = fail(csv, 1, "the first line must be: " COLUMN_TITLES);
        titles_seen = true;
        if (status != STATUS_OK)
            return status;
    }
    return titles_seen ? STATUS_OK : fail(csv, 1, "the first line must be: " COLUMN_TITLES);
}

enum status catalog_add_csv(struct catalog *catalog, struct slice csv_text,
                            struct catalog_error *error)
{
    struct slice text;
    struct csv csv = {.catalog = catalog, .error = error};
    *error = (struct catalog_error){.line = 1, .column = 1};
    if (slice_starts_with(csv_text, "\xEF\xBB\xBF"))
        csv_text = slice_sub(csv_text, 3, csv_text.size);
    if (text_check(csv_text) != STATUS_OK)
        return fail(&csv, 1, "file is not UTF-8 text");
    if (arena_copy(&catalog->arena, csv_text, &text) != STATUS_OK)
        return STATUS_NO_MEMORY;
    csv.by_id = calloc(ID_COUNT, sizeof *csv.by_id);
    if (!csv.by_id)
        return STATUS_NO_MEMORY;
    enum status status = read_lines(&csv, text);
    for (size_t id = 0; status == STATUS_OK && id < ID_COUNT; id++)
        if (csv.by_id[id])
            catalog->by_id[id] = csv.by_id[id];
    free(csv.by_id);
    return status;
}

struct catalog *catalog_create_builtin(void)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);
    struct catalog_error error;
    if (!catalog)
        return NULL;
    arena_init(&catalog->arena, MEMORY_LIMIT);
    if (catalog_add_csv(catalog, slice_make(catalog_autosar, catalog_autosar_size), &error) !=
        STATUS_OK) {
        catalog_destroy(catalog);
        return NULL;
    }
    return catalog;
}

void catalog_destroy(struct catalog *catalog)
{
    if (!catalog)
        return;
    arena_fini(&catalog->arena);
    free(catalog);
}

const struct catalog_entry *catalog_find(const struct catalog *catalog, int64_t sev_id)
{
    return sev_id >= 0 && sev_id < ID_COUNT ? catalog->by_id[sev_id] : NULL;
}
