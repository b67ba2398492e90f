/* merkle_tiles.h: a source of hashes over stored tile levels (c2sp.org/tlog-tiles): only every
 * eighth level is stored, those between are hashed again. Thread: the reader's. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_MERKLE_TILES_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_MERKLE_TILES_H

#include "storage/evidence/formats/merkle.h"

#define TILE_WIDTH  256
#define TILE_HEIGHT 8

/* read gives `count` (at most TILE_WIDTH / 2, in one tile) stored hashes of tile level L from entry
 * `first` on: entry i is the root over leaves [i·256^L, (i + 1)·256^L). */
struct merkle_tiles {
    enum status (*read)(void *arg, unsigned tile_level, uint64_t first, size_t count,
                        uint8_t (*hashes)[MERKLE_HASH_BYTES]);
    void *arg;
};

/* tiles must outlive the source. */
struct merkle_source merkle_tiles_source(const struct merkle_tiles *tiles);

#endif
