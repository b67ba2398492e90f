/* catalog_unknown.h: the most frequent ids that are not in the catalogue, in bounded memory
 * (space-saving: Metwally, Agrawal, El Abbadi 2005). One table per worker: only a reader of the
 * page competes for its lock. Thread: any. */
#ifndef VSOC_PARSERS_CATALOG_UNKNOWN_H
#define VSOC_PARSERS_CATALOG_UNKNOWN_H

#include "core/slice.h"
#include "core/status.h"

/* Ids a table keeps; any other id occurred at most total / CATALOG_UNKNOWN_IDS times. */
#define CATALOG_UNKNOWN_IDS 256
/* Bytes kept of each. */
#define CATALOG_UNKNOWN_TENANT 128
#define CATALOG_UNKNOWN_FORMAT 64
#define CATALOG_UNKNOWN_ID     256

struct catalog_unknown;

/* NULL: out of memory. */
struct catalog_unknown *catalog_unknown_create(void);
void catalog_unknown_destroy(struct catalog_unknown *unknown);
/* Counts one event. format empty: id is a sev_id. Longer texts are cut at a character's end. */
void catalog_unknown_count(struct catalog_unknown *unknown, struct slice tenant,
                           struct slice format, struct slice id);
/* Forgets all, for another catalogue. */
void catalog_unknown_reset(struct catalog_unknown *unknown);

/* Events counted since the last reset. */
uint64_t catalog_unknown_total(struct catalog_unknown *unknown);

struct catalog_unknown_item {
    struct slice tenant, format, id;
    uint64_t count; /* upper bound of its number of events */
    uint64_t error; /* maximum overestimate of the count */
};

struct catalog_unknown_list {
    struct catalog_unknown_item *items; /* the most frequent first */
    size_t count;
    uint64_t total;          /* events without a row */
    uint64_t others_at_most; /* upper bound of the count of any id that is not listed */
    void *memory;            /* what items point into */
};

/* Adds up the tables and returns the CATALOG_UNKNOWN_IDS most frequent ids. The caller frees *out
 * with catalog_unknown_list_fini; NO_MEMORY leaves it. */
enum status catalog_unknown_list(struct catalog_unknown *const *tables, size_t table_count,
                                 struct catalog_unknown_list *out) must_check;
void catalog_unknown_list_fini(struct catalog_unknown_list *list);

#endif
