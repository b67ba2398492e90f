/* archive_dir.h: an archive as a spool directory: its segments are fetched into a temporary folder,
 * which is removed at exit. Thread: main. */
#ifndef VSOC_SERVER_ARCHIVE_DIR_H
#define VSOC_SERVER_ARCHIVE_DIR_H

#include <stdbool.h>
#include <stdint.h>

struct config;

/* True: it is the URL of an archive, not a folder. */
bool spool_is_archive(const char *given);
/* Fetches the segments with positions from `from` to `to`. evidence_dir: folder with keys/ of the
 * spool, for the records' keys; NULL: records stay closed. config: settings of an object store;
 * NULL: only folders. dir: the temporary folder. Exit status; prints what is wrong. */
int spool_archive_fetch(const char *url, const struct config *config, const char *evidence_dir,
                        uint64_t from, uint64_t to, char dir[4096]);

/* Copies the cursors of the spool beside evidence_dir, if it is there, into the folder that was
 * fetched: they say what sinks have had. */
void spool_archive_cursors(const char *evidence_dir);

#endif
