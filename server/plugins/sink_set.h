/* sink_set.h: the available sinks, each with its settings. Thread: main; between open and close,
 * any thread may use what it points to. */
#ifndef VSOC_SERVER_SINK_SET_H
#define VSOC_SERVER_SINK_SET_H

#include "server/config/config.h"
#include "server/plugins/sink_plugin.h"
#include "storage/sinks/registry/sink_registry.h"

/* Sinks of a process. */
#define SINK_SET_MAX    8
#define SINK_SET_REASON PLUGIN_REASON

struct sink_choice {
    const struct sink *sink;
    const void *settings; /* for struct sink_config */
    const char *file;     /* of the plug-in; NULL: built in */
};

struct sink_set {
    struct sink_choice items[SINK_SET_MAX];
    size_t count;
    struct sink_settings_room settings[SINK_BUILT_IN_COUNT];
    struct sink_plugin plugins[SINK_SET_MAX - SINK_BUILT_IN_COUNT];
    size_t plugin_count;
};

/* The built-in sinks, enabled or not, and those of sinks.plugins. config outlives *out, which must
 * not move until it is closed. CONFIG with the reason: a plug-in can't be used, or
 * sinks.plugin_settings has an entry that no sink takes; NO_MEMORY, IO. *out is empty then. */
enum status sink_set_open(const struct config *config, struct sink_set *out,
                          char reason[SINK_SET_REASON]) must_check;
/* No sink may be in use. *set may be all zeros, and is so afterwards. */
void sink_set_close(struct sink_set *set);
/* Maximum number of open files that the enabled sinks need. */
uint64_t sink_set_files(const struct sink_set *set);
/* Checks with each enabled sink whether it accepts its settings; none of them connects. CONFIG if
 * one does not: tell gets the first error of each. */
typedef void sink_set_tell_fn(void *arg, const char *reason);
enum status sink_set_check(const struct sink_set *set, sink_set_tell_fn *tell,
                           void *arg) must_check;

#endif
