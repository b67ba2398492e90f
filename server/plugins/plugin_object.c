/* plugin_object.c: loads a shared object after a trial in a child process. Main thread. Does not
 * know what plug-ins do. */
#include "server/plugins/plugin_object.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/files/trusted_file.h"

#define TRIAL_SECONDS 10
/* Exit status of a trial that completed. */
#define TRIAL_DONE 42

typedef const void *(*descriptor_function)(void);

/* The reason for refusing a plug-in: its file and what is wrong with it. */
__attribute__((format(printf, 3, 4))) static enum status
refuse(const char *file, char reason[PLUGIN_REASON], const char *format, ...)
{
    int n = snprintf(reason, PLUGIN_REASON, "plug-in %s ", file);
    va_list args;
    va_start(args, format);
    if (n > 0 && n < PLUGIN_REASON)
        vsnprintf(reason + n, PLUGIN_REASON - (size_t)n, format, args);
    va_end(args);
    return STATUS_CONFIG;
}

/* Loads the object and gets its descriptor. */
static enum status load_object(struct plugin_object *p, const struct plugin_kind *kind,
                               char reason[PLUGIN_REASON])
{
    descriptor_function get = NULL;
    char checked[32]; /* the checked file, whatever has its name now */
    snprintf(checked, sizeof checked, "/proc/self/fd/%d", p->fd);
    p->handle = dlopen(checked, RTLD_NOW | RTLD_LOCAL);
    if (!p->handle)
        return refuse(p->file, reason, "can't be loaded: %s", dlerror());
    void *symbol = dlsym(p->handle, kind->symbol);
    if (!symbol)
        return refuse(p->file, reason, "is not a %s plug-in: it exports no %s", kind->what,
                      kind->symbol);
    memcpy(&get, &symbol, sizeof get);
    p->descriptor = get();
    return p->descriptor
               ? STATUS_OK
               : refuse(p->file, reason, "has no %s: %s returned NULL", kind->what, kind->symbol);
}

static enum status accept(const struct plugin_object *p, const struct plugin_kind *kind, void *arg,
                          char reason[PLUGIN_REASON])
{
    char why[PLUGIN_WHY] = "";
    enum status s = kind->accept(arg, p->descriptor, why);
    return s == STATUS_REFUSED ? refuse(p->file, reason, "can't be used: %s", why) : s;
}

/* In the child. The server itself repeats and reports refusals. */
static void try_it(struct plugin_object *p, const struct plugin_kind *kind, void *arg)
{
    char reason[PLUGIN_REASON];
    alarm(TRIAL_SECONDS);
    if (load_object(p, kind, reason) == STATUS_OK && accept(p, kind, arg, reason) == STATUS_OK &&
        kind->try_out)
        kind->try_out(p->descriptor);
    _exit(TRIAL_DONE);
}

/* If a plug-in crashes, exits or hangs while it is loaded, only the child is affected. */
static enum status try_in_child(struct plugin_object *p, const struct plugin_kind *kind, void *arg,
                                char reason[PLUGIN_REASON])
{
    int ended;
    pid_t child = fork();
    if (child < 0)
        return STATUS_NO_MEMORY;
    if (child == 0)
        try_it(p, kind, arg);
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

enum status plugin_object_open(const char *path, const struct plugin_kind *kind, void *arg,
                               struct plugin_object *out, char reason[PLUGIN_REASON])
{
    struct problem problem;
    *out = (struct plugin_object){.fd = -1};
    if (!realpath(path, out->file))
        return refuse(path, reason, "can't be read: %s", strerror(errno));
    if (trusted_file_open(out->file, TRUSTED_CODE, &out->fd, &problem) != STATUS_OK)
        return refuse(out->file, reason, "%s", problem.text);
    enum status s = try_in_child(out, kind, arg, reason);
    if (s == STATUS_OK)
        s = load_object(out, kind, reason);
    return s == STATUS_OK ? accept(out, kind, arg, reason) : s;
}

void plugin_object_close(struct plugin_object *object)
{
    if (object->handle)
        dlclose(object->handle);
    if (object->fd >= 0)
        close(object->fd);
    *object = (struct plugin_object){.fd = -1};
}
