/* The program `floor_copy`: what bare COPY BINARY of the same rows costs. It reads rows that the
 * PostgreSQL sink has loaded into memory, empties the table, and copies them into it again, in
 * transactions, over several connections. It makes no row and keeps no position: nothing makes a
 * load exactly once. Main thread, and one for each connection. */
#include <libpq-fe.h>

#include <endian.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    EXIT_USAGE = 64,
    CONNECTIONS_MAX = 64,
    COLUMNS_MAX = 1600,
    SLICE_BYTES = 128 << 10, /* as the sink's */
    HEAD_BYTES = 19,         /* of a COPY stream */
    UID_AT = 6               /* event_uid is the first column: count, length */
};

static const char head[HEAD_BYTES] = "PGCOPY\n\377\r\n\0";
static const char tail[2] = {'\377', '\377'};

struct options {
    const char *dsn;
    size_t rows, events, transaction;
    unsigned connections;
    bool no_keys; /* no index at all */
    bool
        brin; /* instead of the primary key, which finds rows by their time and makes them unique */
};

/* Rows as COPY gave them, one after the other. */
struct rows {
    char *data;
    size_t *offsets; /* one more than count: the end */
    size_t *times;   /* where time_received is in each */
    size_t count, room, size, capacity;
    int64_t span_us; /* between the first and the last time, and a bit */
};

struct worker {
    const struct options *options;
    const struct rows *rows;
    unsigned number;
    pthread_t thread;
    size_t bytes;
};

static void die(const char *doing, const char *why)
{
    fprintf(stderr, "floor_copy: %s: %s\n", doing, why);
    exit(EXIT_FAILURE);
}

static PGconn *connect_to(const char *dsn)
{
    PGconn *c = PQconnectdb(dsn);
    if (PQstatus(c) != CONNECTION_OK)
        die("connect", PQerrorMessage(c));
    return c;
}

static void run(PGconn *c, const char *sql, ExecStatusType expected)
{
    PGresult *result = PQexec(c, sql);
    if (PQresultStatus(result) != expected)
        die(sql, PQerrorMessage(c));
    PQclear(result);
}

static char *text_of(PGconn *c, const char *sql)
{
    PGresult *result = PQexec(c, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        die(sql, PQerrorMessage(c));
    char *text = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (!text)
        die("read", "out of memory");
    return text;
}

/* --- reading --------------------------------------------------------------------------------- */

static void *grown(void *old, size_t size)
{
    void *now = realloc(old, size);
    if (!now)
        die("read", "out of memory");
    return now;
}

static uint32_t be32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

/* Where the value of column `wanted` (from 0) is in a row. */
static size_t value_at(const char *row, size_t size, unsigned wanted)
{
    size_t at = 2;
    for (unsigned i = 0; at + 4 <= size; i++) {
        uint32_t length = be32(row + at);
        if (i == wanted)
            return at + 4;
        at += 4 + (length == UINT32_MAX ? 0 : length);
    }
    die("read", "a row is shorter than its columns");
    return 0;
}

static void add_row(struct rows *rows, const char *data, size_t size, unsigned time_column)
{
    if (rows->count + 2 > rows->room) {
        rows->room = rows->room ? 2 * rows->room : 1024;
        rows->offsets = grown(rows->offsets, rows->room * sizeof *rows->offsets);
        rows->times = grown(rows->times, rows->room * sizeof *rows->times);
    }
    if (rows->size + size > rows->capacity) {
        rows->capacity = 2 * (rows->size + size);
        rows->data = grown(rows->data, rows->capacity);
    }
    memcpy(rows->data + rows->size, data, size);
    rows->times[rows->count] = value_at(data, size, time_column);
    rows->offsets[rows->count++] = rows->size;
    rows->size += size;
    rows->offsets[rows->count] = rows->size;
}

static int64_t time_of(const struct rows *rows, size_t i)
{
    int64_t v;
    memcpy(&v, rows->data + rows->offsets[i] + rows->times[i], sizeof v);
    return (int64_t)be64toh((uint64_t)v);
}

/* Every message of the server is one row; the first has the head of the stream before it. */
static void read_rows(PGconn *c, const struct options *o, struct rows *rows)
{
    char sql[160], *message,
        *column = text_of(
            c, "SELECT attnum - 1 FROM pg_attribute WHERE attrelid = 'vsoc.events'::regclass "
               "AND attname = 'time_received'");
    unsigned time_column = (unsigned)strtoul(column, NULL, 10);
    snprintf(sql, sizeof sql,
             "COPY (SELECT * FROM vsoc.events ORDER BY time_received LIMIT %zu) TO STDOUT (FORMAT "
             "binary)",
             o->rows);
    run(c, sql, PGRES_COPY_OUT);
    int size;
    for (bool first = true; (size = PQgetCopyData(c, &message, 0)) > 0; PQfreemem(message)) {
        size_t skip = first ? HEAD_BYTES : 0;
        first = false;
        if ((size_t)size > skip + 2)
            add_row(rows, message + skip, (size_t)size - skip, time_column);
    }
    if (size == -2)
        die("read", PQerrorMessage(c));
    PQclear(PQgetResult(c));
    PQclear(PQgetResult(c));
    free(column);
    if (rows->count == 0)
        die("read", "vsoc.events is empty: let vsocd load into it first");
    rows->span_us = time_of(rows, rows->count - 1) - time_of(rows, 0) + 1000;
}

/* --- copying --------------------------------------------------------------------------------- */

static void send_bytes(PGconn *c, struct worker *w, const char *data, size_t size)
{
    if (PQputCopyData(c, data, (int)size) != 1)
        die("COPY", PQerrorMessage(c));
    w->bytes += size;
}

/* Row i of all: rows repeat with later times and other ids, so that keys stay unique and are added
 * at the end of their index, as the sink's are. */
static size_t put_row(const struct rows *rows, size_t i, char *out)
{
    size_t k = i % rows->count, from = rows->offsets[k], size = rows->offsets[k + 1] - from;
    uint64_t pass = i / rows->count;
    memcpy(out, rows->data + from, size);
    uint64_t time = htobe64((uint64_t)(time_of(rows, k) + (int64_t)pass * rows->span_us));
    memcpy(out + rows->times[k], &time, sizeof time);
    out[UID_AT + 9] = (char)(out[UID_AT + 9] ^ pass);
    out[UID_AT + 10] = (char)(out[UID_AT + 10] ^ (pass >> 8));
    return size;
}

static void copy_transaction(PGconn *c, struct worker *w, char *buffer, size_t room, size_t from,
                             size_t to)
{
    size_t used = HEAD_BYTES;
    run(c, "BEGIN", PGRES_COMMAND_OK);
    run(c, "COPY vsoc.events FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
    memcpy(buffer, head, HEAD_BYTES);
    for (size_t i = from; i < to; i++) {
        size_t k = i % w->rows->count;
        if (used + (w->rows->offsets[k + 1] - w->rows->offsets[k]) + sizeof tail > room ||
            used >= SLICE_BYTES) {
            send_bytes(c, w, buffer, used);
            used = 0;
        }
        used += put_row(w->rows, i, buffer + used);
    }
    memcpy(buffer + used, tail, sizeof tail);
    send_bytes(c, w, buffer, used + sizeof tail);
    if (PQputCopyEnd(c, NULL) != 1)
        die("COPY", PQerrorMessage(c));
    PGresult *result = PQgetResult(c);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die("COPY", PQerrorMessage(c));
    PQclear(result);
    PQclear(PQgetResult(c));
    run(c, "COMMIT", PGRES_COMMAND_OK);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    const struct options *o = w->options;
    size_t room = SLICE_BYTES + (1 << 20);
    char *buffer = grown(NULL, room);
    PGconn *c = connect_to(o->dsn);
    for (size_t from = w->number * o->transaction; from < o->events;
         from += o->connections * o->transaction) {
        size_t to = from + o->transaction;
        copy_transaction(c, w, buffer, room, from, to < o->events ? to : o->events);
    }
    PQfinish(c);
    free(buffer);
    return NULL;
}

/* --- the run --------------------------------------------------------------------------------- */

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void prepare(PGconn *c, const struct options *o)
{
    run(c, "TRUNCATE vsoc.events", PGRES_COMMAND_OK);
    if (o->no_keys || o->brin)
        run(c,
            "DO $$ DECLARE i record; BEGIN FOR i IN SELECT conname FROM pg_constraint WHERE "
            "conrelid = 'vsoc.events'::regclass AND contype IN ('p', 'u') LOOP EXECUTE "
            "format('ALTER TABLE vsoc.events DROP CONSTRAINT %I', i.conname); END LOOP; END $$",
            PGRES_COMMAND_OK);
    if (o->no_keys)
        run(c,
            "DO $$ DECLARE i record; BEGIN FOR i IN SELECT indexrelid::regclass AS name FROM "
            "pg_index WHERE indrelid = 'vsoc.events'::regclass LOOP EXECUTE format('DROP INDEX "
            "%s', i.name); END LOOP; END $$",
            PGRES_COMMAND_OK);
    if (o->brin)
        run(c, "CREATE INDEX ON vsoc.events USING brin (time_received) WITH (autosummarize = on)",
            PGRES_COMMAND_OK);
    run(c, "CHECKPOINT", PGRES_COMMAND_OK);
}

static void report(const struct options *o, const struct worker *workers, double wall,
                   const struct rusage *before)
{
    struct rusage after;
    size_t bytes = 0;
    getrusage(RUSAGE_SELF, &after);
    for (unsigned i = 0; i < o->connections; i++)
        bytes += workers[i].bytes;
    double user = seconds_of(after.ru_utime) - seconds_of(before->ru_utime);
    double system = seconds_of(after.ru_stime) - seconds_of(before->ru_stime);
    printf("{\"events\": %zu, \"seconds\": %.4f, \"cpu_seconds\": %.4f, \"user_seconds\": %.4f, "
           "\"system_seconds\": %.4f, "
           "\"connections\": %u, \"keys\": \"%s\", \"copied_bytes\": %zu, \"max_rss_kib\": %ld}\n",
           o->events, wall, user + system, user, system, o->connections,
           o->no_keys ? "none"
           : o->brin  ? "brin"
                      : "primary key",
           bytes, after.ru_maxrss);
}

static void usage(void)
{
    fprintf(stderr, "usage: floor_copy --dsn DSN --events N [--connections N] [--transaction N] "
                    "[--rows N] [--no-keys | --brin]\n"
                    "Empties vsoc.events of that database after having read --rows of its rows, "
                    "which it copies until --events are there.\n"
                    "--no-keys drops the primary key and the indexes of the table first, --brin "
                    "replaces the primary key by a BRIN index of the time.\n");
    exit(EXIT_USAGE);
}

static struct options parse(int argc, char **argv)
{
    static const struct option words[] = {{"dsn", required_argument, NULL, 'd'},
                                          {"events", required_argument, NULL, 'e'},
                                          {"connections", required_argument, NULL, 'c'},
                                          {"transaction", required_argument, NULL, 't'},
                                          {"rows", required_argument, NULL, 'r'},
                                          {"no-keys", no_argument, NULL, 'n'},
                                          {"brin", no_argument, NULL, 'b'},
                                          {NULL, 0, NULL, 0}};
    struct options o = {.rows = 100000, .transaction = 20000, .connections = 2};
    int c;
    while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
        size_t number = optarg ? strtoul(optarg, NULL, 10) : 0;
        if (c == 'd')
            o.dsn = optarg;
        else if (c == 'e')
            o.events = number;
        else if (c == 'c')
            o.connections = (unsigned)number;
        else if (c == 't')
            o.transaction = number;
        else if (c == 'r')
            o.rows = number;
        else if (c == 'n')
            o.no_keys = true;
        else if (c == 'b')
            o.brin = true;
        else
            usage();
    }
    if (!o.dsn || o.events == 0 || o.transaction == 0 || o.rows == 0 || o.connections == 0 ||
        o.connections > CONNECTIONS_MAX)
        usage();
    return o;
}

int main(int argc, char **argv)
{
    struct options o = parse(argc, argv);
    struct rows rows = {0};
    struct worker workers[CONNECTIONS_MAX] = {0};
    struct rusage before;
    PGconn *c = connect_to(o.dsn);
    read_rows(c, &o, &rows);
    prepare(c, &o);
    PQfinish(c);
    getrusage(RUSAGE_SELF, &before);
    double begun = now();
    for (unsigned i = 0; i < o.connections; i++) {
        workers[i] = (struct worker){.options = &o, .rows = &rows, .number = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("start", "no thread");
    }
    for (unsigned i = 0; i < o.connections; i++)
        pthread_join(workers[i].thread, NULL);
    report(&o, workers, now() - begun, &before);
    free(rows.data);
    free(rows.offsets);
    free(rows.times);
    return 0;
}
