/* tree.h: the stored hashes of the tree: data_dir/evidence/tree/level0, level1, …, append-only
 * files. Entry i of level L is the root of the complete subtree over leaves [i·256^L, (i+1)·256^L);
 * a tile of c2sp.org/tlog-tiles is a range of one file.
 *
 * One process may have the tree open for writing, on one thread; any number may read, also
 * meanwhile: an entry never changes, only what no signed head covers is cut at a start. */
#ifndef VSOC_STORAGE_EVIDENCE_TREE_H
#define VSOC_STORAGE_EVIDENCE_TREE_H

#include "storage/evidence/formats/merkle_tiles.h"

#define EVIDENCE_LEVELS 8

struct evidence_tree;

/* Opens the folder, which exists. writable: locks it; nothing is appended before evidence_tree_cut.
 * LOCKED: another process writes it; NOT_FOUND, IO, NO_MEMORY; errno says why. */
enum status evidence_tree_open(const char *dir, bool writable,
                               struct evidence_tree **out) must_check;
/* Entries that were not synced are lost. NULL is allowed. */
void evidence_tree_close(struct evidence_tree *tree);

/* Leaves in the files, whether a head covers them or not. IO. */
enum status evidence_tree_stored(struct evidence_tree *tree, uint64_t *leaves) must_check;
/* Makes the tree one of `size` leaves: removes what is stored beyond them, restores missing hashes
 * of higher levels. CORRUPT: fewer leaves are stored. IO, NO_SPACE. Writable. */
enum status evidence_tree_cut(struct evidence_tree *tree, uint64_t size) must_check;

/* Appends a leaf's hash: two hashes of work on average. On failure the tree is as before; statuses
 * of a write. Writable. */
enum status evidence_tree_append(struct evidence_tree *tree,
                                 const uint8_t leaf[MERKLE_HASH_BYTES]) must_check;
/* Leaves appended. Writable. */
uint64_t evidence_tree_size(const struct evidence_tree *tree);
/* Root over them, without reading. Writable. */
void evidence_tree_top(const struct evidence_tree *tree, uint8_t root[MERKLE_HASH_BYTES]);
/* Makes all entries durable. NO_SPACE, IO: what was appended may be lost by a crash; call it again.
 * Writable. */
enum status evidence_tree_sync(struct evidence_tree *tree) must_check;

/* `count` entries of a level from `first` on. NOT_FOUND: they are not stored; IO. arg is the tree:
 * fits struct merkle_tiles. */
enum status evidence_tree_read(void *tree, unsigned level, uint64_t first, size_t count,
                               uint8_t (*hashes)[MERKLE_HASH_BYTES]) must_check;
/* For merkle_root, merkle_inclusion, merkle_consistency; the tree must outlive it. */
struct merkle_source evidence_tree_source(const struct evidence_tree *tree);
/* Root of the first `size` leaves, O(log size) reads. Statuses of merkle_root and
 * evidence_tree_read. */
enum status evidence_tree_root(const struct evidence_tree *tree, uint64_t size,
                               uint8_t root[MERKLE_HASH_BYTES]) must_check;

#endif
