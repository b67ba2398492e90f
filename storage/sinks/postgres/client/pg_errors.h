/* pg_errors.h: what a PostgreSQL error means for a load. Thread: any. */
#ifndef VSOC_STORAGE_PG_ERRORS_H
#define VSOC_STORAGE_PG_ERRORS_H

#include <stdbool.h>

enum pg_error_class {
    PG_ERROR_LATER,  /* passes by itself: connection, failover, resources, deadlock */
    PG_ERROR_DATA,   /* caused by a value of the load: find it and quarantine it */
    PG_ERROR_BROKEN, /* needs an operator: schema, rights, password, wrong server */
};

/* An error as the server or libpq reports it. */
struct pg_error {
    char sqlstate[6];    /* five characters, or empty: the connection was lost */
    char constraint[64]; /* name of the violated constraint, or empty */
    char table[64];    /* name of the table, or its partition, that the error is about, or empty */
    char column[64];   /* name of the column that the error is about, or empty */
    char text[384];    /* primary message and detail, one line */
    unsigned copy_row; /* row of the COPY that it names, from 1; 0: none */
};

/* Class of an SQLSTATE (PostgreSQL manual, appendix A); NULL or empty: the connection was lost,
 * LATER. A state without a row is BROKEN: it is retried slowly and reported. */
enum pg_error_class pg_error_classify(const char *sqlstate);
/* What an operator can do, as a sentence, or NULL if nothing. */
const char *pg_error_advice(const char *sqlstate);
/* True when a row found no daily partition: check_violation without a constraint. */
bool pg_error_no_partition(const struct pg_error *error);
/* True if the row exists already: it belongs to a batch that is loaded again. Any other unique
 * index belongs to the operator. */
bool pg_error_own_key(const struct pg_error *error);

#endif
