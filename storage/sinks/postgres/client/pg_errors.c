/* pg_errors.c: SQLSTATE → class and advice, one table. Any thread. Does not retry: the runner
 * does. */
#include "storage/sinks/postgres/client/pg_errors.h"

#include <stddef.h>
#include <string.h>

/* The first row whose prefix matches applies: exact states come before their class. */
static const struct error_row {
    const char *prefix;
    enum pg_error_class class;
    const char *advice;
} error_rows[] = {
    {"08P01", PG_ERROR_BROKEN,
     "this is not a PostgreSQL server, or a proxy in between changes the protocol"},
    {"08", PG_ERROR_LATER, NULL},
    {"0A", PG_ERROR_BROKEN, "the server does not support this: use PostgreSQL 15 or newer"},
    {"22", PG_ERROR_DATA, NULL},
    {"23", PG_ERROR_DATA, NULL},
    {"25006", PG_ERROR_LATER,
     "the server is read-only: name several hosts in the dsn, and the sink finds the writable one"},
    {"25", PG_ERROR_LATER, NULL},
    {"28", PG_ERROR_BROKEN,
     "check user, password and certificate in sinks.postgres.dsn, and pg_hba.conf"},
    {"3D", PG_ERROR_BROKEN, "create the database, or name another one in sinks.postgres.dsn"},
    {"3F", PG_ERROR_BROKEN, "run `vsocd migrate`"},
    {"40", PG_ERROR_LATER, NULL},
    {"42501", PG_ERROR_BROKEN,
     "the login lacks a right: run `vsocd migrate` as the owner, and use the role vsoc_ingest"},
    {"42P01", PG_ERROR_BROKEN,
     "run `vsocd migrate`; if it has nothing to do, somebody removed the table: restore it"},
    {"42703", PG_ERROR_BROKEN,
     "somebody removed or renamed a column of the schema vsoc: restore it"},
    {"42883", PG_ERROR_BROKEN,
     "run `vsocd migrate`; if it has nothing to do, somebody removed the function: restore it"},
    {"42P06", PG_ERROR_BROKEN, "rename the object that has the name, or run this again"},
    {"42P07", PG_ERROR_BROKEN, "rename or remove the table that has the name of a new one"},
    {"42710", PG_ERROR_BROKEN, "rename or remove the object that has the name of a new one"},
    {"42P17", PG_ERROR_BROKEN,
     "a manually created partition covers a part of the day: detach it, or let it cover whole "
     "days"},
    {"42", PG_ERROR_BROKEN,
     "run `vsocd migrate`; if it has nothing to do, somebody changed the schema vsoc: undo the "
     "change"},
    {"53100", PG_ERROR_LATER, "the database's disk is full: free space"},
    {"53300", PG_ERROR_LATER, "the server has no connection left: raise max_connections"},
    {"53", PG_ERROR_LATER, NULL},
    {"54", PG_ERROR_DATA, NULL},  /* a value is too large for the database */
    {"55", PG_ERROR_LATER, NULL}, /* locks, objects in use */
    {"57", PG_ERROR_LATER, NULL}, /* cancelled, shutting down, starting up, failing over */
    {"58", PG_ERROR_LATER, "the database's system has an input or output error: check its log"},
    {"P0001", PG_ERROR_DATA, NULL}, /* raised by a trigger of the operator */
    {"VSD03", PG_ERROR_BROKEN,
     "let one role that is no superuser and has no BYPASSRLS, as vsoc_owner, own the schema vsoc "
     "and all its tables, views and functions"},
    {"VSD04", PG_ERROR_BROKEN,
     "for vsoc.tenant_events, tenant_batches and tenant_quarantine: ALTER TABLE … ENABLE ROW LEVEL "
     "SECURITY, FORCE ROW LEVEL SECURITY"},
    {"VSD", PG_ERROR_BROKEN,
     "check the clock of the server that received the batch; if the day is right, the owner of the "
     "schema creates its partition: SELECT vsoc.ensure_odd_partition('DAY')"},
    {"XX", PG_ERROR_BROKEN, "the database has an internal error: check its log"},
};

static const struct error_row *error_find(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof error_rows / sizeof *error_rows; i++)
        if (strncmp(sqlstate, error_rows[i].prefix, strlen(error_rows[i].prefix)) == 0)
            return &error_rows[i];
    return NULL;
}

enum pg_error_class pg_error_classify(const char *sqlstate)
{
    if (!sqlstate || !*sqlstate)
        return PG_ERROR_LATER;
    const struct error_row *row = error_find(sqlstate);
    return row ? row->class : PG_ERROR_BROKEN;
}

const char *pg_error_advice(const char *sqlstate)
{
    const struct error_row *row = sqlstate && *sqlstate ? error_find(sqlstate) : NULL;
    return row ? row->advice : NULL;
}

bool pg_error_no_partition(const struct pg_error *error)
{
    return strcmp(error->sqlstate, "23514") == 0 && error->constraint[0] == '\0';
}

bool pg_error_own_key(const struct pg_error *error)
{
    static const char suffix[] = "_pkey";
    size_t size = strlen(error->constraint), end = sizeof suffix - 1;
    return strcmp(error->sqlstate, "23505") == 0 && size > end &&
           strcmp(error->constraint + size - end, suffix) == 0;
}
