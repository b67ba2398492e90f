/* sink_plugin.c: loads one sink from a shared object. Main thread. Does not run it. */
#include "server/plugins/sink_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/sinks/registry/sink_check.h"

_Static_assert(SINK_CHECK_REASON <= PLUGIN_WHY, "reasons of sink_check fit");

static enum status accept_sink(void *arg, const void *descriptor, char why[PLUGIN_WHY])
{
    (void)arg;
    return sink_check(descriptor, why) ? STATUS_OK : STATUS_REFUSED;
}

static const struct plugin_kind sink_kind = {"sink", VSOC_SINK_PLUGIN_SYMBOL, accept_sink, NULL};

/* The key of an entry NAME.KEY when NAME is this sink's, else NULL. */
static const char *key_of(const struct sink *sink, const char *entry)
{
    size_t size = strlen(sink->name);
    return !strncmp(entry, sink->name, size) && entry[size] == '.' ? entry + size + 1 : NULL;
}

static const char *value_of(const struct sink *sink, const struct sink_setting_row *row,
                            const struct setting_map *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        const char *key = key_of(sink, settings->names[i]);
        if (key && !strcmp(key, row->key))
            return settings->values[i];
    }
    return row->fallback;
}

static enum status read_settings(struct sink_plugin *p, const struct setting_map *settings,
                                 char reason[PLUGIN_REASON])
{
    const struct sink_setting_row *rows = p->sink->settings;
    size_t count = 0;
    while (rows && rows[count].key)
        count++;
    p->settings = calloc(count + 1, sizeof *p->settings);
    if (!p->settings)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *value = value_of(p->sink, &rows[i], settings);
        if (!value) {
            snprintf(reason, PLUGIN_REASON, "sinks.plugin_settings: %s.%s must be set: %s",
                     p->sink->name, rows[i].key, rows[i].help);
            return STATUS_CONFIG;
        }
        p->settings[i] = (struct sink_setting){rows[i].key, value};
    }
    return STATUS_OK;
}

static enum status check_limits(const struct sink_plugin *p, char reason[PLUGIN_REASON])
{
    struct sink_limits limits = sink_limits_of(p->sink, p->settings);
    char why[SINK_CHECK_REASON];
    if (sink_check_limits(&limits, why))
        return STATUS_OK;
    snprintf(reason, PLUGIN_REASON, "plug-in %s can't be used: %s", p->object.file, why);
    return STATUS_CONFIG;
}

enum status sink_plugin_open(const char *file, const struct setting_map *settings,
                             struct sink_plugin *out, char reason[PLUGIN_REASON])
{
    out->settings = NULL;
    enum status s = plugin_object_open(file, &sink_kind, NULL, &out->object, reason);
    out->sink = s == STATUS_OK ? out->object.descriptor : NULL;
    if (s == STATUS_OK)
        s = read_settings(out, settings, reason);
    return s == STATUS_OK ? check_limits(out, reason) : s;
}

bool sink_plugin_takes(const struct sink_plugin *plugin, const char *entry)
{
    const char *key = key_of(plugin->sink, entry);
    for (size_t i = 0; key && plugin->settings[i].key; i++)
        if (!strcmp(plugin->settings[i].key, key))
            return true;
    return false;
}

void sink_plugin_close(struct sink_plugin *plugin)
{
    free(plugin->settings);
    plugin->settings = NULL;
    plugin->sink = NULL;
    plugin_object_close(&plugin->object);
}
