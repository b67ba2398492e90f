/* journal_file.h: a file that grows, and beside it what of it counts: PATH.position has the size of
 * PATH and the position in the spool that it stands for, and is replaced as a whole. What PATH has
 * beyond that size was being written when the process ended; it is cut off. Owner: one thread. */
#ifndef JOURNAL_FILE_H
#define JOURNAL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <storage/sink.h>

struct journal_file {
    const char *path;
    int fd; /* -1: closed */
    int last_errno;
    uint64_t size; /* with what is appended and not committed yet */
    uint8_t spool_uid[16];
    char problem[400]; /* of the last call that failed */
};

/* path must outlive *file. Opens nothing. */
void journal_file_init(struct journal_file *file, const char *path, const uint8_t *spool_uid);
/* Opens and locks PATH, creates both files if they are missing, truncates uncommitted bytes, and
 * says which position it has for this spool. All below: false with file->problem; the file is
 * closed then. */
bool journal_file_open(struct journal_file *file, struct sink_position *there);
bool journal_file_append(struct journal_file *file, const char *bytes, size_t size);
/* On disk when it returns: all that was appended and, with it, this position. */
bool journal_file_commit(struct journal_file *file, const struct sink_position *end);
/* What was not committed is gone at the next open. */
void journal_file_close(struct journal_file *file);

#endif
