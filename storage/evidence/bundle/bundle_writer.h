/* bundle_writer.h: writes the archive of a bundle to a file, file by file, and SHA256SUMS at its
 * end. Memory grows by the length of a line of SHA256SUMS a file. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_WRITER_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_WRITER_H

#include "core/hash.h"
#include "core/writer.h"
#include "storage/evidence/bundle/bundle_archive.h"

struct bundle_writer;

/* Writes at the file's place; fd is borrowed. NULL: no memory. */
struct bundle_writer *bundle_writer_create(int fd);
void bundle_writer_destroy(struct bundle_writer *w);
/* Appends a file. Errors are sticky: NO_SPACE, IO, TOO_LARGE, MALFORMED (name), NO_MEMORY. */
void bundle_writer_add(struct bundle_writer *w, struct slice name, struct slice bytes);
/* Appends the file folder ‖ name. */
void bundle_writer_add_in(struct bundle_writer *w, const char *folder, const char *name,
                          struct slice bytes);
/* The contents digest of what was added so far. */
void bundle_writer_contents(const struct bundle_writer *w, uint8_t digest[SHA256_BYTES]);
/* The status of all so far. */
enum status bundle_writer_status(const struct bundle_writer *w) must_check;
uint64_t bundle_writer_bytes(const struct bundle_writer *w);
/* Appends SHA256SUMS and the end of the archive. Does not sync. */
enum status bundle_writer_finish(struct bundle_writer *w) must_check;

#endif
