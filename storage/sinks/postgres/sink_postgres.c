/* sink_postgres.c: the PostgreSQL sink: one connection per lane and its checks on connecting. Runs
 * on the lane's thread, except interrupt. pg_load.c turns a load into a transaction, jobs/
 * maintains the tables, and the runner decides when to retry. */
#define LOG_COMPONENT "postgres"
#include "core/object.h"
#include "core/thread.h"
#include "core/log/log.h"
#include "core/metrics/metrics.h"
#include "core/uuid7.h"
#include "storage/sinks/postgres/jobs/pg_jobs.h"
#include "storage/sinks/postgres/jobs/pg_watch.h"
#include "storage/sinks/postgres/pg_load.h"
#include "storage/sinks/postgres/schema/pg_migrate.h"
#include "storage/sinks/postgres/pg_settings.h"
#include "core/disk/fault.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 7000u  /* connect blocks for 10 s at most: this, */
#define CHECK_TIMEOUT_MS   2500u  /* then the checks */
#define LOAD_TIMEOUT_MS    60000u /* for each statement of a load */

/* Of the other threads: a connection each, and its successor during a reconnect. */
#define FILES_BESIDE 4

#define LANE_MAGIC 0x50474c4eU

struct lane {
    unsigned magic; /* LANE_MAGIC */
    const struct sink_postgres_settings *settings;
    struct pg_connection *connection;
    struct pg_loader loader;
    struct pg_watch *watch; /* the first lane's, as the next; NULL: not started yet */
    struct pg_jobs *jobs;
    char *instance, *evidence_dir;
    uint8_t spool_uid[UUID_BYTES];
    metric_t connects;
};

OBJECT_CAST(lane, LANE_MAGIC)

static void lane_close(void *arg)
{
    if (!arg)
        return;
    struct lane *lane = lane_cast(arg);
    pg_watch_stop(lane->watch);
    pg_jobs_stop(lane->jobs);
    pg_loader_fini(&lane->loader);
    pg_connection_destroy(lane->connection);
    free(lane->instance);
    free(lane->evidence_dir);
    object_end(&lane->magic);
    free(lane);
}

static void *lane_open(const struct sink_config *config, struct sink_problem *problem)
{
    const struct sink_postgres_settings *settings = config->settings;
    struct pg_error error = {.text = "out of memory"};
    char application[64];
    snprintf(application, sizeof application, "vsocd %s%.40s %u", config->replay ? "replay " : "",
             config->instance, config->lane);
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane) {
        lane->magic = LANE_MAGIC;
        lane->instance = strdup(config->instance);
    }
    if (!lane || !lane->instance ||
        pg_connection_create(settings->dsn, application, &lane->connection, &error) != STATUS_OK) {
        snprintf(problem->text, sizeof problem->text, "sinks.postgres.dsn: %s", error.text);
        lane_close(lane);
        return NULL;
    }
    lane->settings = settings;
    if (config->evidence_dir)
        lane->evidence_dir = strdup(config->evidence_dir); /* without it, heads are not copied */
    memcpy(lane->spool_uid, config->spool_uid, UUID_BYTES);
    lane->connects = metric_series(METRIC_vsocd_pg_reconnects_total, "");
    pg_loader_init(&lane->loader, lane->connection, lane->instance, config->lane, config->lanes);
    lane->loader.replay = config->replay;
    lane->loader.key_window_ns = settings->batch_key_window_ns;
    return lane;
}

#define SCHEMA_FOUND_MAGIC 0x53434845U

struct schema_found {
    unsigned magic; /* SCHEMA_FOUND_MAGIC */
    char encoding[32];
    unsigned version;
};

OBJECT_CAST(schema_found, SCHEMA_FOUND_MAGIC)

static void schema_row(void *arg, const char *const *cells)
{
    struct schema_found *found = schema_found_cast(arg);
    snprintf(found->encoding, sizeof found->encoding, "%s", cells[0] ? cells[0] : "");
    found->version = (unsigned)strtoul(cells[1] ? cells[1] : "0", NULL, 10);
}

static enum sink_result check_schema(struct lane *lane, struct sink_problem *problem)
{
    struct schema_found found = {.magic = SCHEMA_FOUND_MAGIC};
    struct pg_error error;
    enum status status =
        pg_connection_query(lane->connection,
                            "SELECT current_setting('server_encoding'), coalesce(max(version), 0) "
                            "FROM vsoc.schema_version",
                            NULL, 0, schema_row, &found, &error);
    if (status != STATUS_OK)
        return pg_loader_failed(status, &error, "cannot read the version of the schema", problem);
    unsigned latest = pg_migrate_latest();
    if (found.version < latest)
        snprintf(problem->text, sizeof problem->text,
                 "the schema vsoc is at version %u, this program needs %u: run `vsocd migrate`",
                 found.version, latest);
    else if (found.version > latest)
        snprintf(problem->text, sizeof problem->text,
                 "the schema vsoc is at version %u, this program knows only %u: run a newer vsocd",
                 found.version, latest);
    else if (strcmp(found.encoding, "UTF8") != 0)
        snprintf(problem->text, sizeof problem->text,
                 "the database has encoding %s: create one with ENCODING 'UTF8'", found.encoding);
    else
        return SINK_DELIVERED;
    return SINK_BROKEN;
}

#define SHAPE_MAGIC 0x53484150U

struct shape {
    unsigned magic; /* SHAPE_MAGIC */
    struct pg_loader *loader;
};

OBJECT_CAST(shape, SHAPE_MAGIC)

/* "": the table has a primary key; else a column with a default. */
static void shape_row(void *arg, const char *const *cells)
{
    struct pg_loader *loader = shape_cast(arg)->loader;
    if (!cells[0] || !cells[0][0])
        loader->keyless = false;
    for (unsigned field = 0; cells[0] && field < EVENT_FIELD_COUNT; field++)
        if (strcmp(event_field_table[field].name, cells[0]) == 0)
            pg_columns_keep(&loader->columns, field);
}

/* What an administrator may have changed of vsoc.events. A column that has a default is always
 * named, or its value would depend on the other events of a load. */
static enum sink_result read_shape(struct lane *lane, struct sink_problem *problem)
{
    struct pg_error error;
    struct shape shape = {.magic = SHAPE_MAGIC, .loader = &lane->loader};
    pg_columns_init(&lane->loader.columns);
    lane->loader.keyless = true;
    enum status status = pg_connection_query(
        lane->connection,
        "SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = "
        "'vsoc.events'::regclass "
        "AND atthasdef AND NOT attisdropped UNION ALL SELECT '' FROM pg_catalog.pg_constraint "
        "WHERE conrelid = 'vsoc.events'::regclass AND contype = 'p'",
        NULL, 0, shape_row, &shape, &error);
    return status == STATUS_OK
               ? SINK_DELIVERED
               : pg_loader_failed(status, &error, "cannot read the shape of vsoc.events", problem);
}

static void superuser_row(void *arg, const char *const *cells)
{
    *(bool *)arg = cells[0] && cells[0][0] == 't';
}

/* An attacker who takes over a server with a superuser login controls the database's machine as
 * well. */
static enum sink_result check_login(struct lane *lane, struct sink_problem *problem)
{
    bool superuser = false;
    struct pg_error error;
    if (lane->settings->allow_superuser)
        return SINK_DELIVERED;
    enum status status = pg_connection_query(
        lane->connection, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user",
        NULL, 0, superuser_row, &superuser, &error);
    if (status != STATUS_OK)
        return pg_loader_failed(status, &error, "cannot check the rights of the login", problem);
    if (!superuser)
        return SINK_DELIVERED;
    snprintf(
        problem->text, sizeof problem->text,
        "the login in sinks.postgres.dsn is a superuser of PostgreSQL: create one that may only "
        "load (CREATE ROLE name LOGIN PASSWORD '…' IN ROLE vsoc_ingest, after `vsocd migrate`) "
        "and use it, or set sinks.postgres.allow_superuser to true");
    return SINK_MISCONFIGURED;
}

static void position_row(void *arg, const char *const *cells)
{
    struct sink_position *there = arg;
    there->position = strtoull(cells[0], NULL, 10);
    there->known =
        !cells[1] || uuid_from_text(slice_from_text(cells[1]), there->batch_uid) == STATUS_OK;
}

/* Positions of another spool, or for another number of lanes, are meaningless. But if a lane has no
 * position, and there is none for another number of lanes or instance, then the database has
 * nothing: it is new, emptied, or restored from an earlier state. Delivering everything again is
 * safe: existing rows are not loaded twice. */
static enum sink_result read_position(struct lane *lane, struct sink_position *there,
                                      struct sink_problem *problem)
{
    char number[16], lanes[16], uid[UUID_TEXT_BYTES + 1];
    snprintf(number, sizeof number, "%u", lane->loader.lane);
    snprintf(lanes, sizeof lanes, "%u", lane->loader.lanes);
    uuid_to_text(lane->spool_uid, uid);
    uid[UUID_TEXT_BYTES] = '\0';
    struct pg_param params[] = {{slice_from_text(lane->instance), 0},
                                {slice_from_text(number), 0},
                                {slice_from_text(lanes), 0},
                                {slice_from_text(uid), 0}};
    struct pg_error error;
    enum status status = pg_connection_query(
        lane->connection,
        "SELECT position, batch_uid FROM vsoc.sink_position WHERE instance = $1 "
        "AND lane = $2::int4 AND lanes = $3::int4 AND spool_uid = $4::uuid UNION ALL "
        "SELECT 0, NULL WHERE NOT EXISTS (SELECT FROM vsoc.sink_position WHERE spool_uid = "
        "$4::uuid "
        "AND (instance <> $1 OR lanes <> $3::int4 OR lane = $2::int4))",
        params, 4, position_row, there, &error);
    if (status == STATUS_OK)
        return SINK_DELIVERED;
    return pg_loader_failed(status, &error, "cannot read the position", problem);
}

static enum sink_result lane_check(struct lane *lane, struct sink_position *there,
                                   struct sink_problem *problem)
{
    enum sink_result result = check_login(lane, problem);
    if (result == SINK_DELIVERED)
        result = check_schema(lane, problem);
    if (result == SINK_DELIVERED)
        result = read_shape(lane, problem);
    if (result != SINK_DELIVERED || lane->loader.replay)
        return result;
    result = read_position(lane, there, problem);
    if (result == SINK_DELIVERED)
        fault_point(pg_checked);
    return result;
}

/* For the first lane: the other threads that work on the database. Without one of them, loading
 * continues; the next connect retries. */
static void start_threads(struct lane *lane)
{
    const struct sink_postgres_settings *settings = lane->settings;
    const struct pg_job_settings jobs = {.partitions_ahead = (unsigned)settings->partitions_ahead,
                                         .batch_key_window_ns = settings->batch_key_window_ns,
                                         .evidence_dir = lane->evidence_dir};
    enum status status = STATUS_OK;
    if (!lane->watch)
        status = pg_watch_start(settings->dsn, lane->instance, &lane->watch);
    if (status != STATUS_OK)
        log_warn("overdue sessions of analysts are not ended", LOG_STATUS(status));
    status = STATUS_OK;
    if (!lane->jobs)
        status = pg_jobs_start(settings->dsn, lane->instance, &jobs, &lane->jobs);
    if (status != STATUS_OK)
        log_warn("the jobs of the database could not be started; loading continues without "
                 "partitions created ahead, and old batch keys stay, until the sink connects again",
                 LOG_STATUS(status));
}

static enum sink_result lane_connect(void *arg, struct sink_position *there,
                                     struct sink_problem *problem)
{
    thread_assert(THREAD_SINK);
    struct lane *lane = lane_cast(arg);
    struct pg_error error;
    bool was_open = pg_connection_is_open(lane->connection);
    pg_connection_set_timeout(lane->connection, LOAD_TIMEOUT_MS);
    enum status status = pg_connection_open(lane->connection, CONNECT_TIMEOUT_MS, &error);
    if (status != STATUS_OK)
        return pg_loader_failed(status, &error, "cannot connect to PostgreSQL", problem);
    if (!was_open)
        metric_add(lane->connects, 1);
    fault_point(pg_connected);
    pg_connection_set_timeout(lane->connection, CHECK_TIMEOUT_MS);
    enum sink_result result = lane_check(lane, there, problem);
    pg_connection_set_timeout(lane->connection, LOAD_TIMEOUT_MS);
    if (result != SINK_DELIVERED)
        pg_connection_close(lane->connection);
    else if (lane->loader.lane == 0 && !lane->loader.replay)
        start_threads(lane);
    return result;
}

static enum sink_result lane_deliver(void *arg, const struct sink_load *load,
                                     struct sink_problem *problem)
{
    thread_assert(THREAD_SINK);
    struct lane *lane = lane_cast(arg);
    if (!pg_connection_is_open(lane->connection)) {
        snprintf(problem->text, sizeof problem->text, "not connected to PostgreSQL");
        return SINK_LATER;
    }
    return pg_load_deliver(&lane->loader, load, problem);
}

static void lane_interrupt(void *arg)
{
    struct lane *lane = lane_cast(arg);
    pg_connection_interrupt(lane->connection);
}

static bool is_enabled(const void *settings)
{
    return ((const struct sink_postgres_settings *)settings)->enabled;
}

static void set_limits(const void *settings, struct sink_limits *limits)
{
    const struct sink_postgres_settings *s = settings;
    limits->lanes = (unsigned)s->connections;
    limits->load_events = (uint32_t)s->batch_events;
    limits->load_interval_ns = s->batch_interval_ns;
    limits->files = FILES_BESIDE;
}

const struct sink sink_postgres = {
    .abi_version = VSOC_SINK_ABI,
    .struct_size = sizeof(struct sink),
    .event_abi = VSOC_EVENT_ABI,
    .event_size = sizeof(struct event),
    .name = "postgres",
    .version = "1.0.0",
    .description = "loads events into PostgreSQL, exactly once",
    .enabled = is_enabled,
    .limits = set_limits,
    .awaited = true,
    .open = lane_open,
    .connect = lane_connect,
    .deliver = lane_deliver,
    .interrupt = lane_interrupt,
    .close = lane_close,
    .replays = true,
    .takes_raw = true, /* behind vsoc.read_quarantine */
    .takes_records = true,
};
