/* spool_cursor.h: the cursor file: the position of each reader, in two checksummed slots written in
 * turn. A hint: if it is lost, cursors start at the oldest record. Bytes: docs/spool-format.md §4.
 */
#ifndef VSOC_STORAGE_SPOOL_CURSOR_H
#define VSOC_STORAGE_SPOOL_CURSOR_H

#include "core/status.h"
#include "core/uuid7.h"
#include "storage/spool/spool_options.h"

#define SPOOL_CURSOR_FILE       "cursors"
#define SPOOL_CURSOR_VERSION    1
#define SPOOL_CURSOR_NAME_BYTES 56 /* with its NUL */

struct spool_cursor_table {
    uint32_t version; /* of the format it was read in */
    uint8_t spool_uid[UUID_BYTES];
    uint64_t generation; /* of the slot it was read from; increases by one with each store */
    uint64_t floor;      /* positions up to this may have been used by records that are lost */
    uint64_t retiring;   /* first position of the segment whose removal came last, 0: none */
    uint64_t retirement; /* position that the record of this removal was to get */
    uint32_t count;
    struct {
        char name[SPOOL_CURSOR_NAME_BYTES];
        uint64_t position;
    } entries[SPOOL_CURSOR_MAX];
};

/* Newest position that a reader has had, if it is above the floor: records up to there were
 * durable, and no start has found them missing. Otherwise 0. */
uint64_t spool_cursor_missed(const struct spool_cursor_table *table);
/* Reads the newest intact slot. NOT_FOUND: no file, or no intact slot in it. VERSION: made by a
 * newer version, only table->version is set. IO. */
enum status spool_cursor_load(int dir_fd, struct spool_cursor_table *table) must_check;
/* Opens the cursor file for spool_cursor_store; creates it with its full size if it is missing.
 * NO_SPACE, IO. */
enum status spool_cursor_create(int dir_fd, int *fd) must_check;
/* Writes the table into the older slot and syncs; on success, table->generation increases.
 * NO_SPACE, IO. */
enum status spool_cursor_store(int fd, struct spool_cursor_table *table) must_check;

#endif
