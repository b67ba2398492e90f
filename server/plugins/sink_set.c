/* sink_set.c: collects the sinks of a process. Main thread. Runs none of them. */
#include "server/plugins/sink_set.h"
#include "core/thread.h"

#include <stdio.h>
#include <string.h>

#include "server/plugins/sink_config.h"

static bool has_name(const struct sink_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (!strcmp(set->items[i].sink->name, name))
            return true;
    return false;
}

static enum status add_plugin(struct sink_set *set, const char *file,
                              const struct setting_map *settings, char reason[SINK_SET_REASON])
{
    size_t most = sizeof set->plugins / sizeof *set->plugins;
    if (set->plugin_count == most) {
        snprintf(reason, SINK_SET_REASON, "sinks.plugins: %zu plug-ins at most", most);
        return STATUS_CONFIG;
    }
    struct sink_plugin *plugin = &set->plugins[set->plugin_count++];
    enum status s = sink_plugin_open(file, settings, plugin, reason);
    if (s == STATUS_OK && has_name(set, plugin->sink->name)) {
        snprintf(reason, SINK_SET_REASON, "plug-in %s can't be used: another one has its name '%s'",
                 plugin->object.file, plugin->sink->name);
        s = STATUS_CONFIG;
    }
    if (s == STATUS_OK)
        set->items[set->count++] =
            (struct sink_choice){plugin->sink, plugin->settings, plugin->object.file};
    return s;
}

/* A mistyped entry must not be ignored: the sink would continue with its default. */
static enum status check_entries(const struct sink_set *set, const struct setting_map *settings,
                                 char reason[SINK_SET_REASON])
{
    for (size_t i = 0; i < settings->count; i++) {
        bool taken = false;
        for (size_t p = 0; p < set->plugin_count; p++)
            taken = taken || sink_plugin_takes(&set->plugins[p], settings->names[i]);
        if (!taken) {
            snprintf(reason, SINK_SET_REASON,
                     "sinks.plugin_settings: no sink of sinks.plugins takes '%.128s'",
                     settings->names[i]);
            return STATUS_CONFIG;
        }
    }
    return STATUS_OK;
}

enum status sink_set_open(const struct config *config, struct sink_set *out,
                          char reason[SINK_SET_REASON])
{
    thread_assert(THREAD_MAIN);
    const struct setting_map *settings = &config->sink_plugin_settings;
    enum status s = STATUS_OK;
    *out = (struct sink_set){0};
    for (size_t i = 0; i < SINK_BUILT_IN_COUNT; i++) {
        sink_settings_from_config(config, sink_built_in_table(i), &out->settings[i]);
        out->items[out->count++] =
            (struct sink_choice){sink_built_in(i), out->settings[i].bytes, NULL};
    }
    for (size_t i = 0; s == STATUS_OK && i < config->sink_plugins.count; i++)
        s = add_plugin(out, config->sink_plugins.items[i], settings, reason);
    if (s == STATUS_OK)
        s = check_entries(out, settings, reason);
    if (s == STATUS_OK)
        return s;
    if (s != STATUS_CONFIG)
        snprintf(reason, SINK_SET_REASON, "sink plug-ins can't be loaded: %s", status_text(s));
    sink_set_close(out);
    return s;
}

void sink_set_close(struct sink_set *set)
{
    thread_assert(THREAD_MAIN);
    for (size_t i = 0; i < set->plugin_count; i++)
        sink_plugin_close(&set->plugins[i]);
    *set = (struct sink_set){0};
}

uint64_t sink_set_files(const struct sink_set *set)
{
    uint64_t files = 0;
    for (size_t i = 0; i < set->count; i++)
        if (sink_is_enabled(set->items[i].sink, set->items[i].settings))
            files += sink_files(set->items[i].sink, set->items[i].settings);
    return files;
}

enum status sink_set_check(const struct sink_set *set, sink_set_tell_fn *tell, void *arg)
{
    thread_assert(THREAD_MAIN);
    static const uint8_t no_spool[16];
    enum status status = STATUS_OK;
    for (size_t i = 0; i < set->count; i++) {
        const struct sink_choice *choice = &set->items[i];
        struct sink_problem problem = {0};
        const struct sink_config config = {.struct_size = sizeof config,
                                           .instance = "check",
                                           .lanes = 1,
                                           .spool_uid = no_spool,
                                           .settings = choice->settings};
        if (!sink_is_enabled(choice->sink, choice->settings))
            continue;
        void *lane = choice->sink->open(&config, &problem);
        if (lane) {
            choice->sink->close(lane);
        } else {
            tell(arg, problem.text);
            status = STATUS_CONFIG;
        }
    }
    return status;
}
