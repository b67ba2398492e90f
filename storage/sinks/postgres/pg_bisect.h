/* pg_bisect.h: finds the events that the database refuses. Thread: the lane's. */
#ifndef VSOC_STORAGE_PG_BISECT_H
#define VSOC_STORAGE_PG_BISECT_H

#include "storage/sinks/postgres/pg_probe.h"
#include "storage/sinks/postgres/pg_rows.h"

/* Tries parts of the fresh events in a separate transaction that is rolled back; nothing stays. OK:
 * *first and the events passed to load->reject are refused even alone, with the database's reason
 * (reason points into text). NOT_FOUND: all are accepted. CONFLICT: the table refuses every row,
 * also those of the probe; load->reject was not called. Otherwise the statuses of pg_connection.h
 * with *error, which initially holds the error of the load. */
enum status pg_bisect(const struct pg_rows *rows, struct pg_probe *probe,
                      struct sink_rejected *first, char text[512],
                      struct pg_error *error) must_check;

#endif
