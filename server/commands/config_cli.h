/* config_cli.h: the command line of subcommands that read settings. Thread: main. */
#ifndef VSOC_SERVER_CONFIG_CLI_H
#define VSOC_SERVER_CONFIG_CLI_H

#include "server/config/config.h"

#define CONFIG_CLI_SETS_MAX 128

/* Where the settings came from. Texts are argv's. */
struct config_cli {
    const char *path;                      /* -c, or NULL */
    const char *sets[CONFIG_CLI_SETS_MAX]; /* --set */
    size_t set_count;
};

/* An option of the subcommand's own: with text it takes an argument, without it sets *flag. */
struct config_cli_option {
    const char *name; /* "--dry-run" */
    bool *flag;
    const char **text;
};

/* What a subcommand accepts beyond -c and --set. */
struct config_cli_spec {
    const struct config_cli_option *options; /* ended by a NULL name; may be NULL */
    bool without_files; /* does not check whether certificates and similar files exist */
};

/* Parses "-c FILE", "--set key=value" (repeatable) and the spec's options (spec NULL: none), then
 * loads the settings. argv[0] is the subcommand's name. EXIT_DONE: the caller destroys *out.
 * EXIT_USAGE: the usage is on stderr. EXIT_CONFIG: every mistake is on stderr, one a line, as
 * file:line:column: text. EXIT_FAILED: memory. */
int config_cli_load(int argc, char **argv, const struct config_cli_spec *spec,
                    struct config_cli *cli, struct config **out);
/* Prints mistakes to stderr, one per line. */
void config_cli_tell(const struct config_problems *problems);

#endif
