/* file_log.h: a file of lines whose committed end is recorded beside it (PATH.position), so that
 * bytes after that end are truncated after a crash: a load is in the file completely and once, or
 * not at all. Rotated to PATH.1, PATH.2, …. Only sink_file.c includes it. One owner thread. */
#ifndef VSOC_STORAGE_FILE_LOG_H
#define VSOC_STORAGE_FILE_LOG_H

#include "core/uuid7.h"
#include "storage/sink.h"

struct file_log {
    const char *path;           /* borrowed */
    uint64_t rotate_bytes;      /* 0: never */
    unsigned keep;              /* rotated files */
    int fd;                     /* -1: closed */
    uint64_t size;              /* bytes written so far, committed or not */
    struct sink_position there; /* last commit for this spool */
    uint8_t spool_uid[UUID_BYTES];
    char reason[384]; /* of the last failure: what, why, what to do */
};

/* Initialises *log, closed. path must outlive it. */
void file_log_init(struct file_log *log, const char *path, uint64_t rotate_bytes, unsigned keep,
                   const uint8_t spool_uid[UUID_BYTES]);
/* Opens the file, truncates uncommitted bytes, completes an interrupted rotation. BUSY: another
 * process has it open; NO_SPACE, NOT_FOUND, REFUSED, CORRUPT (the position file), IO; reason is
 * set. */
enum status file_log_open(struct file_log *log) must_check;
/* Only reads `there`, while another process may be writing. CORRUPT, REFUSED, IO; reason
 * is set. */
enum status file_log_look(struct file_log *log) must_check;
void file_log_close(struct file_log *log);
/* Writes at the end; does not commit. On failure close and open again. NO_SPACE, IO. */
enum status file_log_append(struct file_log *log, struct slice bytes) must_check;
/* Makes the appended bytes durable together with *end, then rotates if the file is large enough. On
 * failure close and open again; `there` has the committed position. */
enum status file_log_commit(struct file_log *log, const struct sink_position *end) must_check;

#endif
