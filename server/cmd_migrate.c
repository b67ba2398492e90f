/* cmd_migrate.c: `vsocd migrate`: brings the PostgreSQL schema up to date. Main thread. What the
 * migrations are is in storage/pg_migrate.c. */
#include "server/command.h"

#include "server/config.h"
#include "storage/pg_migrate.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define SETS_MAX 64

struct options {
    const char *path;
    const char *sets[SETS_MAX];
    size_t set_count;
    bool dry_run;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"dry-run", no_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "c:", known, NULL)) != -1) {
        if (letter == 'c')
            options->path = optarg;
        else if (letter == 's' && options->set_count < SETS_MAX)
            options->sets[options->set_count++] = optarg;
        else if (letter == 'n')
            options->dry_run = true;
        else
            return false;
    }
    return optind == argc;
}

static void print_problems(const struct config_problems *problems)
{
    size_t most = sizeof problems->items / sizeof *problems->items;
    for (size_t i = 0; i < problems->count && i < most; i++) {
        const struct config_problem *p = &problems->items[i];
        if (p->line)
            fprintf(stderr, "%s:%zu:%zu: %s\n", p->source, p->line, p->column, p->text);
        else
            fprintf(stderr, "%s: %s\n", p->source, p->text);
    }
}

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
    struct options options = {0};
    struct config *config;
    struct config_problems problems = {.count = 0};
    char problem[512] = "";
    if (!read_options(argc, argv, &options))
        return command_usage("migrate");
    enum status status =
        config_load(options.path, options.sets, options.set_count, environ, &config, &problems);
    if (status != STATUS_OK) {
        print_problems(&problems);
        return EXIT_CONFIG;
    }
    status = pg_migrate(config->postgres_dsn, options.dry_run, say, NULL, problem);
    config_destroy(config);
    if (status != STATUS_OK)
        fprintf(stderr, "vsocd migrate: %s\n", problem);
    return exit_for(status);
}
