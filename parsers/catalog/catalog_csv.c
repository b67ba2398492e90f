/* catalog_csv.c: a catalogue file → rows. Pure, any thread. Reports and skips a line with a
 * mistake, so that one run finds all mistakes. */
#include "parsers/catalog/catalog_table.h"
#include "parsers/catalog/catalog.h"
#include "parsers/catalog/category.h"
#include "parsers/catalog/context_layout.h"
#include "parsers/read/csv_line.h"
#include "parsers/fill/event_check.h"
#include "parsers/read/number.h"
#include "core/utf8.h"
#include "parsers/catalog/threat_ids.h"

#include <stdio.h>

#define SEV_ID_MAX     0xFFFE
#define COLUMNS_MAX    16
#define DESCRIBED_BY   "docs/catalog.md"
#define FORMAT_LAYOUT  "layout" /* rows that name layouts */
#define NOT_IN_LIST(x) "no such " x " id; " DESCRIBED_BY " says where they are listed"

struct csv {
    struct catalog *catalog;
    const struct registry *registry; /* NULL: formats are not checked */
    struct catalog_mistakes *mistakes;
    size_t line;
    signed char column_at[COLUMNS_MAX]; /* by place in the file: row of columns */
    size_t column_count;
    const struct csv_field *field;  /* being read */
    const struct csv_field *layout; /* of the row */
    enum status status;             /* NO_MEMORY ends the reading */
};

static bool wrong(struct csv *csv, size_t column, const char *text)
{
    struct catalog_mistakes *m = csv->mistakes;
    if (m->count < CATALOG_MISTAKES) {
        struct catalog_mistake *one = &m->items[m->count];
        *one = (struct catalog_mistake){.line = csv->line, .column = column};
        snprintf(one->text, sizeof one->text, "%s", text);
    }
    m->count++;
    return false;
}

/* The field being read is wrong. */
static bool wrong_field(struct csv *csv, const char *text)
{
    return wrong(csv, csv->field->column, text);
}

static bool starved(struct csv *csv)
{
    csv->status = STATUS_NO_MEMORY;
    return false;
}

/* ---- fields ---- */

static bool is_format(const struct csv *csv, struct slice name)
{
    return !name.size || slice_equal_text(name, CATALOG_ANY_FORMAT) ||
           slice_equal_text(name, FORMAT_LAYOUT) || !csv->registry ||
           registry_by_name(csv->registry, name);
}

static bool read_format(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->format = text;
    return is_format(csv, text) ||
           wrong_field(csv, "no such format; `vsocd formats` lists them, empty is AUTOSAR's ids");
}

static bool read_id(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    int64_t number;
    e->id = text;
    if (e->format.size)
        return (text.size >= 1 && text.size <= 256) ||
               wrong_field(csv, "id must have 1 to 256 bytes");
    uint8_t *bytes = arena_alloc(&csv->catalog->arena, CATALOG_SEV_BYTES);
    if (!bytes)
        return starved(csv);
    if (!number_read(text, SEV_ID_MAX, &number))
        return wrong_field(csv, "without a format, id is a sev_id: 0 to 65534 (0xFFFE)");
    bytes[0] = (uint8_t)(number >> 8);
    bytes[1] = (uint8_t)number;
    e->id = slice_make(bytes, CATALOG_SEV_BYTES);
    return true;
}

static bool read_name(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->name = text;
    return text.size <= 256 || wrong_field(csv, "name has at most 256 bytes");
}

#define MESSAGE_MAX 1024

static bool read_message(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->message = text;
    return text.size <= MESSAGE_MAX || wrong_field(csv, "message has at most 1024 bytes");
}

static bool read_category(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->category = text;
    return !text.size || category_is_known(text) ||
           wrong_field(csv, "no such category; docs/formats.md lists them");
}

static bool read_severity(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    bool good = !text.size || (number_read(text, 99, &e->severity_id) &&
                               (e->severity_id <= 6 || e->severity_id == 99));
    return good || wrong_field(csv, "severity must be 0 to 6 or 99 (OCSF)");
}

/* Ids between blanks. */
static bool read_list(struct csv *csv, struct slice text, struct slice_list *list,
                      bool (*is_known)(struct slice id), const char *unknown)
{
    size_t count = 0, start = 0;
    struct slice *items = arena_alloc(&csv->catalog->arena, (text.size / 2 + 1) * sizeof *items);
    if (!items)
        return starved(csv);
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != ' ')
            continue;
        struct slice id = slice_make(text.data + start, i - start);
        start = i + 1;
        if (id.size && !is_known(id))
            return wrong_field(csv, unknown);
        if (id.size)
            items[count++] = id;
    }
    *list = (struct slice_list){items, count};
    return count <= EVENT_CHECK_LIST_MAX || wrong_field(csv, "a list has at most 64 ids");
}

static bool read_r155(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    return read_list(csv, text, &e->r155_threat, threat_id_is_r155, NOT_IN_LIST("UN R155 Annex 5"));
}

static bool read_atm(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    return read_list(csv, text, &e->atm_technique, threat_id_is_atm, NOT_IN_LIST("ATM technique"));
}

static bool read_layout(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    (void)text;
    (void)e;
    csv->layout = csv->field; /* means something only with the rest of the row */
    return true;
}

static bool read_tenant(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->tenant = text;
    return text.size <= 128 || wrong_field(csv, "tenant has at most 128 bytes");
}

static bool read_ecu(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->ecu = text;
    return text.size <= 128 || wrong_field(csv, "ecu has at most 128 bytes");
}

static bool read_instance(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    return !text.size || number_read(text, 1023, &e->instance) ||
           wrong_field(csv, "instance must be 0 to 1023");
}

static bool read_software(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    e->software_begins = text.size && text.data[text.size - 1] == '*';
    e->software = slice_sub(text, 0, text.size - e->software_begins);
    return (text.size <= 256 && (e->software.size || !e->software_begins)) ||
           wrong_field(csv, "software is a baseline of at most 256 bytes, or its beginning and *");
}

static bool read_context_version(struct csv *csv, struct slice text, struct catalog_entry *e)
{
    return !text.size || number_read(text, INT16_MAX, &e->context_version) ||
           wrong_field(csv, "context_version must be 0 to 32767");
}

/* Columns are read in this order, whatever their order in the file: format first. */
static const struct {
    const char *title;
    bool (*read)(struct csv *csv, struct slice text, struct catalog_entry *entry);
} columns[] = {
    {"format", read_format},
    {"id", read_id},
    {"name", read_name},
    {"category", read_category},
    {"severity", read_severity},
    {"layout", read_layout},
    {"r155", read_r155},
    {"atm", read_atm},
    {"tenant", read_tenant},
    {"ecu", read_ecu},
    {"instance", read_instance},
    {"software", read_software},
    {"context_version", read_context_version},
    {"message", read_message},
};

#define COLUMN_COUNT (sizeof columns / sizeof *columns)
#define COLUMN_ID    1
#define TITLES_MUST                                                                                \
    "the first line must name columns, id among them: format id name category severity layout "    \
    "r155 atm tenant ecu instance software context_version message"

/* ---- layouts ---- */

/* A name refers to the layout that an earlier row defines. */
static bool find_layout(struct csv *csv, struct slice name, struct catalog_entry *e)
{
    const struct catalog_rows *rows =
        catalog_rows_of(csv->catalog, SLICE_EMPTY, SLICE_LITERAL(FORMAT_LAYOUT), name);
    if (!rows)
        return wrong(csv, csv->layout->column, "no layout row before this one has this name");
    e->layout = rows->first->layout;
    return true;
}

static bool define_layout(struct csv *csv, struct slice text, int64_t version,
                          struct catalog_entry *e)
{
    struct context_layout_problem problem;
    enum status status =
        context_layout_read(&csv->catalog->arena, text, version, &e->layout, &problem);
    if (status == STATUS_NO_MEMORY)
        return starved(csv);
    return status == STATUS_OK || wrong(csv, csv->layout->column + problem.offset, problem.detail);
}

static bool take_layout(struct csv *csv, struct catalog_entry *e)
{
    struct slice text = csv->layout ? csv->layout->text : SLICE_EMPTY;
    bool names_it = slice_equal_text(e->format, FORMAT_LAYOUT);
    if (!text.size)
        return !names_it || wrong(csv, 1, "a row of the format layout needs a layout");
    if (!names_it && !memchr(text.data, ':', text.size))
        return find_layout(csv, text, e);
    int64_t version = names_it ? e->context_version : -1;
    if (names_it)
        e->context_version = -1; /* it is the layout's */
    return define_layout(csv, text, version, e);
}

/* ---- rows ---- */

static bool says_something(struct csv *csv, const struct catalog_entry *e)
{
    bool says_all = e->name.size && e->category.size && e->severity_id >= 0;
    bool says_any = e->name.size || e->category.size || e->severity_id >= 0 ||
                    e->r155_threat.count || e->atm_technique.count || e->layout || e->message.size;
    bool selects = e->tenant.size || e->ecu.size || e->instance >= 0 || e->software.size;
    if (!e->format.size)
        return says_all || wrong(csv, 1, "a sev_id needs name, category and severity");
    if (slice_equal_text(e->format, FORMAT_LAYOUT) &&
        (selects || e->name.size || e->message.size || e->category.size || e->severity_id >= 0 ||
         e->r155_threat.count || e->atm_technique.count))
        return wrong(csv, 1, "a layout row has id, layout and context_version only");
    return says_any || wrong(csv, 1, "the row says nothing of its id");
}

static bool read_fields(struct csv *csv, const struct csv_field *fields, struct catalog_entry *e)
{
    bool good = true;
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        for (size_t i = 0; i < csv->column_count; i++) {
            if (csv->column_at[i] != (signed char)c)
                continue;
            csv->field = &fields[i];
            good &= columns[c].read(csv, fields[i].text, e);
        }
    return good;
}

static bool put(struct csv *csv, struct catalog_entry *e)
{
    size_t line = 0;
    char text[64];
    switch (catalog_put(csv->catalog, e, &line)) {
    case STATUS_OK:
        return true;
    case STATUS_EXISTS:
        snprintf(text, sizeof text, "line %zu says the same id for the same events", line);
        return wrong(csv, 1, text);
    case STATUS_TOO_MANY:
        return wrong(csv, 1, "an id has at most 256 rows, a catalogue 64 formats");
    default:
        return starved(csv);
    }
}

static void read_row(struct csv *csv, const struct csv_field *fields)
{
    struct catalog_entry *e = arena_alloc(&csv->catalog->arena, sizeof *e);
    if (!e) {
        starved(csv);
        return;
    }
    *e = (struct catalog_entry){.instance = -1,
                                .context_version = -1,
                                .severity_id = -1,
                                .file = csv->catalog->files,
                                .line = csv->line};
    csv->layout = NULL;
    if (read_fields(csv, fields, e) && take_layout(csv, e) && says_something(csv, e))
        (void)put(csv, e);
}

/* ---- lines ---- */

static bool read_title(struct csv *csv, const struct csv_field *field)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        if (!slice_equal_text(field->text, columns[c].title))
            continue;
        for (size_t i = 0; i < csv->column_count; i++)
            if (csv->column_at[i] == (signed char)c)
                return wrong(csv, field->column, "the column occurs twice");
        csv->column_at[csv->column_count++] = (signed char)c;
        return true;
    }
    return wrong(csv, field->column, TITLES_MUST);
}

static bool read_titles(struct csv *csv, const struct csv_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!read_title(csv, &fields[i]))
            return false;
    for (size_t i = 0; i < count; i++)
        if (csv->column_at[i] == COLUMN_ID)
            return true;
    return wrong(csv, 1, TITLES_MUST);
}

/* False: the rest can't be read. */
static bool read_line(struct csv *csv, uint8_t *line, size_t size)
{
    struct csv_field fields[COLUMNS_MAX];
    struct csv_problem problem;
    size_t count;
    char text[64];
    if (utf8_check(slice_make(line, size)) != STATUS_OK)
        return wrong(csv, 1, "the line is not UTF-8 text") || csv->column_count;
    if (!csv_line_split(line, size, fields, COLUMNS_MAX, &count, &problem))
        return wrong(csv, problem.column, problem.detail) || csv->column_count;
    if (!csv->column_count)
        return read_titles(csv, fields, count < COLUMNS_MAX ? count : COLUMNS_MAX);
    if (count == csv->column_count) {
        read_row(csv, fields);
    } else {
        snprintf(text, sizeof text, "the line has %zu fields, the first one %zu", count,
                 csv->column_count);
        (void)wrong(csv, 1, text);
    }
    return csv->status == STATUS_OK;
}

static void read_lines(struct csv *csv, uint8_t *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *lf = memchr(text + at, '\n', size - at);
        size_t start = at, end = lf ? (size_t)(lf - text) : size;
        at = end + 1;
        csv->line++;
        if (end > start && text[end - 1] == '\r')
            end--;
        bool is_blank = !slice_trim(slice_make(text + start, end - start)).size;
        if (!is_blank && text[start] != '#' && !read_line(csv, text + start, end - start))
            return;
    }
    if (csv->column_count)
        return;
    csv->line += !csv->line; /* a file without a line */
    (void)wrong(csv, 1, TITLES_MUST);
}

enum status catalog_add_csv(struct catalog *catalog, struct slice csv_text,
                            const struct registry *registry, struct catalog_mistakes *mistakes)
{
    struct csv csv = {.catalog = catalog, .registry = registry, .mistakes = mistakes};
    struct slice text;
    mistakes->count = 0;
    catalog->files++;
    if (slice_starts_with(csv_text, "\xEF\xBB\xBF"))
        csv_text = slice_sub(csv_text, 3, csv_text.size);
    if (arena_copy(&catalog->arena, csv_text, &text) != STATUS_OK)
        return STATUS_NO_MEMORY;
    read_lines(&csv, (uint8_t *)(uintptr_t)text.data, text.size);
    if (csv.status != STATUS_OK)
        return csv.status;
    return mistakes->count ? STATUS_MALFORMED : STATUS_OK;
}
