/* plugins.c: loads parsers from shared objects. Main thread, before anything is opened that a crash
 * could harm. Does not know what they read. */
#include "server/plugins/plugins.h"
#include "core/object.h"
#include "core/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin {
    struct plugin_object object;
    bool override;
};

#define ADDING_MAGIC 0x41444447U

struct adding {
    unsigned magic; /* ADDING_MAGIC */
    struct registry *registry;
    bool override;
};

OBJECT_CAST(adding, ADDING_MAGIC)

_Static_assert(REGISTRY_REASON <= PLUGIN_WHY, "reasons of the registry fit");

static enum status accept_parser(void *arg, const void *descriptor, char why[PLUGIN_WHY])
{
    const struct adding *adding = adding_cast(arg);
    return registry_add(adding->registry, descriptor, adding->override, why);
}

static void try_parser(const void *descriptor)
{
    const struct parser *parser = descriptor;
    if (parser->probe)
        parser->probe(SLICE_LITERAL("trial"));
}

static const struct plugin_kind parser_kind = {"parser", VSOC_PARSER_PLUGIN_SYMBOL, accept_parser,
                                               try_parser};

static enum status load(struct registry *registry, const char *entry, struct plugin *p,
                        char reason[PLUGINS_REASON])
{
    p->override = strncmp(entry, PLUGIN_OVERRIDE, strlen(PLUGIN_OVERRIDE)) == 0;
    struct adding adding = {.magic = ADDING_MAGIC, registry, p->override};
    return plugin_object_open(entry + (p->override ? strlen(PLUGIN_OVERRIDE) : 0), &parser_kind,
                              &adding, &p->object, reason);
}

enum status plugins_open(const struct setting_list *files, struct plugins *out,
                         char reason[PLUGINS_REASON])
{
    thread_assert(THREAD_MAIN);
    struct plugins made = {registry_create(), calloc(files->count + 1, sizeof *made.items), 0};
    enum status s = made.registry && made.items ? STATUS_OK : STATUS_NO_MEMORY;
    while (s == STATUS_OK && made.count < files->count) {
        s = load(made.registry, files->items[made.count], &made.items[made.count], reason);
        made.count++;
    }
    if (s == STATUS_OK) {
        *out = made;
        return s;
    }
    if (s != STATUS_CONFIG)
        snprintf(reason, PLUGINS_REASON, "plug-ins can't be loaded: %s", status_text(s));
    plugins_close(&made);
    *out = made;
    return s;
}

enum status plugins_check_formats(const struct plugins *plugins, const struct setting_map *formats,
                                  char reason[PLUGINS_REASON])
{
    for (size_t i = 0; i < formats->count; i++)
        if (!registry_by_name(plugins->registry, slice_from_text(formats->values[i]))) {
            snprintf(reason, PLUGINS_REASON,
                     "ingest.formats: '%.64s' is not a format; `vsocd formats` lists them",
                     formats->values[i]);
            return STATUS_CONFIG;
        }
    return STATUS_OK;
}

enum status plugins_open_configured(const struct config *config, struct plugins *out,
                                    char reason[PLUGINS_REASON])
{
    enum status s = plugins_open(&config->ingest_plugins, out, reason);
    if (s == STATUS_OK)
        s = plugins_check_formats(out, &config->ingest_formats, reason);
    if (s != STATUS_OK)
        plugins_close(out);
    return s;
}

void plugins_close(struct plugins *plugins)
{
    thread_assert(THREAD_MAIN);
    registry_destroy(plugins->registry);
    for (size_t i = 0; i < plugins->count; i++)
        plugin_object_close(&plugins->items[i].object);
    free(plugins->items);
    *plugins = (struct plugins){0};
}

const char *plugins_file_of(const struct plugins *plugins, const struct parser *parser)
{
    for (size_t i = 0; i < plugins->count; i++)
        if (plugins->items[i].object.descriptor == parser)
            return plugins->items[i].object.file;
    return NULL;
}
