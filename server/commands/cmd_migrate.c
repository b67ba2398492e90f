/* cmd_migrate.c: `vsocd migrate`: brings the PostgreSQL schema up to date. Main thread. The
 * migrations are in storage/sinks/postgres/schema/. */
#include "server/commands/command.h"

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
    enum status status = pg_migrate(config->postgres_dsn, dry_run, say, NULL, &problem);
    config_destroy(config);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd migrate: %s\n", problem.text);
    return exit_for(status);
}
