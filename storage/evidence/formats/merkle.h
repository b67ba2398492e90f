/* merkle.h: the Merkle tree of RFC 6962 §2.1 over SHA-256: hashes, inclusion and consistency
 * proofs, made from stored hashes and verified (RFC 9162 §2.1.3.2, §2.1.4.2).
 *
 * Thread: any; a source has its own rule. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_MERKLE_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_MERKLE_H

#include "core/hash.h"

#define MERKLE_HASH_BYTES SHA256_BYTES
#define MERKLE_PATH_MAX   64 /* hashes of a proof: a tree has fewer than 2^63 leaves */
#define MERKLE_SIZE_MAX   (UINT64_MAX >> 1)

/* SHA-256(0x00 ‖ data) and SHA-256(0x01 ‖ left ‖ right); out may be left or right. */
void merkle_leaf_hash(struct slice data, uint8_t out[MERKLE_HASH_BYTES]);
void merkle_node_hash(const uint8_t left[MERKLE_HASH_BYTES], const uint8_t right[MERKLE_HASH_BYTES],
                      uint8_t out[MERKLE_HASH_BYTES]);
/* SHA-256 of nothing: the root of the tree without leaves. */
void merkle_empty_root(uint8_t root[MERKLE_HASH_BYTES]);

/* Stored hashes of complete subtrees: level 0 are leaves, entry `index` of level h is the root over
 * leaves [index·2^h, (index + 1)·2^h). Only subtrees within the tree that is asked about are read.
 */
struct merkle_source {
    enum status (*hash)(void *arg, unsigned level, uint64_t index, uint8_t out[MERKLE_HASH_BYTES]);
    void *arg;
};

/* A proof: hashes in the order of RFC 6962, from the leaf upwards. */
struct merkle_path {
    size_t count;
    uint8_t hashes[MERKLE_PATH_MAX][MERKLE_HASH_BYTES];
};

/* Each: OUT_OF_RANGE when the numbers fit no tree (index ≥ size, old > size, over
 * MERKLE_SIZE_MAX); else the status of the source. Reads O(log²) hashes of the source at most. */
enum status merkle_root(const struct merkle_source *source, uint64_t size,
                        uint8_t root[MERKLE_HASH_BYTES]) must_check;
enum status merkle_inclusion(const struct merkle_source *source, uint64_t index, uint64_t size,
                             struct merkle_path *path) must_check;
/* Empty when old is 0 or size. */
enum status merkle_consistency(const struct merkle_source *source, uint64_t old, uint64_t size,
                               struct merkle_path *path) must_check;

/* Root that the proof gives for this leaf: compare it with that of a signed head. REFUSED: the
 * proof has a wrong length or the numbers fit no tree. */
enum status merkle_inclusion_root(const uint8_t leaf[MERKLE_HASH_BYTES], uint64_t index,
                                  uint64_t size, const struct merkle_path *path,
                                  uint8_t root[MERKLE_HASH_BYTES]) must_check;
/* OK or REFUSED. */
enum status merkle_inclusion_verify(const uint8_t leaf[MERKLE_HASH_BYTES], uint64_t index,
                                    uint64_t size, const struct merkle_path *path,
                                    const uint8_t root[MERKLE_HASH_BYTES]) must_check;
/* OK or REFUSED. From size 0, whose root is that of no leaves, everything follows, with an empty
 * proof. */
enum status merkle_consistency_verify(uint64_t old, const uint8_t old_root[MERKLE_HASH_BYTES],
                                      uint64_t size, const uint8_t root[MERKLE_HASH_BYTES],
                                      const struct merkle_path *path) must_check;

/* The right edge of a growing tree: roots of its complete subtrees, one a set bit of size. */
struct merkle_frontier {
    uint64_t size;
    uint8_t hashes[MERKLE_PATH_MAX][MERKLE_HASH_BYTES]; /* by level; valid where size has the bit */
};

/* Empty it with {0}. Adding a leaf costs two hashes on average. */
void merkle_frontier_add(struct merkle_frontier *frontier, const uint8_t leaf[MERKLE_HASH_BYTES]);
void merkle_frontier_root(const struct merkle_frontier *frontier, uint8_t root[MERKLE_HASH_BYTES]);
/* The frontier of a stored tree. Statuses of merkle_root. */
enum status merkle_frontier_load(const struct merkle_source *source, uint64_t size,
                                 struct merkle_frontier *frontier) must_check;

#endif
