/* app_disk.h: watches for a disk that hangs: it gives no error, so nothing else would say so. */
#ifndef VSOC_SERVER_APP_DISK_H
#define VSOC_SERVER_APP_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct app;

struct app_disk {
    bool warned;        /* of the wait that is on */
    int64_t longest_ns; /* of it, as far as was seen */
};

/* Warns once of each long wait, and says when it is over. Thread: main, on every tick. */
void app_watch_disk(struct app *app);

#endif
