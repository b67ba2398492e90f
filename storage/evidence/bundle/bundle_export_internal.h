/* bundle_export_internal.h: what the files of bundle_export.h share. Thread: the owner's. */
#ifndef VSOC_STORAGE_EVIDENCE_BUNDLE_EXPORT_INTERNAL_H
#define VSOC_STORAGE_EVIDENCE_BUNDLE_EXPORT_INTERNAL_H

#include "storage/evidence/bundle/bundle_export.h"
#include "storage/evidence/tree.h"
#include "storage/spool/spool.h"

struct bundle_exported {
    uint64_t position, leaf_index;
    int64_t received_ns;
    uint8_t kind;
    bool erased;
    uint8_t batch_uid[UUID_BYTES];
    uint8_t leaf[MERKLE_HASH_BYTES];
};

struct bundle_export {
    struct bundle_export_options options;
    struct spool_reader *reader;
    struct evidence_tree *tree;
    uint8_t spool_uid[UUID_BYTES];
    uint64_t first;    /* position below which the spool had no segment at the opening */
    uint64_t position; /* last looked at */
    struct bundle_exported *records;
    size_t count, room;
    struct bundle_exported custody;
    struct writer head; /* the note of the bundle's head */
    struct checkpoint checkpoint;
};

#endif
