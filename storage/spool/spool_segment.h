/* spool_segment.h: segment files: names, headers, creation, listing. Bytes: docs/spool-format.md
 * §2.
 */
#ifndef VSOC_STORAGE_SPOOL_SEGMENT_H
#define VSOC_STORAGE_SPOOL_SEGMENT_H

#include "core/hash.h"
#include "core/reader.h"
#include "core/uuid7.h"
#include "core/writer.h"

/* Segments of version 1 hold records of version 1 only, and nothing is added to them. */
#define SPOOL_FORMAT_VERSION 2
#define SPOOL_SEGMENT_MAGIC  "VSOCSEG1"
#define SPOOL_SEGMENT_HEADER_BYTES                                                                 \
    8192                          /* two copies, 4096 bytes apart; records begin behind them */
#define SPOOL_SEGMENT_SALVAGED 1u /* flag: made by recovery from intact records */
#define SPOOL_NAME_BYTES       48 /* a file name of the spool with its NUL */
#define SPOOL_CORRUPT_DIR      "corrupt"

struct spool_segment_header {
    uint32_t version; /* of the format */
    uint32_t flags;
    uint8_t spool_uid[UUID_BYTES];
    uint64_t first_position; /* no record in it has a smaller one; also the file's name */
    uint64_t events_before;  /* events and rejects of all earlier records */
    uint8_t chain_before[SHA256_BYTES]; /* chain hash of the record before */
    int64_t created_ns;
    uint64_t tag;           /* random; part of each record, so that no body can imitate a record */
    uint64_t file_bytes;    /* as preallocated */
    uint64_t leaves_before; /* leaf indexes of all earlier records; version 1 has none */
};

/* "%020llu.seg" of the first position. */
void spool_segment_name(uint64_t first_position, char name[SPOOL_NAME_BYTES]);
/* False: not the name of a segment. */
bool spool_segment_parse_name(const char *name, uint64_t *first_position);
/* First positions of all segment files in the directory, ascending, malloc'ed. Unfinished files are
 * not listed. IO, NO_MEMORY. */
enum status spool_segment_list(int dir_fd, uint64_t **firsts, size_t *count) must_check;
/* Removes segment files that were never finished (NAME.new), and the spare one. */
enum status spool_segment_clean(int dir_fd) must_check;
/* Opens a segment file for reading, or for writing too. NOT_FOUND, IO. */
enum status spool_segment_open(int dir_fd, uint64_t first_position, bool writable,
                               int *fd) must_check;

/* The fields of a header that the index of its segment repeats: spool_uid to file_bytes. */
void spool_segment_read_fields(struct reader *r, struct spool_segment_header *header);
void spool_segment_write_fields(struct writer *w, const struct spool_segment_header *header);
/* Reads the header, from its second copy if the first is damaged. CORRUPT: neither is intact.
 * VERSION: made by a newer version, only header->version is set. IO. */
enum status spool_segment_read_header(int fd, struct spool_segment_header *header) must_check;

/* Compares the file's first SPOOL_SEGMENT_HEADER_BYTES bytes with the encoding of header: *damage
 * is the offset of the copy, or of the zeros, that have changed. OK: no difference. CORRUPT, IO,
 * NO_MEMORY. */
enum status spool_segment_check_header(int fd, const struct spool_segment_header *header,
                                       uint64_t *damage) must_check;

/* Creates NAME.new with space for header->file_bytes and the header in it; *fd is open for writing.
 * On failure (NO_SPACE, IO) nothing of it is left. */
enum status spool_segment_begin(int dir_fd, const struct spool_segment_header *header,
                                int *fd) must_check;
/* Creates and syncs SPOOL_SPARE_FILE with space for a segment of this size, all zeros. On failure
 * (NO_SPACE, IO, BUSY) nothing of it is left. */
#define SPOOL_SPARE_FILE "spare.seg.new"
enum status spool_segment_make_spare(int dir_fd, uint64_t bytes, int *fd) must_check;
/* Writes the header into the spare file fd, whose size is header->file_bytes, and gives it the
 * segment's name, as spool_segment_publish does. NO_SPACE: it was not renamed; IO. */
enum status spool_segment_use_spare(int dir_fd, const struct spool_segment_header *header,
                                    int fd) must_check;
/* Removes the spare file; fd -1: it is not open. */
void spool_segment_drop_spare(int dir_fd, int fd);
/* Syncs the file that spool_segment_begin created, renames it to its name (replacing an existing
 * file) and syncs the directory. NO_SPACE: it was not renamed; IO. */
enum status spool_segment_publish(int dir_fd, const struct spool_segment_header *header,
                                  int fd) must_check;
/* Allocates space for a file of this size; keeps its contents. NO_SPACE, IO. */
enum status spool_segment_allocate(int fd, uint64_t bytes) must_check;
/* Removes the file that spool_segment_begin created and closes fd. */
void spool_segment_abandon(int dir_fd, const struct spool_segment_header *header, int fd);

/* Writes everything at offset; retries after interruption. NO_SPACE, IO. */
enum status spool_write_all(int fd, struct slice bytes, uint64_t offset) must_check;
/* Reads size bytes; *got is less only at the end of the file, never because of an error: after a
 * short read, it reads again. IO. Thread: any. */
enum status spool_read_all(int fd, void *bytes, size_t size, uint64_t offset,
                           size_t *got) must_check;

#endif
