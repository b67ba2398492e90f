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

/* Of the settings, if there are any; NOT_FOUND: not there. */
static int load_configured(const struct spool_command *command, struct seal_keys *keys,
                           enum status *status)
{
    struct config *config;
    struct problem problem = {0};
    if (!command->settings_count)
        return EXIT_DONE;
    int code = spool_load_settings(command, &config);
    if (code != EXIT_DONE)
        return code;
    *status = record_keys_load(config->privacy_keys_file, keys, &problem);
    config_destroy(config);
    if (*status == STATUS_OK || *status == STATUS_NOT_FOUND)
        return EXIT_DONE;
    fprintf(stderr, "vsocd: privacy.keys_file: %s\n", problem.text);
    return EXIT_CONFIG;
}

int spool_load_keys(const struct spool_command *command, const struct seal_keys **out)
{
    static struct seal_keys keys;
    struct problem problem = {0};
    char path[4200];
    enum status status = STATUS_NOT_FOUND;
    *out = NULL;
    if (command->keys) {
        status = record_keys_load(command->keys, &keys, &problem);
        if (status != STATUS_OK) {
            fprintf(stderr, "vsocd: --keys: %s\n",
                    problem.text[0] ? problem.text : status_text(status));
            return EXIT_CONFIG;
        }
    } else {
        int code = load_configured(command, &keys, &status);
        if (code != EXIT_DONE)
            return code;
    }
    if (status != STATUS_OK && default_path(command->dir, path, sizeof path))
        status = record_keys_load(path, &keys, &problem);
    if (status == STATUS_OK)
        *out = &keys;
    return EXIT_DONE;
}
