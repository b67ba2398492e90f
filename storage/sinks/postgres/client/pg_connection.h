/* pg_connection.h: one connection to PostgreSQL with bounded calls: every call returns at its
 * deadline or when another thread interrupts it, whatever the server does.
 *
 * Statuses of all fallible calls: OK; REFUSED: the server said no, *error has the SQLSTATE, the
 * connection stays usable (in a transaction: only for ROLLBACK); UNAVAILABLE: the connection was
 * lost or abandoned, and is closed; NO_MEMORY. Thread: the owner's, but for interrupt. */
#ifndef VSOC_STORAGE_PG_CONNECTION_H
#define VSOC_STORAGE_PG_CONNECTION_H

#include "core/slice.h"
#include "core/status.h"
#include "storage/sinks/postgres/client/pg_errors.h"

struct pg_connection;

/* A row of a result, as text; cells NULL for SQL NULL. Valid during the call. */
typedef void (*pg_row_fn)(void *arg, const char *const *cells);

/* A parameter of a statement. */
struct pg_param {
    struct slice value;
    unsigned type; /* enum pg_type: value is in binary form; 0: value is NUL-terminated text */
};

/* State for dsn (a libpq connection string, copied) under this application name. Does not connect.
 * CONFIG with error->text when the dsn can't be read; NO_MEMORY. */
enum status pg_connection_create(const char *dsn, const char *application,
                                 struct pg_connection **out, struct pg_error *error) must_check;
/* Closes. NULL is fine. */
void pg_connection_destroy(struct pg_connection *c);
/* Longest wait for the server's answer to one statement, ms. From the next open on, the server ends
 * statements a little earlier. Default: 60 s. */
void pg_connection_set_timeout(struct pg_connection *c, unsigned timeout_ms);
/* The server's notices go here, one line each, without line end. Default: to the log as debug. */
void pg_connection_on_notice(struct pg_connection *c, void (*notice)(void *arg, const char *text),
                             void *arg);
/* Connects if not connected: to the dsn's hosts in turn, each with its share of timeout_ms; with
 * several hosts only to a writable one, unless the dsn requests otherwise. A server that answers
 * but refuses the login: REFUSED, closed. */
enum status pg_connection_open(struct pg_connection *c, unsigned timeout_ms,
                               struct pg_error *error) must_check;
bool pg_connection_is_open(const struct pg_connection *c);
void pg_connection_close(struct pg_connection *c);
/* Interrupts the call in progress, or the next one except open: UNAVAILABLE. Thread: any. */
void pg_connection_interrupt(struct pg_connection *c);

/* Runs statements separated by semicolons. */
enum status pg_connection_run(struct pg_connection *c, const char *sql,
                              struct pg_error *error) must_check;
/* COMMIT. REFUSED also if the transaction had failed before, which the server would silently turn
 * into a ROLLBACK. UNAVAILABLE: it is unknown whether it was committed. */
enum status pg_connection_commit(struct pg_connection *c, struct pg_error *error) must_check;
/* ROLLBACK; a connection that can't is closed. */
void pg_connection_rollback(struct pg_connection *c);
/* Runs one statement with parameters $1 …; row is called for each row of its result, may be NULL.
 * At most 8 parameters. */
enum status pg_connection_query(struct pg_connection *c, const char *sql,
                                const struct pg_param *params, size_t count, pg_row_fn row,
                                void *arg, struct pg_error *error) must_check;

/* COPY … FROM STDIN: start, then send any number of times, then finish. If send fails with REFUSED,
 * the copy is over. finish with a reason makes the server abort it. */
enum status pg_connection_copy_start(struct pg_connection *c, const char *sql,
                                     struct pg_error *error) must_check;
enum status pg_connection_copy_send(struct pg_connection *c, struct slice data,
                                    struct pg_error *error) must_check;
enum status pg_connection_copy_finish(struct pg_connection *c, const char *give_up,
                                      struct pg_error *error) must_check;

#endif
