/* archive_erase.h: destroys the keys of a vehicle in the files that hold the key areas of archived
 * segments (archive_keys.h). Thread: one that may wait for the disk. */
#ifndef VSOC_EVIDENCE_ARCHIVE_ERASE_H
#define VSOC_EVIDENCE_ARCHIVE_ERASE_H

#include "storage/spool/batch.h"

struct archive_erase_options {
    int folder;            /* from archive_keys_lock, whose lock is held */
    const char *spool_dir; /* was erased before */
    bool dry_run;
    /* Whether this vehicle is to be erased. */
    bool (*chosen)(void *arg, const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    /* Whether a hold keeps it: meta has batch_uid and received_ns. */
    bool (*held)(void *arg, const struct batch_meta *meta,
                 const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    /* Around each file, as in spool_erase.h; may be NULL. */
    enum status (*begin)(void *arg);
    void (*end)(void *arg);
    /* A record of this vehicle in a segment that is in the archive alone is erased, or would be;
     * may be NULL. */
    void (*taken)(void *arg, const uint8_t vehicle[SEAL_VEHICLE_BYTES]);
    void *arg;
};

struct archive_erase_counts {
    uint64_t copied;  /* areas that are now erased as in the spool, which has the segment too */
    uint64_t erased;  /* records of segments that are in the archive alone; or would be */
    uint64_t held;    /* the same, left: a hold keeps them */
    uint64_t damaged; /* files that can't be read */
};

/* A file whose segment is in the spool gets the areas that are there: what the spool keeps, because
 * of a hold or a sink, stays here. In the others each entry is judged. Durable when it returns;
 * repeating it goes on where it was interrupted. IO, NO_MEMORY. */
enum status archive_erase(const struct archive_erase_options *options,
                          struct archive_erase_counts *counts) must_check;

#endif
