/* spool_scan.h: walks the records of one segment file through a buffer of its own. Checks all it
 * gives out; after damage finds the next whole record again. Used by recovery, readers and verify.
 * One scan, one thread. */
#ifndef VSOC_STORAGE_SPOOL_SCAN_H
#define VSOC_STORAGE_SPOOL_SCAN_H

#include "storage/spool/spool_frame.h"

struct spool_scan {
    int fd;          /* borrowed */
    uint64_t tag;    /* of the segment */
    uint64_t offset; /* of the next record in the file */
    uint64_t end;    /* bytes from here on are not looked at */
    uint8_t *buffer; /* bytes [base, base + size) of the file */
    size_t capacity, size;
    uint64_t base;
};

/* Takes no memory yet. */
void spool_scan_init(struct spool_scan *scan);
void spool_scan_fini(struct spool_scan *scan);
/* From now on this file, from its first record; the buffer is kept. */
void spool_scan_start(struct spool_scan *scan, int fd, uint64_t tag, uint64_t end);
/* Forgets what is buffered, for files that another process may have written on. */
void spool_scan_forget(struct spool_scan *scan);

/* Header of the next record; does not move. END: nothing but zeros where it would stand, or end is
 * reached. CORRUPT: something else stands there. IO, NO_MEMORY. */
enum status spool_scan_header(struct spool_scan *scan, struct spool_frame *frame) must_check;
/* The record of that header, checked; does not move. Slices are valid until the next call. CORRUPT,
 * IO, NO_MEMORY. */
enum status spool_scan_record(struct spool_scan *scan, const struct spool_frame *frame,
                              struct batch_record *record) must_check;
/* Header bytes of the next record, for the chain hash. Valid until the next call. */
enum status spool_scan_header_bytes(struct spool_scan *scan, struct slice *bytes) must_check;
/* Moves behind that record. */
void spool_scan_pass(struct spool_scan *scan, const struct spool_frame *frame);
/* Moves to the next whole record behind the current offset. END: there is none; does not move. IO,
 * NO_MEMORY. */
enum status spool_scan_resync(struct spool_scan *scan) must_check;
/* Moves back to offset when a whole record stands there, read anew. What another process was
 * writing when it was read ahead is whole once a record behind it is: ask this after a resync,
 * before it is called damage. IO, NO_MEMORY. */
enum status spool_scan_back(struct spool_scan *scan, uint64_t offset, bool *whole) must_check;
/* Offset behind the last byte that is not zero, at or after the current offset. */
enum status spool_scan_used_end(struct spool_scan *scan, uint64_t *end) must_check;

#endif
