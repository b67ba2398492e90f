/* archive_dir.h: an archive as a spool directory: its segments are fetched into a temporary folder,
 * all or one after the other, as links to files without names, which end with the process. The
 * folder is removed at exit and on signals. Only one archive a process. Thread: main. */
#ifndef VSOC_SERVER_ARCHIVE_DIR_H
#define VSOC_SERVER_ARCHIVE_DIR_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* True: it is the URL of an archive, not a folder. */
bool spool_is_archive(const char *given);
struct archive_want {
    const char *url;
    const struct config *config; /* settings of an object store; NULL: only folders */
    const char *evidence_dir;    /* folder with keys/ of the spool, for the records' keys; NULL:
                                    records stay closed */
    const uint8_t *spool_uid;    /* NULL: of the only spool in it */
    uint64_t from, to;           /* positions */
    int64_t from_ns, to_ns;      /* received: from_ns ≤ t < to_ns */
    /* Called for each segment when it alone is in the folder; it is removed afterwards. An exit
     * status but 0 ends it, and so does a segment that is damaged or missing. NULL: all that are
     * whole stay in the folder. */
    int (*each)(void *arg, const char *dir);
    void *arg;
};

/* Fetches the segments that have such records. dir: the temporary folder. Exit status; prints what
 * is wrong. */
int spool_archive_fetch(const struct archive_want *want, char dir[4096]);

/* Copies the cursors of the spool beside evidence_dir, if it is there, into the folder that was
 * fetched: they say what sinks have had. */
void spool_archive_cursors(const char *evidence_dir);

#endif
