/* audit_file.h: the files of the audit log: lines appended, synced, rotated within a bound. One
 * owner thread. */
#ifndef VSOC_SERVER_AUDIT_FILE_H
#define VSOC_SERVER_AUDIT_FILE_H

#include <limits.h>
#include "core/slice.h"
#include "core/status.h"

/* The newest file of the folder; full ones are refusals-<UTC time>.ndjson beside it. */
#define AUDIT_FILE_NAME "refusals.ndjson"

struct audit_file {
    char dir[PATH_MAX - 64];
    uint64_t max_bytes;  /* of all files */
    int fd;              /* -1: closed */
    uint64_t size;       /* of the newest file */
    char removed[64];    /* oldest file that was removed for room, not yet reported; "": none */
    const char *problem; /* of the last failure: what could not be done */
};

/* Opens or creates the newest file of data_dir/audit. A line that a crash cut is terminated, so
 * that it does not damage the next one. On failure errno has the cause and file->problem the
 * operation. NO_SPACE, REFUSED, IO, TOO_LARGE: the path. */
enum status audit_file_open(struct audit_file *file, const char *data_dir,
                            uint64_t max_bytes) must_check;
/* Appends whole lines, rotating first if the file is full. On failure the file contains nothing of
 * them. NO_SPACE, IO. */
enum status audit_file_append(struct audit_file *file, struct slice lines) must_check;
/* Makes the appended lines durable. NO_SPACE, IO. */
enum status audit_file_sync(struct audit_file *file) must_check;
void audit_file_close(struct audit_file *file);

#endif
