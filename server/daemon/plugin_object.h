/* plugin_object.h: a shared object that holds a plug-in: who may write it, a trial in a process of
 * its own, and what it exports. Thread: main, before anything is opened that a crash could harm. */
#ifndef VSOC_SERVER_PLUGIN_OBJECT_H
#define VSOC_SERVER_PLUGIN_OBJECT_H

#include <limits.h>

#include "core/status.h"

/* Bytes of a reason: a path in it, and what the loader says. */
#define PLUGIN_REASON 5000
/* Bytes of a reason for not taking a descriptor, without the path. */
#define PLUGIN_WHY 512

struct plugin_object {
    char file[PATH_MAX];
    int fd; /* open as long as it is loaded: dlopen knows objects by this name; -1: not open */
    void *handle;
    const void *descriptor; /* lives until the object is closed */
};

/* What an object has to export, and how its descriptor is taken. */
struct plugin_kind {
    const char *what;   /* "parser" */
    const char *symbol; /* const struct … *SYMBOL(void) */
    /* Takes the descriptor: once in the trial, with the child's copy of arg, then for good.
     * REFUSED with why, or a status of its own. */
    enum status (*accept)(void *arg, const void *descriptor, char why[PLUGIN_WHY]);
    /* In the trial, behind accept: calls what could crash. May be NULL. */
    void (*try_out)(const void *descriptor);
};

/* Loads the object at path. CONFIG with the reason, which names the file: it is not there, others
 * may write it, it can't be loaded, crashes, ends the process or hangs in its trial, exports no
 * descriptor, or accept refuses it. NO_MEMORY, IO. *out is to be closed in any case. */
enum status plugin_object_open(const char *path, const struct plugin_kind *kind, void *arg,
                               struct plugin_object *out, char reason[PLUGIN_REASON]) must_check;
/* Unloads it: nobody may use the descriptor any more. */
void plugin_object_close(struct plugin_object *object);

#endif
