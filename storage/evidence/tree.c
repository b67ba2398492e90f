/* tree.c: the files of the tree. The thread that opened it. Knows neither records nor heads. */
#include "storage/evidence/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/object.h"

#define PENDING_MAX TILE_WIDTH

/* The file of a level and what is to be appended to it. */
struct level {
    int fd;          /* -1: not open (yet) */
    uint64_t stored; /* entries in the file; writable only */
    size_t pending;  /* entries after them */
    bool dirty;      /* written since the last sync */
    uint8_t hashes[PENDING_MAX][MERKLE_HASH_BYTES];
};

#define TREE_MAGIC 0x54524545U

struct evidence_tree {
    unsigned magic; /* TREE_MAGIC */
    int dir_fd;
    bool writable;
    struct merkle_frontier frontier; /* writable only */
    struct merkle_tiles tiles;
    struct level levels[EVIDENCE_LEVELS];
};

OBJECT_CAST(evidence_tree, TREE_MAGIC)

/* --- files ---------------------------------------------------------------------------------- */

/* Opens the file of a level unless it is open. NOT_FOUND: there is none, and make is false. */
static enum status open_level(struct evidence_tree *tree, unsigned at, bool make)
{
    char name[16];
    struct level *level = &tree->levels[at];
    if (level->fd >= 0)
        return STATUS_OK;
    snprintf(name, sizeof name, "level%u", at);
    int flags = tree->writable ? O_RDWR : O_RDONLY;
    level->fd =
        openat(tree->dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0640);
    if (level->fd < 0)
        return status_from_errno(errno);
    /* The name of a new file must be durable before a head needs it. */
    return make && fsync(tree->dir_fd) != 0 ? status_from_errno(errno) : STATUS_OK;
}

static enum status entries_of(struct evidence_tree *tree, unsigned at, uint64_t *entries)
{
    struct stat st;
    enum status status = open_level(tree, at, false);
    *entries = 0;
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    if (fstat(tree->levels[at].fd, &st) != 0)
        return STATUS_IO;
    *entries = (uint64_t)st.st_size / MERKLE_HASH_BYTES;
    return STATUS_OK;
}

static enum status read_all(int fd, uint8_t *to, size_t bytes, uint64_t offset)
{
    while (bytes) {
        ssize_t n = pread(fd, to, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? STATUS_IO : STATUS_NOT_FOUND;
        to += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return STATUS_OK;
}

static enum status write_all(int fd, const uint8_t *from, size_t bytes, uint64_t offset)
{
    while (bytes) {
        ssize_t n = pwrite(fd, from, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? status_from_errno(errno) : STATUS_IO;
        from += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return STATUS_OK;
}

/* Writes what is pending. A write that failed halfway is written again. */
static enum status flush(struct evidence_tree *tree, unsigned at)
{
    struct level *level = &tree->levels[at];
    if (!level->pending)
        return STATUS_OK;
    enum status status = open_level(tree, at, true);
    if (status == STATUS_OK)
        status = write_all(level->fd, level->hashes[0], level->pending * MERKLE_HASH_BYTES,
                           level->stored * MERKLE_HASH_BYTES);
    if (status != STATUS_OK)
        return status;
    level->stored += level->pending;
    level->pending = 0;
    level->dirty = true;
    return STATUS_OK;
}

/* --- reading -------------------------------------------------------------------------------- */

enum status evidence_tree_read(void *arg, unsigned at, uint64_t first, size_t count,
                               uint8_t (*hashes)[MERKLE_HASH_BYTES])
{
    struct evidence_tree *tree = evidence_tree_cast(arg);
    if (at >= EVIDENCE_LEVELS)
        return STATUS_NOT_FOUND;
    struct level *level = &tree->levels[at];
    size_t on_disk = count;
    if (tree->writable) {
        if (first > level->stored + level->pending ||
            count > level->stored + level->pending - first)
            return STATUS_NOT_FOUND;
        on_disk = first >= level->stored          ? 0
                  : count > level->stored - first ? (size_t)(level->stored - first)
                                                  : count;
    }
    if (count > on_disk)
        memcpy(hashes[on_disk], level->hashes[first + on_disk - level->stored],
               (count - on_disk) * MERKLE_HASH_BYTES);
    if (!on_disk)
        return STATUS_OK;
    enum status status = open_level(tree, at, false);
    if (status == STATUS_OK)
        status =
            read_all(level->fd, hashes[0], on_disk * MERKLE_HASH_BYTES, first * MERKLE_HASH_BYTES);
    return status;
}

struct merkle_source evidence_tree_source(const struct evidence_tree *tree)
{
    return merkle_tiles_source(&tree->tiles);
}

enum status evidence_tree_root(const struct evidence_tree *tree, uint64_t size,
                               uint8_t root[MERKLE_HASH_BYTES])
{
    struct merkle_source source = evidence_tree_source(tree);
    return merkle_root(&source, size, root);
}

enum status evidence_tree_stored(struct evidence_tree *tree, uint64_t *leaves)
{
    return entries_of(tree, 0, leaves);
}

/* --- cutting -------------------------------------------------------------------------------- */

/* Entries of a level in a tree of this size. */
static uint64_t entries_in(unsigned at, uint64_t size)
{
    return size >> (TILE_HEIGHT * at);
}

/* The entry of a level from the 256 below it. */
static enum status make_entry(struct evidence_tree *tree, unsigned at, uint64_t index)
{
    static const unsigned top = TILE_WIDTH / 2;
    struct level *level = &tree->levels[at];
    struct merkle_frontier sub = {0};
    uint8_t below[TILE_WIDTH / 2][MERKLE_HASH_BYTES];
    for (unsigned half = 0; half < 2; half++) {
        enum status status =
            evidence_tree_read(tree, at - 1, index * TILE_WIDTH + half * top, top, below);
        if (status != STATUS_OK)
            return status;
        for (unsigned i = 0; i < top; i++)
            merkle_frontier_add(&sub, below[i]);
    }
    merkle_frontier_root(&sub, level->hashes[level->pending++]);
    return level->pending == PENDING_MAX ? flush(tree, at) : STATUS_OK;
}

/* Removes entries beyond `size` leaves from a level; makes those again that are missing. */
static enum status cut_level(struct evidence_tree *tree, unsigned at, uint64_t size)
{
    struct level *level = &tree->levels[at];
    uint64_t entries, wanted = entries_in(at, size);
    level->pending = 0;
    enum status status = entries_of(tree, at, &entries);
    if (status != STATUS_OK)
        return status;
    level->stored = entries < wanted ? entries : wanted;
    if (level->fd >= 0 && ftruncate(level->fd, (off_t)(level->stored * MERKLE_HASH_BYTES)) != 0)
        return STATUS_IO;
    level->dirty = level->fd >= 0;
    if (at == 0)
        return entries < wanted ? STATUS_CORRUPT : STATUS_OK;
    for (uint64_t i = entries; i < wanted && status == STATUS_OK; i++)
        status = make_entry(tree, at, i);
    return status == STATUS_OK ? flush(tree, at) : status;
}

enum status evidence_tree_cut(struct evidence_tree *tree, uint64_t size)
{
    ensure(tree->writable);
    enum status status = STATUS_OK;
    tree->frontier.size = 0;
    for (unsigned at = 0; at < EVIDENCE_LEVELS && status == STATUS_OK; at++)
        status = cut_level(tree, at, size);
    if (status == STATUS_OK)
        status = evidence_tree_sync(tree);
    if (status != STATUS_OK)
        return status;
    struct merkle_source source = evidence_tree_source(tree);
    return merkle_frontier_load(&source, size, &tree->frontier);
}

/* --- appending ------------------------------------------------------------------------------ */

/* Makes room for one more entry on each level that the leaf after `size` completes. */
static enum status make_room(struct evidence_tree *tree, uint64_t size)
{
    enum status status = STATUS_OK;
    for (unsigned at = 0; at < EVIDENCE_LEVELS && status == STATUS_OK; at++) {
        if (tree->levels[at].pending == PENDING_MAX)
            status = flush(tree, at);
        if (((size >> (TILE_HEIGHT * at)) & (TILE_WIDTH - 1)) != TILE_WIDTH - 1)
            break;
    }
    return status;
}

static void put(struct level *level, const uint8_t hash[MERKLE_HASH_BYTES])
{
    memcpy(level->hashes[level->pending++], hash, MERKLE_HASH_BYTES);
}

/* As merkle_frontier_add, but each root of a complete subtree of 256^L leaves is kept on the way.
 */
enum status evidence_tree_append(struct evidence_tree *tree, const uint8_t leaf[MERKLE_HASH_BYTES])
{
    ensure(tree->writable);
    struct merkle_frontier *f = &tree->frontier;
    uint8_t hash[MERKLE_HASH_BYTES];
    unsigned height = 0;
    enum status status = make_room(tree, f->size);
    if (status != STATUS_OK)
        return status;
    memcpy(hash, leaf, sizeof hash);
    put(&tree->levels[0], hash);
    for (uint64_t left = f->size; left & 1; left >>= 1) {
        merkle_node_hash(f->hashes[height++], hash, hash);
        if (height % TILE_HEIGHT == 0 && height / TILE_HEIGHT < EVIDENCE_LEVELS)
            put(&tree->levels[height / TILE_HEIGHT], hash);
    }
    memcpy(f->hashes[height], hash, sizeof hash);
    f->size++;
    return STATUS_OK;
}

uint64_t evidence_tree_size(const struct evidence_tree *tree)
{
    return tree->frontier.size;
}

void evidence_tree_top(const struct evidence_tree *tree, uint8_t root[MERKLE_HASH_BYTES])
{
    merkle_frontier_root(&tree->frontier, root);
}

enum status evidence_tree_sync(struct evidence_tree *tree)
{
    for (unsigned at = 0; at < EVIDENCE_LEVELS; at++) {
        struct level *level = &tree->levels[at];
        enum status status = flush(tree, at);
        if (status == STATUS_OK && level->dirty && fdatasync(level->fd) != 0)
            status = status_from_errno(errno);
        if (status != STATUS_OK)
            return status;
        level->dirty = false;
    }
    return STATUS_OK;
}

/* --- life ----------------------------------------------------------------------------------- */

enum status evidence_tree_open(const char *dir, bool writable, struct evidence_tree **out)
{
    struct evidence_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return STATUS_NO_MEMORY;
    tree->magic = TREE_MAGIC;
    tree->writable = writable;
    tree->tiles = (struct merkle_tiles){evidence_tree_read, tree};
    for (unsigned at = 0; at < EVIDENCE_LEVELS; at++)
        tree->levels[at].fd = -1;
    tree->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = tree->dir_fd < 0 ? status_from_errno(errno) : STATUS_OK;
    if (status == STATUS_OK && writable && flock(tree->dir_fd, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK ? STATUS_LOCKED : STATUS_IO;
    for (unsigned at = 0; writable && at < EVIDENCE_LEVELS && status == STATUS_OK; at++)
        status = entries_of(tree, at, &tree->levels[at].stored);
    if (status != STATUS_OK) {
        int err = errno;
        evidence_tree_close(tree);
        errno = err;
        return status;
    }
    *out = tree;
    return STATUS_OK;
}

void evidence_tree_close(struct evidence_tree *tree)
{
    if (!tree)
        return;
    for (unsigned at = 0; at < EVIDENCE_LEVELS; at++)
        if (tree->levels[at].fd >= 0)
            close(tree->levels[at].fd);
    if (tree->dir_fd >= 0)
        close(tree->dir_fd);
    object_end(&tree->magic);
    free(tree);
}
