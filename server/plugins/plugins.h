/* plugins.h: the available formats: the built-in ones and those of plug-ins. Thread: main, before
 * the workers start and after they have stopped; in between any thread may use what registry points
 * to. */
#ifndef VSOC_SERVER_PLUGINS_H
#define VSOC_SERVER_PLUGINS_H

#include "parsers/registry/registry.h"
#include "server/config/config.h"
#include "server/plugins/plugin_object.h"

/* Prefix of a file's name: the plug-in takes precedence over built-in formats. */
#define PLUGIN_OVERRIDE "override:"
#define PLUGINS_REASON  PLUGIN_REASON

struct plugins {
    struct registry *registry;
    struct plugin *items; /* private */
    size_t count;
};

/* Loads shared objects in the order of files, each after a trial in a process of its own: one that
 * crashes there is refused. CONFIG with the reason, which names the file: it does not exist, others
 * may write it, it can't be loaded, or registry_add refuses its parser. NO_MEMORY. On failure *out
 * is empty. */
enum status plugins_open(const struct setting_list *files, struct plugins *out,
                         char reason[PLUGINS_REASON]) must_check;
/* The same with ingest.plugins; also checks that ingest.formats names existing formats. */
enum status plugins_open_configured(const struct config *config, struct plugins *out,
                                    char reason[PLUGINS_REASON]) must_check;
/* CONFIG with the reason if ingest.formats names an unknown format. */
enum status plugins_check_formats(const struct plugins *plugins, const struct setting_map *formats,
                                  char reason[PLUGINS_REASON]) must_check;
/* Nobody may use a parser afterwards. *plugins may be all zeros, and is so afterwards. */
void plugins_close(struct plugins *plugins);
/* File that a parser came from; NULL: it is built in. */
const char *plugins_file_of(const struct plugins *plugins, const struct parser *parser);

#endif
