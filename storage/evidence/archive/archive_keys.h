/* archive_keys.h: the key areas of archived segments, in files that can be written over: an erasure
 * of a vehicle destroys its keys here too. data_dir/evidence/keys/SEGMENT.keys, little-endian:
 *
 * "VSOCKEYS" · u32 version 1 · u32 areas n · spool uid 16 · u64 first position · u64 zero ·
 * n × (u64 offset in the segment · u32 bytes · u32 zero · batch uid 16 · i64 time received) · u32
 * CRC32C of all before · u32 zero · the areas one after the other.
 *
 * An area has a CRC of its own. Thread: any; one process at a time changes a folder
 * (archive_keys_lock). */
#ifndef VSOC_EVIDENCE_ARCHIVE_KEYS_H
#define VSOC_EVIDENCE_ARCHIVE_KEYS_H

#include "storage/evidence/archive/archive_image.h"

#define ARCHIVE_KEYS_FOLDER "keys" /* in data_dir/evidence */

/* Opens the folder and waits for its lock: whoever copies key areas, or destroys some, holds it, or
 * a copy made before an erasure could be written after it. close(*fd) ends it. */
enum status archive_keys_lock(const char *evidence_dir, bool make, int *fd) must_check;
/* Copies the image's key areas from its segment into the file of the segment, synced. OK also if it
 * has none: then there is no file. An existing file is replaced: the segment has what it has. */
enum status archive_keys_save(int folder, const struct archive_image *image) must_check;
/* One key area of a file. */
struct archive_key_area {
    uint64_t offset; /* in the segment */
    uint64_t at;     /* in the keys file */
    uint32_t bytes;
    uint8_t batch_uid[UUID_BYTES]; /* of its record, for holds */
    int64_t received_ns;
};
/* Calls fn for every area of the file open at fd. CORRUPT, VERSION, IO, NO_MEMORY; fn's status. */
enum status archive_keys_each(int fd,
                              enum status (*fn)(void *arg, const struct archive_key_area *area),
                              void *arg) must_check;
/* Writes the areas of the segment's file to where they belong in `segment`. NOT_FOUND: there is no
 * file; *joined: areas written. */
enum status archive_keys_join(int folder, uint64_t first_position, int segment,
                              uint64_t *joined) must_check;
/* Name of the file. */
void archive_keys_name(uint64_t first_position, char name[SPOOL_NAME_BYTES]);

#endif
