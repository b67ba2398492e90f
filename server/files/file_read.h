/* file_read.h: a small file, whole. Thread: not a worker. */
#ifndef VSOC_SERVER_FILE_READ_H
#define VSOC_SERVER_FILE_READ_H

#include "core/writer.h"

/* Largest file accepted. */
#define FILE_READ_MAX ((size_t)64 << 20)

/* All bytes of a file in *out, which is initialised in any case: writer_fini it. NOT_FOUND,
 * REFUSED, TOO_LARGE, IO. */
enum status file_read_all(const char *path, struct writer *out) must_check;

/* Appends the rest of an open file to *out. The same statuses. */
enum status file_read_rest(int fd, struct writer *out) must_check;

#endif
