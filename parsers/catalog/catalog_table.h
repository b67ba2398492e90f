/* catalog_table.h: a catalogue under construction. Private to catalog*.c. */
#ifndef VSOC_PARSERS_CATALOG_TABLE_H
#define VSOC_PARSERS_CATALOG_TABLE_H

#include "core/arena.h"
#include "core/status.h"
#include "parsers/catalog/catalog_entry.h"

/* Limit of rows per id and tenant: they are searched linearly. */
#define CATALOG_ROWS_OF_ID 256
#define CATALOG_FORMATS    64
#define CATALOG_FORMAT_SEV SLICE_EMPTY

/* The id of a row of AUTOSAR's. */
#define CATALOG_SEV_BYTES 2

struct catalog_rows {
    struct catalog_entry *first; /* the row that matches more closely comes first */
    size_t count;
    struct catalog_rows *next; /* in the bucket */
    uint64_t hash;
};

struct catalog {
    struct arena arena; /* all entries and texts */
    struct catalog_rows **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    /* Rows of AUTOSAR's ids that hold for every tenant, by the two bytes of the id, so that an
     * event's id needs no hash. NULL: no such id begins with this byte. */
    struct catalog_rows **sev_pages[256];
    size_t id_count, row_count;
    struct slice formats[CATALOG_FORMATS];
    size_t format_count;
    bool has_tenants;
    unsigned files; /* read so far */
};

/* Adds a row in the arena. EXISTS with the line of the same file's other row in *line; TOO_MANY;
 * NO_MEMORY. */
enum status catalog_put(struct catalog *catalog, struct catalog_entry *entry,
                        size_t *line) must_check;
/* Rows of an id, or NULL. */
struct catalog_rows *catalog_rows_of(const struct catalog *catalog, struct slice tenant,
                                     struct slice format, struct slice id);

#endif
