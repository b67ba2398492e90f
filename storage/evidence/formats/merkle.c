/* merkle.c: hashes of the tree, root and proofs made from stored hashes, proofs verified, the
 * frontier. Any thread. Reads through a callback and keeps nothing. */
#include "storage/evidence/formats/merkle.h"

void merkle_leaf_hash(struct slice data, uint8_t out[MERKLE_HASH_BYTES])
{
    static const uint8_t leaf = 0;
    struct sha256_prefix prefix;
    sha256_prefix_init(&prefix, slice_make(&leaf, 1));
    sha256_prefix_finish(&prefix, data, out);
}

void merkle_node_hash(const uint8_t left[MERKLE_HASH_BYTES], const uint8_t right[MERKLE_HASH_BYTES],
                      uint8_t out[MERKLE_HASH_BYTES])
{
    uint8_t node[1 + 2 * MERKLE_HASH_BYTES] = {1};
    memcpy(node + 1, left, MERKLE_HASH_BYTES);
    memcpy(node + 1 + MERKLE_HASH_BYTES, right, MERKLE_HASH_BYTES);
    sha256_bytes(slice_make(node, sizeof node), out);
}

void merkle_empty_root(uint8_t root[MERKLE_HASH_BYTES])
{
    sha256_bytes(SLICE_EMPTY, root);
}

/* Root over leaves [start, end): start is a multiple of a power of two that is at least
 * end - start. The complete subtrees of the range are joined from the right, smallest first. */
static enum status range_root(const struct merkle_source *source, uint64_t start, uint64_t end,
                              uint8_t root[MERKLE_HASH_BYTES])
{
    uint64_t size = end - start;
    uint8_t sum[MERKLE_HASH_BYTES], hash[MERKLE_HASH_BYTES];
    bool first = true;
    for (unsigned level = 0; level < MERKLE_PATH_MAX && size >> level; level++) {
        if (!(size >> level & 1))
            continue;
        uint64_t index = (start >> level) + (size >> level) - 1;
        enum status s = source->hash(source->arg, level, index, first ? sum : hash);
        if (s != STATUS_OK)
            return s;
        if (!first)
            merkle_node_hash(hash, sum, sum);
        first = false;
    }
    memcpy(root, sum, MERKLE_HASH_BYTES);
    return STATUS_OK;
}

enum status merkle_root(const struct merkle_source *source, uint64_t size,
                        uint8_t root[MERKLE_HASH_BYTES])
{
    if (size > MERKLE_SIZE_MAX)
        return STATUS_OUT_OF_RANGE;
    if (size)
        return range_root(source, 0, size, root);
    merkle_empty_root(root);
    return STATUS_OK;
}

/* The largest power of two below n, which is 2 or more. */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* What a proof is made of is found from the root down; proofs go from the leaf up. */
static void reverse(struct merkle_path *path)
{
    uint8_t hash[MERKLE_HASH_BYTES];
    for (size_t i = 0, j = path->count; i + 1 < j; i++) {
        j--;
        memcpy(hash, path->hashes[i], sizeof hash);
        memcpy(path->hashes[i], path->hashes[j], sizeof hash);
        memcpy(path->hashes[j], hash, sizeof hash);
    }
}

static enum status put_range(const struct merkle_source *source, uint64_t start, uint64_t end,
                             struct merkle_path *path)
{
    enum status s = range_root(source, start, end, path->hashes[path->count]);
    if (s == STATUS_OK)
        path->count++;
    return s;
}

enum status merkle_inclusion(const struct merkle_source *source, uint64_t index, uint64_t size,
                             struct merkle_path *path)
{
    enum status s = STATUS_OK;
    uint64_t start = 0, end = size;
    if (size > MERKLE_SIZE_MAX || index >= size)
        return STATUS_OUT_OF_RANGE;
    path->count = 0;
    while (end - start > 1 && s == STATUS_OK) {
        uint64_t middle = start + split_of(end - start);
        if (index < middle) {
            s = put_range(source, middle, end, path);
            end = middle;
        } else {
            s = put_range(source, start, middle, path);
            start = middle;
        }
    }
    reverse(path);
    return s;
}

/* SUBPROOF of RFC 6962 §2.1.2 as a loop. */
enum status merkle_consistency(const struct merkle_source *source, uint64_t old, uint64_t size,
                               struct merkle_path *path)
{
    enum status s = STATUS_OK;
    uint64_t start = 0, end = size;
    if (size > MERKLE_SIZE_MAX || old > size)
        return STATUS_OUT_OF_RANGE;
    path->count = 0;
    if (!old || old == size)
        return STATUS_OK;
    while (end != old && s == STATUS_OK) {
        uint64_t middle = start + split_of(end - start);
        if (old <= middle) {
            s = put_range(source, middle, end, path);
            end = middle;
        } else {
            s = put_range(source, start, middle, path);
            start = middle;
        }
    }
    if (s == STATUS_OK && start) /* the old tree itself is known when it is one whole subtree */
        s = put_range(source, start, end, path);
    reverse(path);
    return s;
}

/* Both positions go up a level, and further while the first is a left child. */
static void climb(uint64_t *first, uint64_t *second)
{
    while (!(*first & 1) && *first) {
        *first >>= 1;
        *second >>= 1;
    }
}

enum status merkle_inclusion_root(const uint8_t leaf[MERKLE_HASH_BYTES], uint64_t index,
                                  uint64_t size, const struct merkle_path *path,
                                  uint8_t root[MERKLE_HASH_BYTES])
{
    uint8_t hash[MERKLE_HASH_BYTES];
    if (index >= size || size > MERKLE_SIZE_MAX || path->count > MERKLE_PATH_MAX)
        return STATUS_REFUSED;
    uint64_t first = index, second = size - 1;
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < path->count; i++) {
        if (!second)
            return STATUS_REFUSED;
        if ((first & 1) || first == second) {
            merkle_node_hash(path->hashes[i], hash, hash);
            climb(&first, &second);
        } else {
            merkle_node_hash(hash, path->hashes[i], hash);
        }
        first >>= 1;
        second >>= 1;
    }
    if (second)
        return STATUS_REFUSED;
    memcpy(root, hash, sizeof hash);
    return STATUS_OK;
}

enum status merkle_inclusion_verify(const uint8_t leaf[MERKLE_HASH_BYTES], uint64_t index,
                                    uint64_t size, const struct merkle_path *path,
                                    const uint8_t root[MERKLE_HASH_BYTES])
{
    uint8_t found[MERKLE_HASH_BYTES];
    enum status s = merkle_inclusion_root(leaf, index, size, path, found);
    if (s == STATUS_OK && memcmp(found, root, sizeof found) != 0)
        s = STATUS_REFUSED;
    return s;
}

/* Of trees with 0 < old < size. old_path and path: roots that the proof gives for both. */
static bool consistency_roots(uint64_t old, const uint8_t old_root[MERKLE_HASH_BYTES],
                              uint64_t size, const struct merkle_path *path,
                              uint8_t old_found[MERKLE_HASH_BYTES],
                              uint8_t found[MERKLE_HASH_BYTES])
{
    uint64_t first = old - 1, second = size - 1;
    size_t next = 0;
    if (!path->count || path->count > MERKLE_PATH_MAX)
        return false;
    while (first & 1) {
        first >>= 1;
        second >>= 1;
    }
    /* A power of two: the old root is the hash that the proof begins with. */
    memcpy(old_found, (old & (old - 1)) ? path->hashes[next++] : old_root, MERKLE_HASH_BYTES);
    memcpy(found, old_found, MERKLE_HASH_BYTES);
    for (; next < path->count; next++) {
        const uint8_t *hash = path->hashes[next];
        if (!second)
            return false;
        if ((first & 1) || first == second) {
            merkle_node_hash(hash, old_found, old_found);
            merkle_node_hash(hash, found, found);
            climb(&first, &second);
        } else {
            merkle_node_hash(found, hash, found);
        }
        first >>= 1;
        second >>= 1;
    }
    return !second;
}

/* Everything continues the tree without leaves, which has one root. */
static enum status consistency_with_empty(const uint8_t old_root[MERKLE_HASH_BYTES], uint64_t size,
                                          const uint8_t root[MERKLE_HASH_BYTES],
                                          const struct merkle_path *path)
{
    uint8_t empty[MERKLE_HASH_BYTES];
    merkle_empty_root(empty);
    if (path->count || memcmp(old_root, empty, sizeof empty) != 0 ||
        (!size && memcmp(root, empty, sizeof empty) != 0))
        return STATUS_REFUSED;
    return STATUS_OK;
}

enum status merkle_consistency_verify(uint64_t old, const uint8_t old_root[MERKLE_HASH_BYTES],
                                      uint64_t size, const uint8_t root[MERKLE_HASH_BYTES],
                                      const struct merkle_path *path)
{
    uint8_t old_found[MERKLE_HASH_BYTES], found[MERKLE_HASH_BYTES];
    if (old > size || size > MERKLE_SIZE_MAX)
        return STATUS_REFUSED;
    if (!old)
        return consistency_with_empty(old_root, size, root, path);
    if (old == size)
        return path->count || memcmp(old_root, root, MERKLE_HASH_BYTES) != 0 ? STATUS_REFUSED
                                                                             : STATUS_OK;
    if (!consistency_roots(old, old_root, size, path, old_found, found))
        return STATUS_REFUSED;
    return memcmp(old_found, old_root, MERKLE_HASH_BYTES) == 0 &&
                   memcmp(found, root, MERKLE_HASH_BYTES) == 0
               ? STATUS_OK
               : STATUS_REFUSED;
}

void merkle_frontier_add(struct merkle_frontier *frontier, const uint8_t leaf[MERKLE_HASH_BYTES])
{
    uint8_t hash[MERKLE_HASH_BYTES];
    unsigned level = 0;
    memcpy(hash, leaf, sizeof hash);
    for (; frontier->size >> level & 1; level++)
        merkle_node_hash(frontier->hashes[level], hash, hash);
    memcpy(frontier->hashes[level], hash, sizeof hash);
    frontier->size++;
}

void merkle_frontier_root(const struct merkle_frontier *frontier, uint8_t root[MERKLE_HASH_BYTES])
{
    uint8_t sum[MERKLE_HASH_BYTES];
    bool first = true;
    merkle_empty_root(sum);
    for (unsigned level = 0; level < MERKLE_PATH_MAX && frontier->size >> level; level++) {
        if (!(frontier->size >> level & 1))
            continue;
        if (first)
            memcpy(sum, frontier->hashes[level], sizeof sum);
        else
            merkle_node_hash(frontier->hashes[level], sum, sum);
        first = false;
    }
    memcpy(root, sum, sizeof sum);
}

enum status merkle_frontier_load(const struct merkle_source *source, uint64_t size,
                                 struct merkle_frontier *frontier)
{
    if (size > MERKLE_SIZE_MAX)
        return STATUS_OUT_OF_RANGE;
    frontier->size = size;
    for (unsigned level = 0; level < MERKLE_PATH_MAX && size >> level; level++) {
        if (!(size >> level & 1))
            continue;
        enum status s =
            source->hash(source->arg, level, (size >> level) - 1, frontier->hashes[level]);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}
