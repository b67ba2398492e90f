/* catalog.h: event id → name, category, severity, UN R155 and ATM ids, from data files
 * (parsers/catalog/). Immutable after creation; thread: any. */
#ifndef VSOC_PARSERS_CATALOG_H
#define VSOC_PARSERS_CATALOG_H

#include "core/slice.h"
#include "core/status.h"

struct catalog;

struct catalog_entry {
    int64_t sev_id;
    struct slice name;
    struct slice category;
    int64_t severity_id;
    struct slice layout; /* name of the context data layout, may be empty */
    struct slice_list r155_threat, atm_technique;
};

/* Line and column (1-based) of a mistake in a catalogue file. */
struct catalog_error {
    size_t line, column;
    char detail[160];
};

/* The catalogue built into the program. NULL when memory is out. */
struct catalog *catalog_create_builtin(void);
/* Adds entries from CSV text (header line: sev_id,name,category,severity,layout,r155,atm; lists
 * separated by spaces); an id that is there already is replaced. MALFORMED with *error. On failure
 * the catalogue is unchanged. */
enum status catalog_add_csv(struct catalog *catalog, struct slice csv,
                            struct catalog_error *error) must_check;
void catalog_destroy(struct catalog *catalog);
/* Entry of an id, or NULL. */
const struct catalog_entry *catalog_find(const struct catalog *catalog, int64_t sev_id);

#endif
