/* merkle_tiles.c: hashes of levels that tiles do not store are made from the stored level below.
 * Any thread. Reads through a callback and keeps nothing. */
#include "storage/evidence/formats/merkle_tiles.h"

static enum status tiles_hash(void *arg, unsigned level, uint64_t index,
                              uint8_t out[MERKLE_HASH_BYTES])
{
    const struct merkle_tiles *tiles = arg;
    uint8_t hashes[TILE_WIDTH / 2][MERKLE_HASH_BYTES];
    unsigned above = level % TILE_HEIGHT;
    size_t count = (size_t)1 << above;
    enum status s = tiles->read(tiles->arg, level / TILE_HEIGHT, index << above, count, hashes);
    if (s != STATUS_OK)
        return s;
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            merkle_node_hash(hashes[2 * i], hashes[2 * i + 1], hashes[i]);
    memcpy(out, hashes[0], MERKLE_HASH_BYTES);
    return STATUS_OK;
}

struct merkle_source merkle_tiles_source(const struct merkle_tiles *tiles)
{
    return (struct merkle_source){tiles_hash, (void *)(uintptr_t)tiles};
}
