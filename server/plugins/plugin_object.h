/* plugin_object.h: loads a shared object that holds a plug-in: checks its owner and mode, tries it
 * in a child process, and gets its descriptor. Thread: main, before anything is opened that a crash
 * could harm. */
#ifndef VSOC_SERVER_PLUGIN_OBJECT_H
#define VSOC_SERVER_PLUGIN_OBJECT_H

#include <limits.h>

#include "core/status.h"

/* Bytes of a reason: a path and the loader's message. */
#define PLUGIN_REASON 5000
/* Bytes of a reason for refusing a descriptor, without the path. */
#define PLUGIN_WHY 512

struct plugin_object {
    char file[PATH_MAX];
    int fd; /* open while it is loaded: dlopen identifies objects by this name; -1: not open */
    void *handle;
    const void *descriptor; /* lives until the object is closed */
};

/* The symbol that an object must export, and how to accept its descriptor. */
struct plugin_kind {
    const char *what;   /* "parser" */
    const char *symbol; /* const struct … *SYMBOL(void) */
    /* Accepts the descriptor: once in the trial, with the child's copy of arg, then in the server.
     * REFUSED with why, or another status. */
    enum status (*accept)(void *arg, const void *descriptor, char why[PLUGIN_WHY]);
    /* In the trial, after accept: calls functions that could crash. May be NULL. */
    void (*try_out)(const void *descriptor);
};

/* Loads the object at path. CONFIG with the reason, which names the file: it does not exist, others
 * may write it, it can't be loaded, crashes, exits or hangs in its trial, exports no descriptor, or
 * accept refuses it. NO_MEMORY, IO. Close *out in any case. */
enum status plugin_object_open(const char *path, const struct plugin_kind *kind, void *arg,
                               struct plugin_object *out, char reason[PLUGIN_REASON]) must_check;
/* Unloads it: nobody may use the descriptor afterwards. */
void plugin_object_close(struct plugin_object *object);

#endif
