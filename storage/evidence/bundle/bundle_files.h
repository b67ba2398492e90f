/* bundle_files.h: the files of a bundle by name, their digests compared with SHA256SUMS, and the
 * contents digest. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_FILES_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_FILES_H

#include "core/hash.h"
#include "core/log/problem.h"
#include "core/writer.h"
#include "storage/evidence/bundle/bundle_archive.h"

#define BUNDLE_SUMS "SHA256SUMS"

struct bundle_files {
    struct bundle_file *files; /* in the order of the archive */
    size_t count, room;
    const struct bundle_file **by_name; /* in the order of their names */
    uint8_t contents[SHA256_BYTES];
};

/* Reads an archive, which must outlive it, and compares every digest. CORRUPT: *problem says where;
 * TOO_MANY files; NO_MEMORY. On failure nothing is held. */
enum status bundle_files_read(struct slice archive, struct bundle_files *files,
                              struct problem *problem) must_check;
void bundle_files_fini(struct bundle_files *files);
/* The file folder ‖ name. NULL: there is none. */
const struct bundle_file *bundle_files_find(const struct bundle_files *files, struct slice folder,
                                            const char *name);
/* The part of a name up to its last slash, with it; empty: it has none. */
struct slice bundle_folder_of(struct slice name);
/* Whether a file is one that the contents digest covers. */
bool bundle_is_content(struct slice name);
/* Appends the line of SHA256SUMS of a file. */
void bundle_sum_line(struct writer *w, struct slice name, const uint8_t digest[SHA256_BYTES]);

#endif
