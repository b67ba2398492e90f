/* cmd_migrate.c: `vsocd migrate`: brings the PostgreSQL schema up to date. Main thread. The
 * migrations are in storage/sinks/postgres/schema/. */
#include "server/commands/command.h"

#include "core/writer.h"
#include "server/commands/command_audit.h"
#include "server/commands/config_cli.h"
#include "server/config/config_mask.h"
#include "storage/sinks/postgres/schema/pg_migrate.h"

#include <stdio.h>
#include <string.h>

static void say(void *arg, const char *line)
{
    (void)arg;
    puts(line);
    fflush(stdout);
}

static int exit_for(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_DONE;
    case STATUS_UNAVAILABLE:
        return EXIT_UNAVAILABLE;
    case STATUS_CONFIG:
        return EXIT_CONFIG;
    default:
        return EXIT_FAILED;
    }
}

/* In the audit log of the server whose data_dir is here, before the schema changes. A machine
 * without it has nothing to record it in: vsoc.schema_version and vsoc.audit of the database have
 * who applied what. */
static enum status record_migration(const struct config *config, struct problem *problem)
{
    struct writer dsn;
    bool recorded;
    writer_init(&dsn, (size_t)64 << 10);
    config_write_masked_dsn(config->postgres_dsn, &dsn);
    const struct audit_field fields[] = {AUDIT_SLICE(database, writer_slice(&dsn)),
                                         AUDIT_UINT(to_version, pg_migrate_latest())};
    enum status status = command_audit_if_kept(config, AUDIT_schema_migrated, fields,
                                               sizeof fields / sizeof *fields, &recorded, problem);
    writer_fini(&dsn);
    return status == STATUS_OK ? status : STATUS_UNAVAILABLE;
}

int cmd_migrate(int argc, char **argv)
{
    bool dry_run = false;
    const struct config_cli_option options[] = {{"--dry-run", &dry_run, NULL}, {NULL, NULL, NULL}};
    const struct config_cli_spec spec = {.options = options, .without_files = true};
    struct config_cli cli;
    struct config *config;
    struct problem problem = {""};
    int code = config_cli_load(argc, argv, &spec, &cli, &config);
    if (code != EXIT_DONE)
        return code;
    if (config_sets_show_dsn(cli.sets, cli.set_count) && strstr(config->postgres_dsn, "password"))
        fputs("vsocd migrate: warning: the password given with --set is visible in the process "
              "list; use sinks.postgres.dsn_file\n",
              stderr);
    enum status status = STATUS_OK;
    if (!dry_run)
        status = record_migration(config, &problem);
    if (status == STATUS_OK)
        status = pg_migrate(config->postgres_dsn, dry_run, say, NULL, &problem);
    config_destroy(config);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd migrate: %s\n", problem.text);
    return exit_for(status);
}
