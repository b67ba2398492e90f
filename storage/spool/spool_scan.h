/* spool_scan.h: walks the records of one segment file through its own buffer. Checks everything
 * that it returns; after damage, finds the next intact record. Used by recovery, readers and
 * verify. One scan, one thread. */
#ifndef VSOC_STORAGE_SPOOL_SCAN_H
#define VSOC_STORAGE_SPOOL_SCAN_H

#include "storage/spool/spool_frame.h"

struct spool_scan {
    int fd;          /* borrowed */
    uint64_t tag;    /* of the segment */
    uint64_t offset; /* of the next record in the file */
    uint64_t end;    /* bytes from here on are not read */
    uint8_t *buffer; /* bytes [base, base + size) of the file */
    size_t capacity, size;
    uint64_t base;
    uint64_t ahead; /* bytes to read at once for a header; 0: only the header */
};
/* For `ahead`, to walk headers and texts without events and bodies. */
#define SPOOL_SCAN_HEADS 4096

/* Allocates no memory yet. */
void spool_scan_init(struct spool_scan *scan);
void spool_scan_fini(struct spool_scan *scan);
/* Switches to this file, from its first record; keeps the buffer. */
void spool_scan_start(struct spool_scan *scan, int fd, uint64_t tag, uint64_t end);
/* Forgets what is buffered, for files that another process may have written on. */
void spool_scan_forget(struct spool_scan *scan);

/* Header of the next record; does not move. END: only zeros in its place, or end is reached.
 * CORRUPT: other bytes in its place. IO, NO_MEMORY. */
enum status spool_scan_header(struct spool_scan *scan, struct spool_frame *frame) must_check;
/* The record of that header, checked; does not move. Slices are valid until the next call. CORRUPT,
 * IO, NO_MEMORY. */
enum status spool_scan_record(struct spool_scan *scan, const struct spool_frame *frame,
                              struct batch_record *record) must_check;
/* meta with its texts, of the record of that header; its events and body are not read, so it is
 * checked by its header's CRC only. Texts are valid until the next call. CORRUPT, IO, NO_MEMORY. */
enum status spool_scan_texts(struct spool_scan *scan, const struct spool_frame *frame,
                             struct batch_meta *meta) must_check;
/* Header bytes of the next record, for the chain hash. Valid until the next call. */
enum status spool_scan_header_bytes(struct spool_scan *scan, struct slice *bytes) must_check;
/* Moves past that record. */
void spool_scan_pass(struct spool_scan *scan, const struct spool_frame *frame);
/* Moves to the next intact record after the current offset. END: there is none; does not move. IO,
 * NO_MEMORY. */
enum status spool_scan_resync(struct spool_scan *scan) must_check;
/* Moves back to offset if there is an intact record, reading it again. A record that another
 * process was writing during read-ahead is intact once a later record is: call this after a resync,
 * before reporting damage. IO, NO_MEMORY. */
enum status spool_scan_back(struct spool_scan *scan, uint64_t offset, bool *whole) must_check;
/* Offset after the last non-zero byte, at or after the current offset. */
enum status spool_scan_used_end(struct spool_scan *scan, uint64_t *end) must_check;

#endif
