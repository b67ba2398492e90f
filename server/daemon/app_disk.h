/* app_disk.h: detects a disk that hangs: it returns no error, so nothing else would report it. */
#ifndef VSOC_SERVER_APP_DISK_H
#define VSOC_SERVER_APP_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct app_disk {
    bool warned;        /* about the current wait */
    int64_t longest_ns; /* of the current wait, so far */
};

/* Logs one warning for each long wait, and a line when it is over. wait_ns: how long the spool has
 * waited for the disk by now, 0: it does not wait. data_dir is logged. Thread: main, on every tick.
 */
void app_disk_watch(struct app_disk *disk, int64_t wait_ns, const char *data_dir);

#endif
