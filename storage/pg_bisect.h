/* pg_bisect.h: finds the event that the database refuses. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_BISECT_H
#define VSOC_STORAGE_PG_BISECT_H

#include "storage/pg_rows.h"

/* Tries halves of the fresh events in a transaction of its own that is rolled back; nothing stays.
 * OK: *bad is an event that is refused when it comes alone, with the database's reason. NOT_FOUND:
 * all are taken. Else the statuses of pg_connection.h with *error. */
enum status pg_bisect(const struct pg_rows *rows, struct pg_bad_event *bad,
                      struct pg_error *error) must_check;

#endif
