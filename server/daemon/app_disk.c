/* app_disk.c: logs that a disk hangs. Main thread. The answers to senders are in ingest_stall.c,
 * those of probes in admin.c. */
#define LOG_COMPONENT "spool"
#include "server/daemon/app_disk.h"
#include "core/thread.h"

#include "core/clock.h"
#include "core/log/log.h"

#define WARN_NS (5 * NS_PER_S)

void app_disk_watch(struct app_disk *disk, int64_t wait_ns, const char *data_dir)
{
    thread_assert(THREAD_MAIN);
    bool over = wait_ns < disk->longest_ns; /* another wait, or none */
    if (over && disk->warned)
        log_info("the disk answers again",
                 LOG_REAL("seconds", (double)(disk->longest_ns / NS_PER_MS) / 1e3));
    if (over)
        disk->warned = false;
    disk->longest_ns = wait_ns;
    if (wait_ns < WARN_NS || disk->warned)
        return;
    disk->warned = true;
    log_warn("the disk has not answered a write or sync of the spool for 5 seconds: senders wait; "
             "after timeouts.commit they get 503 and /readyz is red. Check the disk, and whether "
             "its file system is frozen",
             LOG_TEXT("data_dir", data_dir));
}
