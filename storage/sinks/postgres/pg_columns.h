/* pg_columns.h: the columns of vsoc.events that a COPY names. An event sets about half of them, and
 * PostgreSQL spends 20 ns on each NULL that a row sends: columns that no event of recent loads has
 * set are left out, and are NULL all the same. Thread: any, one owner. */
#ifndef VSOC_STORAGE_PG_COLUMNS_H
#define VSOC_STORAGE_PG_COLUMNS_H

#include "core/event.h"

/* In the order of event_fields.def. */
struct pg_columns {
    uint64_t set[EVENT_SET_WORDS];    /* bit n: field n has a column */
    uint64_t always[EVENT_SET_WORDS]; /* of these: never left out */
    uint64_t used[EVENT_SET_WORDS];   /* set by an event since the last renewal */
    unsigned count;                   /* of set */
    unsigned loads;                   /* since the last renewal */
    uint8_t rank[EVENT_FIELD_COUNT];  /* place of a column in the row, from 0 */
};

/* All columns. */
void pg_columns_all(struct pg_columns *c);
/* Those that may not be NULL; pg_columns_add makes them more. */
void pg_columns_init(struct pg_columns *c);
/* The column is never left out: it has a default, and an event without a value has NULL there. */
void pg_columns_keep(struct pg_columns *c, unsigned field);
/* Adds columns for what the event sets. */
void pg_columns_add(struct pg_columns *c, const struct event *event);
/* After a load: now and then, forgets columns that no event has set since the last time. */
void pg_columns_renew(struct pg_columns *c);

/* There is a column for everything that the event sets. Notes what it sets. */
static inline bool pg_columns_fit(struct pg_columns *c, const struct event *event)
{
    uint64_t missing = 0;
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++) {
        c->used[i] |= event->set[i];
        missing |= event->set[i] & ~c->set[i];
    }
    return missing == 0;
}

static inline bool pg_columns_have(const struct pg_columns *c, unsigned field)
{
    return c->set[field / 64] >> (field % 64) & 1;
}

#endif
