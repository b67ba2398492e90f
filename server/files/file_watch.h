/* file_watch.h: detects by polling that a file was replaced, written, removed or created. Polling
 * also detects what inotify does not: changes on network file systems, and the links that
 * Kubernetes swaps. Thread: main. */
#ifndef VSOC_SERVER_FILE_WATCH_H
#define VSOC_SERVER_FILE_WATCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_WATCH_MAX 8

/* What identifies a version of the content. */
struct file_mark {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns; /* all 0: there is no file */
};

struct file_watch {
    struct file_watched {
        char path[PATH_MAX];
        struct file_mark taken; /* the version that is in force */
        struct file_mark seen;  /* at the last poll */
    } items[FILE_WATCH_MAX];
    size_t count;
};

/* Watches these files from now on (NULL entries are skipped). A file that was watched before keeps
 * its state, so that no change in between is missed. */
void file_watch_set(struct file_watch *watch, const char *const *paths, size_t count);
/* Polls all files. Returns the path of one that differs from the version in force and was the same
 * at two polls (so that no write is in progress); all files then count as in force. NULL: nothing
 * has changed. */
const char *file_watch_look(struct file_watch *watch);
/* Marks the current version of the files as the one in force; the caller is reading it. */
void file_watch_take(struct file_watch *watch);

#endif
