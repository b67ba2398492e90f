/* catalog.c: the table of event ids. Immutable once built, any thread reads. Does no file I/O: the
 * built-in files are part of the program. */
#include "parsers/catalog/catalog.h"
#include "parsers/catalog/catalog_table.h"
#include "core/hash.h"

#include <stdlib.h>

#define MEMORY_LIMIT ((size_t)256 << 20)
#define HASH_SPREAD  UINT64_C(0xd1b54a32d192ed03) /* many bits, for tenants without a name */

extern const uint8_t catalog_layouts[], catalog_autosar[], catalog_formats[];
extern const size_t catalog_layouts_size, catalog_autosar_size, catalog_formats_size;

/* ---- ids ---- */

/* Senders of ids add nothing to the table, which holds only the operator's rows: the seed need not
 * be secret. */
static uint64_t hash_of(struct slice tenant, struct slice format, struct slice id)
{
    struct slice_ends t = slice_ends_of(tenant), f = slice_ends_of(format);
    const uint64_t seed[2] = {f.head ^ f.tail << 1, t.head ^ t.tail << 1 ^ HASH_SPREAD};
    return hash_keyed(seed, id);
}

struct catalog_rows *catalog_rows_of(const struct catalog *catalog, struct slice tenant,
                                     struct slice format, struct slice id)
{
    if (!catalog->bucket_count)
        return NULL;
    uint64_t hash = hash_of(tenant, format, id);
    struct catalog_rows *rows = catalog->buckets[hash & (catalog->bucket_count - 1)];
    while (rows &&
           !(rows->hash == hash && slice_equal(rows->first->id, id) &&
             slice_equal(rows->first->format, format) && slice_equal(rows->first->tenant, tenant)))
        rows = rows->next;
    return rows;
}

static bool grow(struct catalog *catalog)
{
    size_t count = catalog->bucket_count ? catalog->bucket_count * 2 : 256;
    struct catalog_rows **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return false;
    for (size_t i = 0; i < catalog->bucket_count; i++)
        for (struct catalog_rows *rows = catalog->buckets[i], *next; rows; rows = next) {
            struct catalog_rows **bucket = &buckets[rows->hash & (count - 1)];
            next = rows->next;
            rows->next = *bucket;
            *bucket = rows;
        }
    free(catalog->buckets);
    catalog->buckets = buckets;
    catalog->bucket_count = count;
    return true;
}

static bool is_sev_of_all(struct slice tenant, struct slice format, struct slice id)
{
    return !tenant.size && !format.size && id.size == CATALOG_SEV_BYTES;
}

static bool add_sev(struct catalog *catalog, struct slice id, struct catalog_rows *rows)
{
    struct catalog_rows ***page = &catalog->sev_pages[id.data[0]];
    size_t size = 256 * sizeof **page;
    if (!*page) {
        *page = arena_alloc(&catalog->arena, size);
        if (!*page)
            return false;
        memset(*page, 0, size);
    }
    (*page)[id.data[1]] = rows;
    return true;
}

/* The id has no row yet. */
static enum status add_id(struct catalog *catalog, struct catalog_entry *entry)
{
    struct catalog_rows *rows = arena_alloc(&catalog->arena, sizeof *rows);
    if (!rows || (catalog->id_count >= catalog->bucket_count && !grow(catalog)))
        return STATUS_NO_MEMORY;
    if (is_sev_of_all(entry->tenant, entry->format, entry->id) &&
        !add_sev(catalog, entry->id, rows))
        return STATUS_NO_MEMORY;
    rows->hash = hash_of(entry->tenant, entry->format, entry->id);
    rows->first = entry;
    rows->count = 1;
    struct catalog_rows **bucket = &catalog->buckets[rows->hash & (catalog->bucket_count - 1)];
    rows->next = *bucket;
    *bucket = rows;
    catalog->id_count++;
    catalog->row_count++;
    return STATUS_OK;
}

/* ---- rows of an id ---- */

static bool same_events(const struct catalog_entry *a, const struct catalog_entry *b)
{
    return a->instance == b->instance && a->context_version == b->context_version &&
           a->software_begins == b->software_begins && slice_equal(a->ecu, b->ecu) &&
           slice_equal(a->software, b->software);
}

/* Does a precede b? */
static bool fits_closer(const struct catalog_entry *a, const struct catalog_entry *b)
{
    if (!a->ecu.size != !b->ecu.size)
        return a->ecu.size > 0;
    if ((a->instance < 0) != (b->instance < 0))
        return a->instance >= 0;
    if (!a->software.size != !b->software.size)
        return a->software.size > 0;
    if (a->software_begins != b->software_begins)
        return b->software_begins;
    if (a->software_begins && a->software.size != b->software.size)
        return a->software.size > b->software.size;
    return a->context_version >= 0 && b->context_version < 0;
}

static bool is_of(const struct catalog_entry *row, const struct event *event)
{
    if (row->ecu.size && !(EVENT_HAS(event, ecu_id) && slice_equal(row->ecu, event->ecu_id)))
        return false;
    if (row->instance >= 0 &&
        !(EVENT_HAS(event, idsm_instance_id) && row->instance == event->idsm_instance_id))
        return false;
    if (row->software.size) {
        if (!EVENT_HAS(event, sw_baseline) || event->sw_baseline.size < row->software.size)
            return false;
        size_t size = row->software_begins ? row->software.size : event->sw_baseline.size;
        if (!slice_equal(row->software, slice_sub(event->sw_baseline, 0, size)))
            return false;
    }
    int64_t version = EVENT_HAS(event, context_version) ? event->context_version : 1;
    return row->context_version < 0 || row->context_version == version;
}

static enum status add_row(struct catalog *catalog, struct catalog_rows *rows,
                           struct catalog_entry *entry, size_t *line)
{
    struct catalog_entry **place = &rows->first;
    for (struct catalog_entry **at = &rows->first; *at; at = &(*at)->next) {
        if (same_events(*at, entry)) {
            *line = (*at)->line;
            if ((*at)->file == entry->file)
                return STATUS_EXISTS;
            entry->next = (*at)->next;
            *at = entry;
            return STATUS_OK;
        }
        if (!fits_closer(entry, *at))
            place = &(*at)->next;
    }
    if (rows->count == CATALOG_ROWS_OF_ID)
        return STATUS_TOO_MANY;
    entry->next = *place;
    *place = entry;
    rows->count++;
    catalog->row_count++;
    return STATUS_OK;
}

static bool note_format(struct catalog *catalog, struct slice format)
{
    if (catalog_has_format(catalog, format))
        return true;
    if (catalog->format_count == CATALOG_FORMATS)
        return false;
    catalog->formats[catalog->format_count++] = format;
    return true;
}

enum status catalog_put(struct catalog *catalog, struct catalog_entry *entry, size_t *line)
{
    struct catalog_rows *rows = catalog_rows_of(catalog, entry->tenant, entry->format, entry->id);
    entry->next = NULL;
    catalog->has_tenants |= entry->tenant.size > 0;
    if (!note_format(catalog, entry->format))
        return STATUS_TOO_MANY;
    return rows ? add_row(catalog, rows, entry, line) : add_id(catalog, entry);
}

/* ---- look-up ---- */

static const struct catalog_entry *row_for(const struct catalog_rows *rows,
                                           const struct event *event)
{
    const struct catalog_entry *row = rows ? rows->first : NULL;
    while (row && !is_of(row, event))
        row = row->next;
    return row;
}

static const struct catalog_entry *find(const struct catalog *catalog, struct slice tenant,
                                        struct slice format, struct slice id,
                                        const struct event *event)
{
    return row_for(catalog_rows_of(catalog, tenant, format, id), event);
}

const struct catalog_entry *catalog_find(const struct catalog *catalog, struct slice tenant,
                                         struct slice format, struct slice id,
                                         const struct event *event)
{
    const struct catalog_entry *row = NULL;
    if (catalog->has_tenants && tenant.size)
        row = find(catalog, tenant, format, id, event);
    return row ? row : find(catalog, SLICE_EMPTY, format, id, event);
}

const struct catalog_entry *catalog_find_sev(const struct catalog *catalog, struct slice tenant,
                                             const struct event *event)
{
    const uint8_t id[CATALOG_SEV_BYTES] = {(uint8_t)(event->sev_id >> 8), (uint8_t)event->sev_id};
    const struct catalog_entry *row = NULL;
    if (catalog->has_tenants && tenant.size)
        row = find(catalog, tenant, CATALOG_FORMAT_SEV, slice_make(id, sizeof id), event);
    struct catalog_rows *const *page = catalog->sev_pages[id[0]];
    return row ? row : row_for(page ? page[id[1]] : NULL, event);
}

bool catalog_has_format(const struct catalog *catalog, struct slice format)
{
    for (size_t i = 0; i < catalog->format_count; i++)
        if (slice_equal(catalog->formats[i], format))
            return true;
    return false;
}

size_t catalog_count(const struct catalog *catalog)
{
    return catalog->row_count;
}

/* ---- life ---- */

struct catalog *catalog_create_builtin(void)
{
    struct catalog_mistakes mistakes;
    const struct slice files[] = {slice_make(catalog_layouts, catalog_layouts_size),
                                  slice_make(catalog_autosar, catalog_autosar_size),
                                  slice_make(catalog_formats, catalog_formats_size)};
    struct catalog *catalog = calloc(1, sizeof *catalog);
    if (!catalog)
        return NULL;
    arena_init(&catalog->arena, MEMORY_LIMIT);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (catalog_add_csv(catalog, files[i], NULL, &mistakes) != STATUS_OK) {
            catalog_destroy(catalog);
            return NULL;
        }
    return catalog;
}

void catalog_destroy(struct catalog *catalog)
{
    if (!catalog)
        return;
    free(catalog->buckets);
    arena_fini(&catalog->arena);
    free(catalog);
}
