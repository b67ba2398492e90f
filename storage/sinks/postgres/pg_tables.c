/* pg_tables.c: the columns of the tables that a load fills, and the statements made from them. Any
 * thread. Does not talk to a server. */
#include "storage/sinks/postgres/pg_tables.h"

#include "core/event.h"

/* Columns of a table in the order in which its rows are written here. */
struct column {
    const char *name, *type;
};

static const struct column event_columns[] = {
#define EVENT_FIELD(name, kind, sql, origin, min, max, required, help) {#name, sql},
#include "core/event_fields.def"
#undef EVENT_FIELD
};

static const struct column quarantine_columns[] = {
    {"batch_uid", "uuid"}, {"batch_index", "int4"}, {"time_received", "timestamptz"},
    {"tenant_id", "text"}, {"source", "text"},      {"code", "text"},
    {"detail", "text"},    {"parser_name", "text"}, {"raw_offset", "int8"},
    {"raw_size", "int8"},  {"raw", "bytea"},
};

static const struct column batch_columns[] = {
    {"batch_uid", "uuid"},
    {"time_received", "timestamptz"},
    {"time_ingested", "timestamptz"},
    {"instance", "text"},
    {"spool_uid", "uuid"},
    {"position", "int8"},
    {"tenant_id", "text"},
    {"sender", "text"},
    {"transport_identity", "text"},
    {"content_type", "text"},
    {"content_encoding", "text"},
    {"format", "text"},
    {"parser_version", "text"},
    {"idempotency_key", "text"},
    {"traceparent", "text"},
    {"batch_key", "bytea"},
    {"body_bytes", "int8"},
    {"inflated_bytes", "int8"},
    {"accepted", "int8"},
    {"duplicates", "int8"},
    {"quarantined", "int8"},
    {"body_digest", "bytea"},
    {"chain_hash", "bytea"},
    {"body_commitment", "bytea"},
    {"leaf_index", "int8"},
};

static const struct table {
    const char *name, *stage, *key;
    const struct column *columns;
    size_t count;
} tables[PG_TABLE_COUNT] = {
    [PG_TABLE_EVENTS] = {"vsoc.events", "pg_temp.stage_events", "time_received, event_uid",
                         event_columns, EVENT_FIELD_COUNT},
    [PG_TABLE_QUARANTINE] = {"vsoc.quarantine", "pg_temp.stage_quarantine",
                             "batch_uid, batch_index, time_received", quarantine_columns,
                             sizeof quarantine_columns / sizeof *quarantine_columns},
    [PG_TABLE_BATCHES] = {"vsoc.batches", "pg_temp.stage_batches", "batch_uid, time_received",
                          batch_columns, sizeof batch_columns / sizeof *batch_columns},
};

static void write_columns(struct writer *w, const struct table *t, bool types)
{
    for (size_t i = 0; i < t->count; i++)
        writer_format(w, "%s%s%s%s", i ? "," : "", t->columns[i].name, types ? " " : "",
                      types ? t->columns[i].type : "");
}

static void write_named(struct writer *w, const struct pg_columns *columns)
{
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++)
        if (pg_columns_have(columns, field))
            writer_format(w, "%s%s", columns->rank[field] ? "," : "", event_columns[field].name);
}

unsigned pg_table_columns(enum pg_table table)
{
    return (unsigned)tables[table].count;
}

void pg_table_write_copy(struct writer *w, enum pg_table table, bool staged,
                         const struct pg_columns *columns)
{
    const struct table *t = &tables[table];
    writer_reset(w);
    writer_format(w, "COPY %s (", staged ? t->stage : t->name);
    if (columns)
        write_named(w, columns);
    else
        write_columns(w, t, false);
    writer_text(w, ") FROM STDIN (FORMAT binary)");
    writer_u8(w, '\0');
}

void pg_table_write_stage(struct writer *w)
{
    writer_reset(w);
    for (const struct table *t = tables; t < tables + PG_TABLE_COUNT; t++) {
        writer_format(w, "CREATE TEMPORARY TABLE %s (", t->stage);
        write_columns(w, t, true);
        writer_text(w, ") ON COMMIT DROP;");
    }
    writer_u8(w, '\0');
}

static void write_unstage(struct writer *w, const struct table *t, bool keyless)
{
    writer_format(w, "INSERT INTO %s (", t->name);
    write_columns(w, t, false);
    writer_text(w, ") SELECT ");
    if (keyless)
        writer_format(w, "DISTINCT ON (%s) ", t->key);
    write_columns(w, t, false);
    writer_format(w, " FROM %s", t->stage);
    if (keyless)
        writer_format(w,
                      " AS s WHERE NOT EXISTS (SELECT FROM %s AS e WHERE e.time_received = "
                      "s.time_received AND e.event_uid = s.event_uid)",
                      t->name);
    else
        /* Only on our key: a refusal by another unique index of the table must be reported. */
        writer_format(w, " ON CONFLICT (%s) DO NOTHING", t->key);
}

static bool is_keyless(enum pg_table table, bool keyless)
{
    return keyless && table == PG_TABLE_EVENTS;
}

void pg_table_write_unstage(struct writer *w, bool keyless)
{
    writer_reset(w);
    for (enum pg_table table = 0; table < PG_TABLE_COUNT; table++) {
        write_unstage(w, &tables[table], is_keyless(table, keyless));
        writer_format(w, "; TRUNCATE %s;", tables[table].stage);
    }
    writer_u8(w, '\0');
}

void pg_table_write_missing(struct writer *w, enum pg_table table, bool put, bool keyless)
{
    const struct table *t = &tables[table];
    writer_reset(w);
    if (put) {
        writer_text(w, "WITH put AS (");
        write_unstage(w, t, is_keyless(table, keyless));
        writer_text(w, " RETURNING 1) SELECT count(*) FROM put");
    } else {
        writer_format(w,
                      "SELECT count(*) FROM (SELECT %s FROM %s EXCEPT SELECT %s FROM %s WHERE "
                      "time_received IN (SELECT time_received FROM %s)) AS missing",
                      t->key, t->stage, t->key, t->name, t->stage);
    }
    writer_u8(w, '\0');
}
