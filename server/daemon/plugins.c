/* plugins.c: loads parsers from shared objects. Main thread, before anything is opened that a crash
 * could harm. Does not know what they read. */
#include "server/daemon/plugins.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/files/trusted_file.h"

#define TRIAL_SECONDS 10
/* Exit status of a trial that came to its end. */
#define TRIAL_DONE 42

struct plugin {
    char file[PATH_MAX];
    int fd; /* open as long as it is loaded: dlopen knows objects by this name; -1: none */
    void *handle;
    const struct parser *parser;
    bool override;
};

typedef const struct parser *(*plugin_function)(void);

/* Words about a plug-in: its file and what is wrong with it. */
__attribute__((format(printf, 3, 4))) static enum status
refuse(const char *file, char reason[PLUGINS_REASON], const char *format, ...)
{
    int n = snprintf(reason, PLUGINS_REASON, "plug-in %s ", file);
    va_list args;
    va_start(args, format);
    if (n > 0 && n < PLUGINS_REASON)
        vsnprintf(reason + n, PLUGINS_REASON - (size_t)n, format, args);
    va_end(args);
    return STATUS_CONFIG;
}

/* Loads the object and asks it for its parser. */
static enum status open_object(struct plugin *p, char reason[PLUGINS_REASON])
{
    plugin_function get = NULL;
    char checked[32]; /* the file that was looked at, whatever has its name now */
    snprintf(checked, sizeof checked, "/proc/self/fd/%d", p->fd);
    p->handle = dlopen(checked, RTLD_NOW | RTLD_LOCAL);
    if (!p->handle)
        return refuse(p->file, reason, "can't be loaded: %s", dlerror());
    void *symbol = dlsym(p->handle, VSOC_PARSER_PLUGIN_SYMBOL);
    if (!symbol)
        return refuse(p->file, reason, "is no parser plug-in: it exports no %s",
                      VSOC_PARSER_PLUGIN_SYMBOL);
    memcpy(&get, &symbol, sizeof get);
    p->parser = get();
    return p->parser ? STATUS_OK
                     : refuse(p->file, reason, "has no parser: %s returned NULL",
                              VSOC_PARSER_PLUGIN_SYMBOL);
}

static enum status add(struct registry *registry, struct plugin *p, char reason[PLUGINS_REASON])
{
    char why[REGISTRY_REASON];
    enum status s = registry_add(registry, p->parser, p->override, why);
    return s == STATUS_REFUSED ? refuse(p->file, reason, "can't be used: %s", why) : s;
}

/* In the child. Refusals are told when they come again in the server itself. */
static void try_it(struct registry *registry, struct plugin *p)
{
    char reason[PLUGINS_REASON];
    alarm(TRIAL_SECONDS);
    if (open_object(p, reason) == STATUS_OK && add(registry, p, reason) == STATUS_OK &&
        p->parser->probe)
        p->parser->probe(SLICE_LITERAL("trial"));
    _exit(TRIAL_DONE);
}

/* A plug-in that crashes, ends the process or hangs when it is loaded does so in a child. */
static enum status try_in_child(struct registry *registry, struct plugin *p,
                                char reason[PLUGINS_REASON])
{
    int ended;
    pid_t child = fork();
    if (child < 0)
        return STATUS_NO_MEMORY;
    if (child == 0)
        try_it(registry, p);
    while (waitpid(child, &ended, 0) < 0)
        if (errno != EINTR)
            return STATUS_IO;
    if (WIFSIGNALED(ended) && WTERMSIG(ended) == SIGALRM)
        return refuse(p->file, reason, "hangs when it is loaded");
    if (WIFSIGNALED(ended))
        return refuse(p->file, reason, "crashes when it is loaded: %s", strsignal(WTERMSIG(ended)));
    return WEXITSTATUS(ended) == TRIAL_DONE
               ? STATUS_OK
               : refuse(p->file, reason, "ends the process when it is loaded");
}

static enum status load(struct registry *registry, const char *entry, struct plugin *p,
                        char reason[PLUGINS_REASON])
{
    p->fd = -1;
    p->override = strncmp(entry, PLUGIN_OVERRIDE, strlen(PLUGIN_OVERRIDE)) == 0;
    if (p->override)
        entry += strlen(PLUGIN_OVERRIDE);
    if (!realpath(entry, p->file))
        return refuse(entry, reason, "can't be read: %s", strerror(errno));
    char problem[256];
    if (trusted_file_open(p->file, TRUSTED_CODE, &p->fd, problem) != STATUS_OK)
        return refuse(p->file, reason, "%s", problem);
    enum status s = try_in_child(registry, p, reason);
    if (s == STATUS_OK)
        s = open_object(p, reason);
    return s == STATUS_OK ? add(registry, p, reason) : s;
}

enum status plugins_open(const struct config_list *files, struct plugins *out,
                         char reason[PLUGINS_REASON])
{
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

enum status plugins_check_formats(const struct plugins *plugins, const struct config_map *formats,
                                  char reason[PLUGINS_REASON])
{
    for (size_t i = 0; i < formats->count; i++)
        if (!registry_by_name(plugins->registry, slice_from_text(formats->values[i]))) {
            snprintf(reason, PLUGINS_REASON,
                     "ingest.formats: '%.64s' is no format; `vsocd formats` lists them",
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
    registry_destroy(plugins->registry);
    for (size_t i = 0; i < plugins->count; i++) {
        if (plugins->items[i].handle)
            dlclose(plugins->items[i].handle);
        if (plugins->items[i].fd >= 0)
            close(plugins->items[i].fd);
    }
    free(plugins->items);
    *plugins = (struct plugins){0};
}

const char *plugins_file_of(const struct plugins *plugins, const struct parser *parser)
{
    for (size_t i = 0; i < plugins->count; i++)
        if (plugins->items[i].parser == parser)
            return plugins->items[i].file;
    return NULL;
}
