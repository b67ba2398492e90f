/* pg_copy.h: rows in PostgreSQL's binary COPY format, and arrays in its binary parameter format.
 *
 * Layout: PostgreSQL manual, COPY, "Binary Format"; each value as its type's receive function
 * reads it (uuid 16 bytes; timestamptz int64 µs since 2000-01-01 UTC; inet family, bits, is_cidr,
 * length, address; jsonb version 1 and text; arrays dimensions, flags, element type, sizes).
 * Writes into a writer of the caller's that is reused from load to load; errors of memory are
 * sticky in it. Thread: any, one owner. */
#ifndef VSOC_STORAGE_PG_COPY_H
#define VSOC_STORAGE_PG_COPY_H

#include "core/event.h"
#include "core/writer.h"
#include "storage/sinks/postgres/pg_columns.h"

/* Type ids of PostgreSQL's own catalogue (pg_type.dat), the same in every version. */
enum pg_type {
    PG_BYTEA = 17,
    PG_TEXT = 25,
    PG_UUID = 2950,
    PG_ARRAY_OF_BYTEA = 1001,
    PG_ARRAY_OF_UUID = 2951,
};

/* Head and end of a COPY stream. */
void pg_copy_begin(struct writer *w);
void pg_copy_end(struct writer *w);

/* Appends an event as one row: the columns, which have all that it sets, in the order of
 * event_fields.def. Nothing is appended and
 * *bad names the field when a value does not fit its column (OUT_OF_RANGE), is no address
 * (MALFORMED) or is missing although the column needs one (NOT_FOUND). It does not check the bytes
 * of texts and JSON: the database does. */
enum status pg_copy_event(struct writer *w, const struct event *event,
                          const struct pg_columns *columns,
                          const struct event_field_info **bad) must_check;

/* Rows of other tables, value by value: the row's number of columns first. */
void pg_copy_row(struct writer *w, unsigned columns);
void pg_copy_null(struct writer *w);
void pg_copy_int4(struct writer *w, int32_t v);
void pg_copy_int8(struct writer *w, int64_t v);
void pg_copy_time(struct writer *w, int64_t ns);      /* ns since 1970 UTC → timestamptz */
void pg_copy_bytes(struct writer *w, struct slice s); /* bytea, uuid */
/* A text of unknown origin: bytes that are not UTF-8, and byte 0, become U+FFFD, so that the
 * database can't refuse it. */
void pg_copy_text(struct writer *w, struct slice s);
/* The same; NULL if empty. */
void pg_copy_text_or_null(struct writer *w, struct slice s);

/* Head of a one-dimensional array of count elements for a binary parameter; then the elements with
 * pg_copy_bytes and the like. */
void pg_copy_array(struct writer *w, enum pg_type element, size_t count);

#endif
