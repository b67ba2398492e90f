/* seal_table.h: the table of a record with parts: for each part the commitment of what it holds,
 * and which bytes of the events are whose. Clear, and never overwritten: after a part was erased,
 * its commitment still shows that the others are what was recorded. Thread: any; a table has one
 * owner. Bytes: docs/spool-format.md §3. */
#ifndef VSOC_STORAGE_SPOOL_SEAL_TABLE_H
#define VSOC_STORAGE_SPOOL_SEAL_TABLE_H

#include "core/hash.h"
#include "core/writer.h"

/* The first two parts of a record that has parts; those of its vehicles follow. */
enum {
    SEAL_PART_OWN,    /* metadata, events of no vehicle: no erasure of a vehicle destroys it */
    SEAL_PART_SHARED, /* the body as received, and what can't be told apart: destroyed with the
                         first vehicle */
    SEAL_PART_FIRST_VEHICLE,
};

/* Items of one part that follow each other in the batch. */
struct seal_run {
    uint32_t part;
    uint32_t bytes; /* of them in the events, from a restart of the coding on */
};

struct seal_row {
    uint8_t commitment[SHA256_BYTES]; /* of events ‖ records, under the salt of the part's events */
    uint32_t events_bytes;            /* sum of its runs */
    uint32_t records_bytes; /* of its records as received, which stand behind all events */
    uint32_t items;         /* events and rejects */
};

struct seal_table {
    size_t parts, runs;
    struct seal_row *rows;
    struct seal_run *run; /* in the order of the events */
    /* Runs by part: those of part p are order[first[p]] up to order[first[p + 1] - 1]. */
    uint32_t *order, *first;
    size_t events_bytes, records_bytes; /* sums */
    size_t row_room, run_room;
};

void seal_table_fini(struct seal_table *table);
/* Empties it and makes room. NO_MEMORY. */
enum status seal_table_reset(struct seal_table *table, size_t parts, size_t runs) must_check;
/* Fills order, first and sums from runs and rows. False: a run is of no part, or the bytes of the
 * runs are not those of their rows. */
bool seal_table_index(struct seal_table *table) must_check;
/* Size of the bytes of a table. */
size_t seal_table_bytes(size_t parts, size_t runs);
void seal_table_write(struct writer *w, const struct seal_table *table);
/* From the beginning of stored events; *size: the table's bytes there. CORRUPT, NO_MEMORY. */
enum status seal_table_read(struct slice events, struct seal_table *table, size_t *size) must_check;

#endif
