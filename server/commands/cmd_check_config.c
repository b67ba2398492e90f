/* cmd_check_config.c: `vsocd check-config`: reports every mistake in the settings, or prints the
 * effective ones. Main thread. Does not connect to anything. */
#include <stdio.h>

#include "core/writer.h"
#include "core/log/problem.h"
#include "server/daemon/catalog_set.h"
#include "server/commands/command.h"
#include "server/commands/config_cli.h"
#include "server/config/config_print.h"
#include "server/files/data_folders.h"
#include "server/plugins/plugins.h"
#include "server/identity/pseudonym.h"
#include "server/plugins/sink_set.h"
#include "server/tls/tls.h"

static bool tell(const struct config *config, const char *what, const char *problem)
{
    fprintf(stderr, "%s: %s%s\n", config->path ? config->path : "settings", what, problem);
    return false;
}

/* Certificates, keys and lists are read as `serve` would. */
static bool tls_is_good(const struct config *config)
{
    struct tls_context *tls = NULL;
    struct tls_settings settings = tls_settings_from_config(config);
    struct problem problem;
    if (!config->ingest_tls || tls_context_create(&settings, &tls, &problem) == STATUS_OK) {
        tls_context_release(tls);
        return true;
    }
    return tell(config, "tls: ", problem.text);
}

static void tell_of_sink(void *config, const char *reason)
{
    (void)tell(config, "", reason);
}

static bool sinks_are_good(struct config *config)
{
    static struct sink_set set;
    char reason[SINK_SET_REASON];
    if (sink_set_open(config, &set, reason) != STATUS_OK)
        return tell(config, "", reason);
    bool good = sink_set_check(&set, tell_of_sink, config) == STATUS_OK;
    sink_set_close(&set);
    return good;
}

static bool keys_are_good(const struct config *config)
{
    struct problem problem;
    return (pseudonym_key_check(config->privacy_keys_file, &problem) == STATUS_OK &&
            data_keys_missing(config->data_dir, config->privacy_keys_file, &problem) ==
                STATUS_OK) ||
           tell(config, "privacy.keys_file: ", problem.text);
}

/* Plug-ins are loaded, and the event catalogues read, as `serve` would. */
static bool formats_are_good(const struct config *config)
{
    struct plugins plugins;
    struct config_problems problems;
    struct catalog_set *set = NULL;
    char reason[PLUGINS_REASON];
    if (plugins_open_configured(config, &plugins, reason) != STATUS_OK)
        return tell(config, "", reason);
    enum status s = catalog_set_load(&config->ingest_catalogs, plugins.registry, &set, &problems);
    if (s == STATUS_CONFIG)
        config_cli_tell(&problems);
    else if (s != STATUS_OK)
        tell(config, "ingest.catalogs: ", status_text(s));
    catalog_set_destroy(set);
    plugins_close(&plugins);
    return s == STATUS_OK;
}

static int print(const struct config *config)
{
    struct writer out;
    writer_init(&out, (size_t)16 << 20);
    config_print(config, &out);
    bool good = out.status == STATUS_OK && fwrite(out.data, 1, out.size, stdout) == out.size &&
                fflush(stdout) == 0;
    writer_fini(&out);
    return good ? EXIT_DONE : EXIT_FAILED;
}

int cmd_check_config(int argc, char **argv)
{
    struct config_cli cli;
    struct config *config = NULL;
    bool show = false;
    const struct config_cli_option options[] = {{"--print", &show, NULL}, {NULL, NULL, NULL}};
    int status =
        config_cli_load(argc, argv, &(struct config_cli_spec){.options = options}, &cli, &config);
    if (status != EXIT_DONE)
        return status;
    bool tls = tls_is_good(config), sinks = sinks_are_good(config), keys = keys_are_good(config),
         formats = formats_are_good(config);
    if (!tls || !sinks || !keys || !formats)
        status = EXIT_CONFIG;
    else if (show)
        status = print(config);
    else
        printf("%s: no mistakes\n", cli.path ? cli.path : "settings");
    config_destroy(config);
    return status;
}
