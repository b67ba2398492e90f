/* archive_image.h: a sealed segment as it is archived: its bytes with the key areas of its records
 * erased, because nobody can erase them there later. The same segment always gives the same image,
 * whatever was erased meanwhile. Thread: any; an image has one owner. */
#ifndef VSOC_EVIDENCE_ARCHIVE_IMAGE_H
#define VSOC_EVIDENCE_ARCHIVE_IMAGE_H

#include "core/hash.h"
#include "storage/spool/spool_segment.h"

/* Bytes that the image does not have: key areas are erased ones in it, damage is zeros. */
struct archive_blank {
    uint64_t offset;
    uint32_t bytes;
    bool is_damage; /* bytes that are no intact record; else a key area, of this record: */
    uint8_t batch_uid[UUID_BYTES];
    int64_t received_ns;
};

struct archive_image {
    int fd; /* of the segment */
    struct spool_segment_header header;
    uint64_t size;
    uint64_t first, last; /* positions of its records; 0: it has none */
    uint64_t records, events;
    uint64_t first_leaf, leaves; /* leaf indexes of its records: first_leaf … + leaves - 1 */
    int64_t oldest_ns, newest_ns;
    uint64_t damaged_bytes;
    uint8_t chain_hash[SHA256_BYTES]; /* of its last record, or chain_before */
    uint8_t sha256[SHA256_BYTES];     /* of the image */
    struct archive_blank *blanks;     /* ascending */
    size_t blank_count, blank_room;
};

/* Reads the segment through: bytes from `size` on are not part of it (0: the whole file).
 * NOT_FOUND: it was removed. CORRUPT: its header can't be read. VERSION, IO, NO_MEMORY. On failure
 * nothing is held. */
enum status archive_image_open(int dir_fd, uint64_t first_position, uint64_t size,
                               struct archive_image *image) must_check;
void archive_image_close(struct archive_image *image);
/* Copies [offset, offset + size) of the image. IO: the file ends before. */
enum status archive_image_read(const struct archive_image *image, uint64_t offset, void *bytes,
                               size_t size) must_check;

#endif
