/* bundle_archive.h: the tar archive of a bundle, which has one form for given files: every byte is
 * checked when it is read. Bytes: docs/evidence-bundle.md §1. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_ARCHIVE_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_ARCHIVE_H

#include "core/slice.h"
#include "core/status.h"

#define BUNDLE_BLOCK_BYTES    512
#define BUNDLE_END_BYTES      1024 /* zeros after the last file */
#define BUNDLE_NAME_BYTES_MAX 100
#define BUNDLE_FILE_BYTES_MAX (UINT64_C(1) << 33) /* what 11 octal digits can say */

/* One file of an archive, borrowed from it. */
struct bundle_file {
    struct slice name, bytes;
};

/* The header of a file. TOO_LARGE: name or size is over the format's limits; MALFORMED: the name is
 * not ASCII without control characters, or has an empty part, `.` or `..` between its slashes. */
enum status bundle_archive_header(struct slice name, uint64_t size,
                                  uint8_t header[BUNDLE_BLOCK_BYTES]) must_check;
/* Zero bytes that follow a file of this size. */
size_t bundle_archive_padding(uint64_t size);
/* The file at *at, which then is the place of the next one. END: the archive is whole and over.
 * CORRUPT: *at is where it is not in the one form. */
enum status bundle_archive_next(struct slice archive, size_t *at,
                                struct bundle_file *file) must_check;

#endif
