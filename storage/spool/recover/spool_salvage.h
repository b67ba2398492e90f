/* spool_salvage.h: keeps damaged segments and replaces them by their intact records. Nothing is
 * deleted here that was not copied or linked under corrupt/ first. */
#ifndef VSOC_STORAGE_SPOOL_SALVAGE_H
#define VSOC_STORAGE_SPOOL_SALVAGE_H

#include "storage/spool/spool_segment.h"

/* Bytes [offset, offset + size) of a file. */
struct spool_range {
    uint64_t offset, size;
};

/* Whether corrupt/ holds a segment from between the two, or the first of them. */
bool spool_salvage_has(int dir_fd, uint64_t from, uint64_t before);
/* Moves the segment to corrupt/NAME, or NAME.1, … if that exists. IO, NO_SPACE: it stays. */
enum status spool_salvage_set_aside(int dir_fd, uint64_t first_position) must_check;
/* Replaces the segment that fd reads by one with header (flags and file_bytes are set here) and the
 * bytes of ranges; the original goes to corrupt/. NO_SPACE, IO: the original stays in its place. */
enum status spool_salvage_replace(int dir_fd, int fd, struct spool_segment_header *header,
                                  const struct spool_range *ranges, size_t count) must_check;
/* Copies the range of the segment to corrupt/NAME.tail.OFFSET. NO_SPACE, IO. */
enum status spool_salvage_tail(int dir_fd, int fd, uint64_t first_position,
                               struct spool_range range) must_check;

#endif
