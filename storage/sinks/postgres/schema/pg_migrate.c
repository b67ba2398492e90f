/* pg_migrate.c: applies the numbered SQL files of this folder, which are part of the program.
 * Runs on the main thread. Never goes back to an older schema. */
#include "storage/sinks/postgres/schema/pg_migrate.h"
#include "core/object.h"

#include "core/disk/fault.h"
#include "storage/sinks/postgres/client/pg_connection.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT_MS   10000u
#define STATEMENT_TIMEOUT_MS 3600000u /* a migration may rewrite a large table */
#define TRIES_MAX            5        /* of a migration that deadlocks end */
#define DEADLOCK             "40P01"

#define MIGRATION(number, name)                                                                    \
    extern const uint8_t migration_##name[];                                                       \
    extern const size_t migration_##name##_size;
#include "storage/sinks/postgres/schema/migrations.def"
#undef MIGRATION

static const struct pg_migration migrations[] = {
#define MIGRATION(number, name) {number, #name, migration_##name, &migration_##name##_size},
#include "storage/sinks/postgres/schema/migrations.def"
#undef MIGRATION
};

#define MIGRATION_COUNT (sizeof migrations / sizeof *migrations)

const struct pg_migration *pg_migrations(size_t *count)
{
    *count = MIGRATION_COUNT;
    return migrations;
}

unsigned pg_migrate_latest(void)
{
    return migrations[MIGRATION_COUNT - 1].version;
}

#define RUN_MAGIC 0x4d494752U

struct run {
    unsigned magic; /* RUN_MAGIC */
    struct pg_connection *connection;
    pg_migrate_say_fn say;
    void *arg;
    struct problem *problem;
    struct pg_error error;
};

OBJECT_CAST(run, RUN_MAGIC)

static void say_notice(void *arg, const char *text)
{
    struct run *run = run_cast(arg);
    char line[512];
    snprintf(line, sizeof line, "notice: %s", text);
    run->say(run->arg, line);
}

static enum status fail(struct run *run, enum status status, const char *what)
{
    const char *advice = pg_error_advice(run->error.sqlstate);
    bool told = status == STATUS_REFUSED || status == STATUS_UNAVAILABLE || status == STATUS_CONFIG;
    problem_say(run->problem, "%s: %.300s%s%s", what, told ? run->error.text : status_text(status),
                advice ? "; " : "", advice ? advice : "");
    return status;
}

static void number_row(void *arg, const char *const *cells)
{
    *(unsigned *)arg = (unsigned)strtoul(cells[0] ? cells[0] : "0", NULL, 10);
}

static enum status ask_number(struct run *run, const char *sql, unsigned *number)
{
    return pg_connection_query(run->connection, sql, NULL, 0, number_row, number, &run->error);
}

/* 0: there is no schema yet. */
static enum status read_version(struct run *run, unsigned *version)
{
    unsigned there = 0;
    *version = 0;
    enum status status =
        ask_number(run,
                   "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                   "WHERE n.nspname = 'vsoc' AND c.relname = 'schema_version'",
                   &there);
    if (status == STATUS_OK && there)
        status = ask_number(run, "SELECT max(version) FROM vsoc.schema_version", version);
    return status;
}

/* Concurrent migrations take turns, and no partitions are created meanwhile (vsoc.make_partition
 * takes the same lock): both change the catalogue's row of a table, which PostgreSQL refuses to the
 * later one. The lock is on a table that only its owner may lock, because anybody can hold an
 * advisory lock indefinitely. Objects of vsoc_owner are changed as vsoc_owner. From PostgreSQL 16
 * on, the creator of a role is not automatically a member: a login that may create roles grants
 * itself membership, for roles that a migration creates and for those created before. */
static const char become_owner[] =
    "DO $$ BEGIN "
    "IF current_setting('server_version_num')::integer >= 160000 THEN "
    "PERFORM set_config('createrole_self_grant', 'set, inherit', true); "
    "IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vsoc_owner' AND "
    "pg_has_role(current_user, oid, 'MEMBER WITH ADMIN OPTION')) THEN "
    "IF NOT pg_has_role(current_user, 'vsoc_owner', 'SET') THEN "
    "EXECUTE format('GRANT vsoc_owner TO %I WITH SET TRUE, INHERIT TRUE', current_user); "
    "END IF; END IF; END IF; "
    "IF EXISTS (SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner "
    "WHERE n.nspname = 'vsoc' AND r.rolname = 'vsoc_owner' AND "
    "pg_has_role(current_user, r.oid, 'MEMBER')) THEN SET LOCAL ROLE vsoc_owner; END IF; "
    "IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'vsoc' AND c.relname = 'schema_version') THEN "
    "LOCK TABLE vsoc.schema_version IN EXCLUSIVE MODE; END IF; END $$";

static enum status begin_turn(struct run *run)
{
    enum status status = pg_connection_run(run->connection, "BEGIN", &run->error);
    return status == STATUS_OK ? pg_connection_run(run->connection, become_owner, &run->error)
                               : status;
}

static enum status record(struct run *run, const struct pg_migration *m)
{
    char version[16];
    snprintf(version, sizeof version, "%u", m->version);
    struct pg_param params[] = {{slice_from_text(version), 0},
                                {slice_from_text(m->name), 0},
                                {SLICE_LITERAL(VSOCD_VERSION), 0}};
    return pg_connection_query(
        run->connection,
        "WITH done AS (INSERT INTO vsoc.schema_version (version, name, program) "
        "VALUES ($1::int4, $2, $3) RETURNING version, name, program) "
        "INSERT INTO vsoc.audit (action, object, detail) "
        "SELECT 'migrate', 'schema', to_jsonb(done) FROM done",
        params, 3, NULL, NULL, &run->error);
}

/* One migration as one transaction. *applied: false if another run applied it while this one
 * waited. */
static enum status apply(struct run *run, const struct pg_migration *m, bool *applied)
{
    unsigned version = 0;
    enum status status = begin_turn(run);
    if (status == STATUS_OK)
        status = read_version(run, &version);
    *applied = version < m->version;
    fault_point(migrate_begun);
    if (status == STATUS_OK && *applied) /* embedded files have a NUL after their size */
        status = pg_connection_run(run->connection, (const char *)m->sql, &run->error);
    fault_point(migrate_applied);
    if (status == STATUS_OK && *applied)
        status = record(run, m);
    fault_point(migrate_recorded);
    if (status == STATUS_OK)
        status = pg_connection_commit(run->connection, &run->error);
    fault_point(migrate_committed);
    if (status != STATUS_OK)
        pg_connection_rollback(run->connection);
    return status;
}

/* A session that locks tables in another order, such as an analyst's transaction, has ended the
 * transaction of the migration; that session continues now. */
static enum status apply_again(struct run *run, const struct pg_migration *m, bool *applied)
{
    enum status status = apply(run, m, applied);
    for (unsigned tries = 1; tries < TRIES_MAX && status == STATUS_REFUSED &&
                             strcmp(run->error.sqlstate, DEADLOCK) == 0;
         tries++)
        status = apply(run, m, applied);
    return status;
}

/* Before there is a table to lock, unique names in PostgreSQL serialise the runs: the later one
 * waits for the earlier one's commit, fails, and finds here that everything is done. */
static enum status apply_in_turn(struct run *run, const struct pg_migration *m, bool *applied)
{
    enum status status = apply_again(run, m, applied);
    if (status != STATUS_REFUSED)
        return status;
    struct pg_error why = run->error;
    unsigned version = 0;
    enum status read = read_version(run, &version);
    *applied = false;
    if (read == STATUS_OK && version >= m->version)
        return STATUS_OK;
    if (read == STATUS_OK)
        run->error = why;
    return read == STATUS_OK ? status : read;
}

static enum status apply_missing(struct run *run, unsigned version, bool dry_run)
{
    char line[256];
    for (const struct pg_migration *m = migrations; m < migrations + MIGRATION_COUNT; m++) {
        bool applied = true;
        if (m->version <= version)
            continue;
        enum status status = dry_run ? STATUS_OK : apply_in_turn(run, m, &applied);
        if (status != STATUS_OK) {
            snprintf(line, sizeof line, "migration %s failed and was rolled back", m->name);
            return fail(run, status, line);
        }
        snprintf(line, sizeof line, dry_run ? "would apply %s" : "applied %s", m->name);
        if (applied)
            run->say(run->arg, line);
    }
    return STATUS_OK;
}

/* The database is hardened, and logins are reviewed, as the login itself, whose rights on it
 * vsoc_owner may not have. */
static enum status grant(struct run *run)
{
    enum status status = begin_turn(run);
    if (status == STATUS_OK)
        status = pg_connection_run(run->connection, "SELECT vsoc.grant_roles()", &run->error);
    if (status == STATUS_OK)
        status = pg_connection_run(run->connection, "RESET ROLE", &run->error);
    if (status == STATUS_OK)
        status = pg_connection_run(run->connection, "SELECT vsoc.harden_database()", &run->error);
    if (status == STATUS_OK)
        status = pg_connection_run(run->connection, "SELECT vsoc.review_logins()", &run->error);
    fault_point(migrate_granted);
    if (status == STATUS_OK)
        status = pg_connection_commit(run->connection, &run->error);
    return status == STATUS_OK ? status : fail(run, status, "cannot give the roles their rights");
}

static enum status migrate_in_turns(struct run *run, bool dry_run)
{
    unsigned version, latest = pg_migrate_latest();
    char line[128];
    enum status status = read_version(run, &version);
    if (status != STATUS_OK)
        return fail(run, status, "cannot read the version of the schema");
    if (version > latest) {
        problem_say(
            run->problem,
            "the schema vsoc is at version %u, this program knows only %u: run a newer vsocd",
            version, latest);
        return STATUS_VERSION;
    }
    status = apply_missing(run, version, dry_run);
    if (status == STATUS_OK && !dry_run)
        status = grant(run);
    if (status != STATUS_OK)
        return status;
    snprintf(line, sizeof line, "the schema vsoc is at version %u%s", dry_run ? version : latest,
             dry_run || version < latest ? "" : ": nothing to do");
    run->say(run->arg, line);
    return STATUS_OK;
}

enum status pg_migrate(const char *dsn, bool dry_run, pg_migrate_say_fn say, void *arg,
                       struct problem *problem)
{
    struct run run = {.magic = RUN_MAGIC, .say = say, .arg = arg, .problem = problem};
    enum status status = pg_connection_create(dsn, "vsocd migrate", &run.connection, &run.error);
    if (status != STATUS_OK)
        return fail(&run, status, "sinks.postgres.dsn");
    pg_connection_on_notice(run.connection, say_notice, &run);
    pg_connection_set_timeout(run.connection, STATEMENT_TIMEOUT_MS);
    status = pg_connection_open(run.connection, CONNECT_TIMEOUT_MS, &run.error);
    if (status != STATUS_OK)
        fail(&run, status, "cannot connect to PostgreSQL");
    fault_point(migrate_connected);
    if (status == STATUS_OK)
        status = migrate_in_turns(&run, dry_run);
    pg_connection_destroy(run.connection);
    return status;
}
