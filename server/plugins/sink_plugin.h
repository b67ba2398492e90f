/* sink_plugin.h: sinks from shared objects, and their settings. Thread: main; between open and
 * close, any thread may use what they point to. */
#ifndef VSOC_SERVER_SINK_PLUGIN_H
#define VSOC_SERVER_SINK_PLUGIN_H

#include "server/config/config.h"
#include "server/plugins/plugin_object.h"
#include "storage/sinks/registry/sink_registry.h"

struct sink_plugin {
    struct plugin_object object;
    const struct sink *sink;
    struct sink_setting *settings; /* one for each row of the sink's, in force */
};

/* Loads the sink of a shared object, after a trial, and gives it its entries of
 * sinks.plugin_settings, whose texts it points into. CONFIG with the reason: as for
 * plugin_object_open, or sink_check refuses it, a setting is missing, or its limits are out of
 * range. NO_MEMORY, IO. Close *out in any case. */
enum status sink_plugin_open(const char *file, const struct setting_map *settings,
                             struct sink_plugin *out, char reason[PLUGIN_REASON]) must_check;
/* True when the sink has the setting that NAME.KEY names. */
bool sink_plugin_takes(const struct sink_plugin *plugin, const char *entry);
/* No lane is open any more. */
void sink_plugin_close(struct sink_plugin *plugin);

#endif
