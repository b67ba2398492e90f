/* seal_table.c: see seal_table.h. Works on memory alone. Does not compute commitments. */
#include "storage/spool/seal/seal_table.h"

#include <stdlib.h>

#include "core/reader.h"

#define HEAD_BYTES 8
#define ROW_BYTES  48
#define RUN_BYTES  8

void seal_table_fini(struct seal_table *table)
{
    free(table->rows);
    free(table->run);
    free(table->order);
    free(table->first);
    *table = (struct seal_table){0};
}

static bool grow(void **items, size_t count, size_t size)
{
    void *grown = reallocarray(*items, count ? count : 1, size);
    if (grown)
        *items = grown;
    return grown != NULL;
}

enum status seal_table_reset(struct seal_table *table, size_t parts, size_t runs)
{
    table->parts = table->runs = 0;
    if (parts > table->row_room) {
        table->row_room = 0;
        if (!grow((void **)&table->rows, parts, sizeof *table->rows) ||
            !grow((void **)&table->first, parts + 1, sizeof *table->first))
            return STATUS_NO_MEMORY;
        table->row_room = parts;
    }
    if (runs > table->run_room) {
        table->run_room = 0;
        if (!grow((void **)&table->run, runs, sizeof *table->run) ||
            !grow((void **)&table->order, runs, sizeof *table->order))
            return STATUS_NO_MEMORY;
        table->run_room = runs;
    }
    table->parts = parts;
    table->runs = runs;
    if (parts)
        memset(table->rows, 0, parts * sizeof *table->rows);
    return STATUS_OK;
}

/* Sorts the runs by part: counts, sums, places. */
bool seal_table_index(struct seal_table *t)
{
    if (!t->parts)
        return false;
    memset(t->first, 0, (t->parts + 1) * sizeof *t->first);
    for (size_t i = 0; i < t->runs; i++) {
        if (t->run[i].part >= t->parts)
            return false;
        t->first[t->run[i].part + 1]++;
    }
    for (size_t p = 0; p < t->parts; p++)
        t->first[p + 1] += t->first[p];
    for (size_t i = 0; i < t->runs; i++)
        t->order[t->first[t->run[i].part]++] = (uint32_t)i;
    for (size_t p = t->parts; p > 0; p--)
        t->first[p] = t->first[p - 1];
    t->first[0] = 0;
    t->events_bytes = t->records_bytes = 0;
    for (size_t p = 0; p < t->parts; p++) {
        uint64_t bytes = 0;
        for (uint32_t i = t->first[p]; i < t->first[p + 1]; i++)
            bytes += t->run[t->order[i]].bytes;
        if (bytes != t->rows[p].events_bytes)
            return false;
        t->events_bytes += t->rows[p].events_bytes;
        t->records_bytes += t->rows[p].records_bytes;
    }
    return true;
}

size_t seal_table_bytes(size_t parts, size_t runs)
{
    return HEAD_BYTES + parts * ROW_BYTES + runs * RUN_BYTES;
}

void seal_table_write(struct writer *w, const struct seal_table *table)
{
    writer_uint_le(w, table->parts, 4);
    writer_uint_le(w, table->runs, 4);
    for (size_t p = 0; p < table->parts; p++) {
        const struct seal_row *row = &table->rows[p];
        writer_bytes(w, row->commitment, SHA256_BYTES);
        writer_uint_le(w, row->events_bytes, 4);
        writer_uint_le(w, row->records_bytes, 4);
        writer_uint_le(w, row->items, 4);
        writer_uint_le(w, 0, 4);
    }
    for (size_t i = 0; i < table->runs; i++) {
        writer_uint_le(w, table->run[i].part, 4);
        writer_uint_le(w, table->run[i].bytes, 4);
    }
}

static void read_rows(struct reader *r, struct seal_table *table)
{
    for (size_t p = 0; p < table->parts; p++) {
        struct seal_row *row = &table->rows[p];
        struct slice commitment = reader_bytes(r, SHA256_BYTES);
        memcpy(row->commitment, commitment.data, commitment.size);
        row->events_bytes = (uint32_t)reader_uint_le(r, 4);
        row->records_bytes = (uint32_t)reader_uint_le(r, 4);
        row->items = (uint32_t)reader_uint_le(r, 4);
        (void)reader_uint_le(r, 4);
    }
    for (size_t i = 0; i < table->runs; i++) {
        table->run[i].part = (uint32_t)reader_uint_le(r, 4);
        table->run[i].bytes = (uint32_t)reader_uint_le(r, 4);
    }
}

enum status seal_table_read(struct slice events, struct seal_table *table, size_t *size)
{
    struct reader r = reader_make(events);
    uint64_t parts = reader_uint_le(&r, 4), runs = reader_uint_le(&r, 4);
    if (r.status != STATUS_OK || parts < SEAL_PART_FIRST_VEHICLE ||
        parts > reader_left(&r) / ROW_BYTES ||
        runs > (reader_left(&r) - parts * ROW_BYTES) / RUN_BYTES)
        return STATUS_CORRUPT;
    enum status status = seal_table_reset(table, (size_t)parts, (size_t)runs);
    if (status != STATUS_OK)
        return status;
    read_rows(&r, table);
    *size = seal_table_bytes(table->parts, table->runs);
    return seal_table_index(table) ? STATUS_OK : STATUS_CORRUPT;
}
