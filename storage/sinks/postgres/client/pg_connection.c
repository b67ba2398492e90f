/* pg_connection.c: libpq in non-blocking mode behind calls that block, but never past their
 * deadline and never past an interrupt. Runs on a sink's lane thread, or on main for migrations.
 * Does not retry and knows no table. */
#define LOG_COMPONENT "postgres"
#include "storage/sinks/postgres/client/pg_connection.h"

#include "core/object.h"
#include "core/clock.h"
#include "core/log/log.h"
#include "core/wait/wake.h"
#include "storage/sinks/postgres/client/pg_dsn.h"
#include "core/disk/fault.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 60000u
#define SERVER_MARGIN_MS   5000u /* the server ends a statement this much earlier than the client */
#define PARAMS_MAX         8
#define COLUMNS_MAX        16

#define PG_CONNECTION_MAGIC 0x5047434fU

struct pg_connection {
    unsigned magic; /* PG_CONNECTION_MAGIC */
    struct pg_dsn *dsn;
    PGconn *pg; /* NULL: closed */
    int wake;   /* core/wait/wake.h: readable once interrupted */
    unsigned timeout_ms;
    void (*notice)(void *arg, const char *text);
    void *notice_arg;
};

OBJECT_CAST(pg_connection, PG_CONNECTION_MAGIC)

static void notice_to_log(void *arg, const char *text)
{
    (void)arg;
    log_debug("notice of the server", LOG_TEXT("text", text));
}

enum status pg_connection_create(const char *dsn, const char *application,
                                 struct pg_connection **out, struct pg_error *error)
{
    *error = (struct pg_error){.text = "out of memory"};
    struct pg_connection *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    c->wake = wake_open();
    c->timeout_ms = TIMEOUT_DEFAULT_MS;
    c->magic = PG_CONNECTION_MAGIC;
    c->notice = notice_to_log;
    struct problem problem;
    problem_say(&problem, "%s", error->text);
    enum status status =
        c->wake < 0 ? STATUS_IO : pg_dsn_parse(dsn, application, &c->dsn, &problem);
    if (status != STATUS_OK) {
        snprintf(error->text, sizeof error->text, "%s", problem.text);
        pg_connection_destroy(c);
        return status;
    }
    *out = c;
    return STATUS_OK;
}

void pg_connection_destroy(struct pg_connection *c)
{
    if (!c)
        return;
    pg_connection_close(c);
    pg_dsn_destroy(c->dsn);
    if (c->wake >= 0)
        close(c->wake);
    object_end(&c->magic);
    free(c);
}

void pg_connection_set_timeout(struct pg_connection *c, unsigned timeout_ms)
{
    c->timeout_ms = timeout_ms;
}

void pg_connection_on_notice(struct pg_connection *c, void (*notice)(void *arg, const char *text),
                             void *arg)
{
    c->notice = notice;
    c->notice_arg = arg;
}

bool pg_connection_is_open(const struct pg_connection *c)
{
    return c->pg != NULL;
}

void pg_connection_close(struct pg_connection *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
}

void pg_connection_interrupt(struct pg_connection *c)
{
    wake_send(c->wake);
}

/* First line of a libpq message, without its line end. */
static void copy_line(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

static enum status lose(struct pg_connection *c, struct pg_error *error, const char *text)
{
    *error = (struct pg_error){0};
    copy_line(error->text, sizeof error->text, text);
    pg_connection_close(c);
    return STATUS_UNAVAILABLE;
}

/* "COPY table, line 8, column x" is on a separate line, with "line" in the server's language. */
static unsigned copy_row_of(const char *context)
{
    const char *at = context;
    while (at && strncmp(at, "COPY ", 5) != 0) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    at = at ? strchr(at, ',') : NULL;
    at = at ? strpbrk(at, "0123456789\n") : NULL;
    return at ? (unsigned)strtoul(at, NULL, 10) : 0;
}

static void error_from_result(struct pg_error *error, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
    *error =
        (struct pg_error){.copy_row = copy_row_of(PQresultErrorField(result, PG_DIAG_CONTEXT))};
    snprintf(error->sqlstate, sizeof error->sqlstate, "%s", state ? state : "");
    snprintf(error->constraint, sizeof error->constraint, "%s", constraint ? constraint : "");
    const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
    snprintf(error->table, sizeof error->table, "%s", table ? table : "");
    snprintf(error->column, sizeof error->column, "%s", column ? column : "");
    /* Not the detail: it may quote the row. */
    copy_line(error->text, sizeof error->text, text ? text : PQresultErrorMessage(result));
    size_t used = strlen(error->text);
    if (column && !strstr(error->text, column))
        snprintf(error->text + used, sizeof error->text - used, " (column %s)", column);
}

/* Waits until the socket is ready for events; false if the deadline passed or another thread
 * interrupted, with the reason in *why. */
static bool wait_socket(struct pg_connection *c, short events, int64_t deadline_ns,
                        const char **why)
{
    for (;;) {
        int64_t left_ms = (deadline_ns - clock_monotonic_ns() + NS_PER_MS - 1) / NS_PER_MS;
        if (left_ms <= 0) {
            *why = "the server did not answer in time";
            return false;
        }
        struct pollfd fds[2] = {{.fd = PQsocket(c->pg), .events = events},
                                {.fd = c->wake, .events = POLLIN}};
        int n = poll(fds, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (n < 0 && errno != EINTR) {
            *why = "poll failed";
            return false;
        }
        if (n > 0 && fds[1].revents) {
            *why = "interrupted";
            return false;
        }
        if (n > 0 && fds[0].revents)
            return true;
    }
}

static int64_t call_deadline(const struct pg_connection *c)
{
    return clock_monotonic_ns() + (int64_t)c->timeout_ms * NS_PER_MS;
}

/* Flushes libpq's output buffer, reading at the same time so that neither side waits for the other.
 */
static enum status flush(struct pg_connection *c, int64_t deadline_ns, struct pg_error *error)
{
    int rest;
    const char *why;
    while ((rest = PQflush(c->pg)) == 1) {
        if (!wait_socket(c, POLLIN | POLLOUT, deadline_ns, &why))
            return lose(c, error, why);
        if (!PQconsumeInput(c->pg))
            return lose(c, error, PQerrorMessage(c->pg));
    }
    return rest == 0 ? STATUS_OK : lose(c, error, PQerrorMessage(c->pg));
}

/* Next result; *result NULL: the statement has no more. */
static enum status next_result(struct pg_connection *c, int64_t deadline_ns, PGresult **result,
                               struct pg_error *error)
{
    const char *why;
    while (PQisBusy(c->pg)) {
        if (!wait_socket(c, POLLIN, deadline_ns, &why))
            return lose(c, error, why);
        if (!PQconsumeInput(c->pg))
            return lose(c, error, PQerrorMessage(c->pg));
    }
    *result = PQgetResult(c->pg);
    return STATUS_OK;
}

static enum status rows_give(const PGresult *result, pg_row_fn row, void *arg)
{
    const char *cells[COLUMNS_MAX];
    int columns = PQnfields(result);
    if (!row || PQresultStatus(result) != PGRES_TUPLES_OK)
        return STATUS_OK;
    if (columns > COLUMNS_MAX)
        return STATUS_TOO_MANY;
    for (int r = 0; r < PQntuples(result); r++) {
        for (int k = 0; k < columns; k++)
            cells[k] = PQgetisnull(result, r, k) ? NULL : PQgetvalue(result, r, k);
        row(arg, cells);
    }
    return STATUS_OK;
}

static bool result_is_fine(const PGresult *result)
{
    ExecStatusType type = PQresultStatus(result);
    return type == PGRES_COMMAND_OK || type == PGRES_TUPLES_OK || type == PGRES_EMPTY_QUERY;
}

/* Takes all results of a statement; the first error counts. */
static enum status take_results(struct pg_connection *c, int64_t deadline_ns, pg_row_fn row,
                                void *arg, struct pg_error *error)
{
    enum status status = STATUS_OK;
    fault_point(pg_statement_sent);
    for (;;) {
        PGresult *result;
        enum status got = next_result(c, deadline_ns, &result, error);
        if (got != STATUS_OK)
            return got;
        if (!result)
            break;
        if (result_is_fine(result)) {
            enum status given = rows_give(result, row, arg);
            status = status == STATUS_OK ? given : status;
        } else if (status == STATUS_OK) {
            error_from_result(error, result);
            status = STATUS_REFUSED;
        }
        PQclear(result);
        if (PQstatus(c->pg) == CONNECTION_BAD)
            break;
    }
    if (PQstatus(c->pg) != CONNECTION_BAD)
        return status;
    if (status == STATUS_OK)
        return lose(c, error, "the connection was lost");
    pg_connection_close(c); /* *error keeps the server's last message */
    return STATUS_UNAVAILABLE;
}

static enum status send(struct pg_connection *c, const char *sql, int64_t deadline_ns,
                        struct pg_error *error)
{
    if (!c->pg)
        return lose(c, error, "not connected");
    if (!PQsendQuery(c->pg, sql))
        return lose(c, error, PQerrorMessage(c->pg));
    return flush(c, deadline_ns, error);
}

enum status pg_connection_run(struct pg_connection *c, const char *sql, struct pg_error *error)
{
    int64_t deadline = call_deadline(c);
    enum status status = send(c, sql, deadline, error);
    return status == STATUS_OK ? take_results(c, deadline, NULL, NULL, error) : status;
}

enum status pg_connection_commit(struct pg_connection *c, struct pg_error *error)
{
    if (c->pg && PQtransactionStatus(c->pg) != PQTRANS_INTRANS) {
        *error = (struct pg_error){.sqlstate = "25P02", .text = "the transaction had failed"};
        return STATUS_REFUSED;
    }
    int64_t deadline = call_deadline(c);
    enum status status = send(c, "COMMIT", deadline, error);
    fault_point(pg_commit_sent);
    return status == STATUS_OK ? take_results(c, deadline, NULL, NULL, error) : status;
}

void pg_connection_rollback(struct pg_connection *c)
{
    struct pg_error error;
    if (c->pg && pg_connection_run(c, "ROLLBACK", &error) != STATUS_OK)
        pg_connection_close(c);
}

enum status pg_connection_query(struct pg_connection *c, const char *sql,
                                const struct pg_param *params, size_t count, pg_row_fn row,
                                void *arg, struct pg_error *error)
{
    Oid types[PARAMS_MAX];
    const char *values[PARAMS_MAX];
    int sizes[PARAMS_MAX], formats[PARAMS_MAX];
    if (!c->pg)
        return lose(c, error, "not connected");
    if (count > PARAMS_MAX)
        return STATUS_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        types[i] = params[i].type;
        values[i] = (const char *)params[i].value.data;
        sizes[i] = (int)params[i].value.size;
        formats[i] = params[i].type != 0;
    }
    int64_t deadline = call_deadline(c);
    if (!PQsendQueryParams(c->pg, sql, (int)count, types, values, sizes, formats, 0))
        return lose(c, error, PQerrorMessage(c->pg));
    enum status status = flush(c, deadline, error);
    return status == STATUS_OK ? take_results(c, deadline, row, arg, error) : status;
}

enum status pg_connection_copy_start(struct pg_connection *c, const char *sql,
                                     struct pg_error *error)
{
    int64_t deadline = call_deadline(c);
    PGresult *result;
    enum status status = send(c, sql, deadline, error);
    if (status == STATUS_OK)
        status = next_result(c, deadline, &result, error);
    if (status != STATUS_OK)
        return status;
    bool ready = result && PQresultStatus(result) == PGRES_COPY_IN;
    if (!ready)
        error_from_result(error, result);
    PQclear(result);
    if (ready)
        return STATUS_OK;
    struct pg_error more;
    status = take_results(c, deadline, NULL, NULL, &more);
    return status == STATUS_OK ? STATUS_REFUSED : status;
}

enum status pg_connection_copy_send(struct pg_connection *c, struct slice data,
                                    struct pg_error *error)
{
    if (!c->pg)
        return lose(c, error, "not connected");
    if (PQputCopyData(c->pg, (const char *)data.data, (int)data.size) != 1)
        return lose(c, error, PQerrorMessage(c->pg));
    enum status status = flush(c, call_deadline(c), error);
    fault_point(pg_copy_sent);
    return status;
}

enum status pg_connection_copy_finish(struct pg_connection *c, const char *give_up,
                                      struct pg_error *error)
{
    if (!c->pg)
        return lose(c, error, "not connected");
    int64_t deadline = call_deadline(c);
    if (PQputCopyEnd(c->pg, give_up) != 1)
        return lose(c, error, PQerrorMessage(c->pg));
    enum status status = flush(c, deadline, error);
    return status == STATUS_OK ? take_results(c, deadline, NULL, NULL, error) : status;
}

static void notice_received(void *arg, const PGresult *result)
{
    const struct pg_connection *c = pg_connection_cast(arg);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (text)
        c->notice(c->notice_arg, text);
}

/* libpq reports a refused login as text only; in verbose mode it contains ": 28P01: ". */
static enum status login_failed(struct pg_connection *c, struct pg_error *error)
{
    struct pg_error found = {0};
    const char *text = PQerrorMessage(c->pg);
    copy_line(found.text, sizeof found.text, text);
    for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  "))
        if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && p[8] == ':')
            memcpy(found.sqlstate, p + 3, 5);
    pg_connection_close(c);
    *error = found;
    return found.sqlstate[0] ? STATUS_REFUSED : STATUS_UNAVAILABLE;
}

static enum status attempt(struct pg_connection *c, size_t host, int64_t deadline_ns,
                           struct pg_error *error)
{
    const char *const *keywords, *const *values;
    const char *why;
    pg_dsn_attempt(c->dsn, host, &keywords, &values);
    c->pg = PQconnectStartParams(keywords, values, 0);
    if (!c->pg)
        return STATUS_NO_MEMORY;
    PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(c->pg, notice_received, c);
    PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
    while (PQstatus(c->pg) != CONNECTION_BAD && polling != PGRES_POLLING_OK) {
        if (polling == PGRES_POLLING_FAILED)
            return login_failed(c, error);
        if (!wait_socket(c, polling == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ns, &why))
            return lose(c, error, why);
        polling = PQconnectPoll(c->pg);
    }
    if (PQstatus(c->pg) == CONNECTION_BAD)
        return login_failed(c, error);
    PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
    PQsetnonblocking(c->pg, 1);
    return STATUS_OK;
}

/* Limits on the server: an abandoned statement must not run there forever; shorter limits of the
 * operator are kept. A confirmed COMMIT must be on the server's disk, or segments could be removed
 * before their rows are safe. */
static enum status set_limits(struct pg_connection *c, struct pg_error *error)
{
    unsigned ms =
        c->timeout_ms > 2 * SERVER_MARGIN_MS ? c->timeout_ms - SERVER_MARGIN_MS : c->timeout_ms;
    char sql[640];
    snprintf(sql, sizeof sql,
             "SELECT set_config(name, most::text, false) FROM pg_settings JOIN (VALUES "
             "('statement_timeout', %u), ('lock_timeout', %u), "
             "('idle_in_transaction_session_timeout', %u)) AS limits (name, most) USING (name) "
             "WHERE setting::int8 NOT BETWEEN 1 AND most; "
             "SELECT set_config('synchronous_commit', 'on', false) "
             "WHERE current_setting('synchronous_commit') = 'off'",
             ms, ms / 2, ms);
    return pg_connection_run(c, sql, error);
}

enum status pg_connection_open(struct pg_connection *c, unsigned timeout_ms, struct pg_error *error)
{
    if (c->pg)
        return STATUS_OK;
    wake_clear(c->wake); /* forget an old interrupt */
    enum status status = STATUS_UNAVAILABLE;
    size_t hosts = pg_dsn_hosts(c->dsn);
    int64_t end = clock_monotonic_ns() + (int64_t)timeout_ms * NS_PER_MS;
    for (size_t i = 0; i < hosts; i++) {
        int64_t now = clock_monotonic_ns();
        status = attempt(c, i, now + (end - now) / (int64_t)(hosts - i), error);
        if (status == STATUS_OK)
            break;
    }
    if (status == STATUS_OK)
        status = set_limits(c, error);
    if (status != STATUS_OK)
        pg_connection_close(c); /* never use a connection without its limits */
    return status;
}
