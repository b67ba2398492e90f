/* file_watch.h: notices that a file has been replaced, written to, removed or made, by looking at
 * it now and then. Looking also sees what inotify does not: network file systems, and the links
 * that Kubernetes swaps. Thread: main. */
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
        struct file_mark taken; /* what is in force was read from it */
        struct file_mark seen;  /* at the last look */
    } items[FILE_WATCH_MAX];
    size_t count;
};

/* Watches these files from now on (NULL among them: none). A file that was watched before keeps
 * what was seen of it: a change since is not missed. */
void file_watch_set(struct file_watch *watch, const char *const *paths, size_t count);
/* Looks at all files. The path of one that is other than it was taken, and has been the same at two
 * looks (so that nobody is in the middle of writing it); all are as taken from then on. NULL:
 * nothing has changed. */
const char *file_watch_look(struct file_watch *watch);
/* What is there now is what is being read. */
void file_watch_take(struct file_watch *watch);

#endif
