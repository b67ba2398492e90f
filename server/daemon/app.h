/* app.h: builds every part of `vsocd serve`, starts them in order, stops them in the reverse. The
 * only file that knows all. */
#ifndef VSOC_SERVER_APP_H
#define VSOC_SERVER_APP_H

#include "server/config/config.h"

/* Where the settings came from, so that SIGHUP can read them again. Texts outlive the call. */
struct app_source {
    const char *path;
    const char *const *sets;
    size_t set_count;
};

/* Runs the server in the foreground until SIGTERM or SIGINT. Takes config. Returns an exit status.
 * Thread: main. */
int app_run(struct config *config, const struct app_source *source);

#endif
