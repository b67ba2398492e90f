/* config_cli.c: -c, --set and a subcommand's own options; reports mistakes in the settings. Main
 * thread. */
#include "server/daemon/config_check.h"
#include "server/commands/config_cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/commands/command.h"

/* Argument of an option that may be written "--name value" or "--name=value": NULL when argv[*i]
 * is not this option; "" and *missing when the argument is. */
static const char *option_argument(int argc, char **argv, int *i, const char *name, bool *missing)
{
    size_t n = strlen(name);
    const char *arg = argv[*i];
    if (strncmp(arg, name, n) != 0 || (arg[n] && arg[n] != '='))
        return NULL;
    if (arg[n] == '=')
        return arg + n + 1;
    if (*i + 1 < argc)
        return argv[++*i];
    *missing = true;
    return "";
}

/* True when argv[*i] is one of the subcommand's own options. */
static bool take_own(int argc, char **argv, int *i, const struct config_cli_spec *spec,
                     bool *missing)
{
    const struct config_cli_option *option = spec ? spec->options : NULL;
    for (; option && option->name; option++) {
        if (!option->text) {
            if (strcmp(argv[*i], option->name) != 0)
                continue;
            *option->flag = true;
            return true;
        }
        const char *text = option_argument(argc, argv, i, option->name, missing);
        if (!text)
            continue;
        *option->text = text;
        return true;
    }
    return false;
}

static bool take_common(int argc, char **argv, int *i, struct config_cli *cli, bool *missing)
{
    const char *text = option_argument(argc, argv, i, "-c", missing);
    if (!text)
        text = option_argument(argc, argv, i, "--config", missing);
    if (text) {
        cli->path = text;
        return true;
    }
    text = option_argument(argc, argv, i, "--set", missing);
    if (!text || cli->set_count == CONFIG_CLI_SETS_MAX)
        return false;
    cli->sets[cli->set_count++] = text;
    return true;
}

/* A word after a --set is most likely the rest of its value, which may hold a password. */
static void tell_no_option(const char *command, const char *arg, bool behind_set)
{
    if (*arg == '-')
        fprintf(stderr, "vsocd %s: '%.*s' is not an option\n", command, (int)strcspn(arg, "="),
                arg);
    else if (behind_set || strpbrk(arg, "=@"))
        fprintf(stderr,
                "vsocd %s: a word (not shown) is not an option; quote values that contain blanks\n",
                command);
    else
        fprintf(stderr, "vsocd %s: '%s' is not an option\n", command, arg);
}

static bool parse(int argc, char **argv, const struct config_cli_spec *spec, struct config_cli *cli)
{
    for (int i = 1; i < argc; i++) {
        bool missing = false;
        const char *arg = argv[i];
        if (!take_own(argc, argv, &i, spec, &missing) &&
            !take_common(argc, argv, &i, cli, &missing)) {
            tell_no_option(argv[0], arg, cli->set_count > 0);
            return false;
        }
        if (missing) {
            fprintf(stderr, "vsocd %s: %s needs an argument\n", argv[0], arg);
            return false;
        }
    }
    return true;
}

void config_cli_tell(const struct config_problems *problems)
{
    size_t kept = sizeof problems->items / sizeof *problems->items;
    size_t shown = problems->count < kept ? problems->count : kept;
    for (size_t i = 0; i < shown; i++) {
        const struct config_problem *p = &problems->items[i];
        if (p->line)
            fprintf(stderr, "%s:%zu:%zu: %s\n", p->source, p->line, p->column, p->text);
        else
            fprintf(stderr, "%s: %s\n", p->source, p->text);
    }
    if (problems->count > shown)
        fprintf(stderr, "… and %zu more\n", problems->count - shown);
}

int config_cli_load(int argc, char **argv, const struct config_cli_spec *spec,
                    struct config_cli *cli, struct config **out)
{
    struct config_problems problems;
    *cli = (struct config_cli){0};
    if (!parse(argc, argv, spec, cli))
        return command_usage(argv[0]);
    enum status s =
        config_load(cli->path, cli->sets, cli->set_count, environ,
                    spec && spec->without_files ? &config_checks_without_files : &config_checks,
                    out, &problems);
    if (s == STATUS_OK)
        return EXIT_DONE;
    config_cli_tell(&problems);
    if (s == STATUS_CONFIG)
        return EXIT_CONFIG;
    fprintf(stderr, "vsocd %s: %s\n", argv[0], status_text(s));
    return s == STATUS_IO || s == STATUS_NO_SPACE ? EXIT_DISK : EXIT_FAILED;
}
