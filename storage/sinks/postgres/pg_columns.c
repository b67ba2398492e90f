/* pg_columns.c: which columns of vsoc.events a COPY names. Any thread. Does not talk to a server.
 */
#include "storage/sinks/postgres/pg_columns.h"

#include <string.h>

/* A format that comes now and then keeps its columns; each column that comes back costs a COPY. */
#define RENEW_EACH 64 /* loads */

static void rank(struct pg_columns *c)
{
    c->count = 0;
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++) {
        c->rank[field] = (uint8_t)c->count;
        c->count += pg_columns_have(c, field);
    }
}

void pg_columns_all(struct pg_columns *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++)
        c->set[field / 64] |= UINT64_C(1) << (field % 64);
    memcpy(c->always, c->set, sizeof c->always);
    rank(c);
}

void pg_columns_init(struct pg_columns *c)
{
    memset(c, 0, sizeof *c);
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++)
        if (event_field_table[field].required)
            c->always[field / 64] |= UINT64_C(1) << (field % 64);
    memcpy(c->set, c->always, sizeof c->set);
    rank(c);
}

void pg_columns_keep(struct pg_columns *c, unsigned field)
{
    c->always[field / 64] |= UINT64_C(1) << (field % 64);
    c->set[field / 64] |= UINT64_C(1) << (field % 64);
    rank(c);
}

void pg_columns_add(struct pg_columns *c, const struct event *event)
{
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++)
        c->set[i] |= event->set[i];
    rank(c);
}

void pg_columns_renew(struct pg_columns *c)
{
    if (++c->loads < RENEW_EACH)
        return;
    c->loads = 0;
    for (unsigned i = 0; i < EVENT_SET_WORDS; i++) {
        c->set[i] = c->always[i] | c->used[i];
        c->used[i] = 0;
    }
    rank(c);
}
