/* catalog.h: data about event ids: name, category, severity, UN R155 and ATM ids, layout of the
 * context data. From data files (parsers/catalog/, docs/catalog.md). Immutable after creation;
 * thread: any. */
#ifndef VSOC_PARSERS_CATALOG_H
#define VSOC_PARSERS_CATALOG_H

#include "core/event.h"
#include "core/status.h"
#include "parsers/catalog/catalog_entry.h"
#include "parsers/registry/registry.h"

struct catalog;
/* A mistake in a file. */
struct catalog_mistake {
    size_t line, column; /* 1-based */
    char text[200];
};

#define CATALOG_MISTAKES 32

struct catalog_mistakes {
    struct catalog_mistake items[CATALOG_MISTAKES];
    size_t count; /* found in all; only the first are kept */
};

/* The catalogue built into the program. NULL: out of memory. */
struct catalog *catalog_create_builtin(void);
/* Adds a file's rows to the existing ones; a row of the same id and events replaces the earlier
 * file's. registry knows the formats. MALFORMED with every mistake in *mistakes; NO_MEMORY. After a
 * failure only catalog_destroy may be called. */
enum status catalog_add_csv(struct catalog *catalog, struct slice csv,
                            const struct registry *registry,
                            struct catalog_mistakes *mistakes) must_check;
void catalog_destroy(struct catalog *catalog);
/* Rows in force, built-in ones included. */
size_t catalog_count(const struct catalog *catalog);

/* The row for an id of a format that matches the event best, or NULL: rows of the tenant before
 * general ones; among them ecu, instance, software (exact, then the longest beginning) and
 * context_version count in this order. An event without a context version counts as version 1. */
const struct catalog_entry *catalog_find(const struct catalog *catalog, struct slice tenant,
                                         struct slice format, struct slice id,
                                         const struct event *event);
/* The same for event->sev_id. */
const struct catalog_entry *catalog_find_sev(const struct catalog *catalog, struct slice tenant,
                                             const struct event *event);
/* Does any tenant have a row of this format? */
bool catalog_has_format(const struct catalog *catalog, struct slice format);

#endif
