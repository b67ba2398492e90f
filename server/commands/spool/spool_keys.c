/* spool_keys.c: finds the file of keys for `vsocd spool`. Main thread. Without one, the commands
 * say what they could not read or check. */
#include "server/commands/spool/cmd_spool.h"
#include "server/commands/command.h"

#include <stdio.h>
#include <string.h>

#include "server/commands/config_cli.h"
#include "server/ingest/record_keys.h"

int spool_load_settings(const struct spool_command *command, struct config **config)
{
    const struct config_cli_spec spec = {.without_files = true};
    char *argv[1 + 2 * SPOOL_SETTINGS_MAX] = {(char *)(uintptr_t) "spool"};
    struct config_cli cli;
    for (int i = 0; i < command->settings_count; i++)
        argv[1 + i] = (char *)(uintptr_t)command->settings[i];
    return config_cli_load(1 + command->settings_count, argv, &spec, &cli, config);
}

/* The file's place by default, beside the spool. */
static bool default_path(const char *dir, char *path, size_t size)
{
    int n = snprintf(path, size, "%s/../keys/vin.keys", dir);
    return n > 0 && (size_t)n < size;
}

int spool_load_keys(const struct spool_command *command, const struct seal_keys **out)
{
    static struct seal_keys keys;
    struct config *config = NULL;
    struct problem problem = {0};
    char path[4200];
    const char *chosen = command->keys;
    *out = NULL;
    if (!chosen && command->settings_count) {
        int code = spool_load_settings(command, &config);
        if (code != EXIT_DONE)
            return code;
        chosen = config->privacy_keys_file;
    }
    bool asked = chosen != NULL;
    if (!chosen && default_path(command->dir, path, sizeof path))
        chosen = path;
    enum status status = chosen ? record_keys_load(chosen, &keys, &problem) : STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *out = &keys;
    else if (asked)
        fprintf(stderr, "vsocd: %s: %s\n", chosen,
                problem.text[0] ? problem.text : status_text(status));
    config_destroy(config);
    return status == STATUS_OK || !asked ? EXIT_DONE : EXIT_CONFIG;
}
