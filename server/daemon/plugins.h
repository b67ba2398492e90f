/* plugins.h: the formats there are: the built-in ones and those of plug-ins. Thread: main, before
 * the workers start and after they ended; what registry points to is any thread's in between. */
#ifndef VSOC_SERVER_PLUGINS_H
#define VSOC_SERVER_PLUGINS_H

#include "parsers/registry/registry.h"
#include "server/config/config.h"
#include "server/daemon/plugin_object.h"

/* Before a file's name: the plug-in goes before what is built in. */
#define PLUGIN_OVERRIDE "override:"
#define PLUGINS_REASON  PLUGIN_REASON

struct plugins {
    struct registry *registry;
    struct plugin *items; /* private */
    size_t count;
};

/* Loads shared objects in the order of files, each after a trial in a process of its own: one that
 * crashes there is refused. CONFIG with the reason, which names the file: it is not there, others
 * may write it, it can't be loaded, or registry_add refuses its parser. NO_MEMORY. On failure *out
 * is empty. */
enum status plugins_open(const struct config_list *files, struct plugins *out,
                         char reason[PLUGINS_REASON]) must_check;
/* The same with ingest.plugins; looks whether ingest.formats names formats. */
enum status plugins_open_configured(const struct config *config, struct plugins *out,
                                    char reason[PLUGINS_REASON]) must_check;
/* CONFIG with the reason when ingest.formats names a format that there is not. */
enum status plugins_check_formats(const struct plugins *plugins, const struct config_map *formats,
                                  char reason[PLUGINS_REASON]) must_check;
/* Nobody may use a parser any more. *plugins may be all zeros, and is so afterwards. */
void plugins_close(struct plugins *plugins);
/* File that a parser came from; NULL: it is built in. */
const char *plugins_file_of(const struct plugins *plugins, const struct parser *parser);

#endif
