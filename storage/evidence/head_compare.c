/* head_compare.c: makes a spool's tree again and compares its roots with signed heads. The caller's
 * thread. Checks no payloads (spool_verify.h does) and no signatures. */
#include "storage/evidence/head_compare.h"

#include "storage/evidence/record_leaf.h"
#include "storage/evidence/tree.h"
#include "storage/spool/spool.h"

struct comparison {
    const struct head_compare_options *options;
    struct head_compare_result *result;
    struct evidence_tree *stored; /* NULL: there is none */
    uint64_t stored_leaves;
    struct merkle_frontier made;
    size_t next;   /* of the heads */
    bool any;      /* a record was there */
    uint64_t last; /* position of the last one */
    bool no_roots; /* hashes are missing: no root can be made */
};

const char *head_finding_text(enum head_finding_kind kind)
{
    static const char *const texts[] = {
        [HEAD_FINDING_SHORT] = "ends_before_head", [HEAD_FINDING_ROOT] = "not_as_signed",
        [HEAD_FINDING_LEAF] = "record_differs",    [HEAD_FINDING_MISSING] = "records_removed",
        [HEAD_FINDING_HASHES] = "hashes_missing",  [HEAD_FINDING_REMOVED] = "removed_unrecorded",
    };
    return texts[kind];
}

static void found(struct comparison *c, enum head_finding_kind kind, uint64_t leaf, uint64_t count,
                  uint64_t position)
{
    const struct head_finding finding = {kind, leaf, count, position};
    c->result->findings++;
    if (c->options->on_finding)
        c->options->on_finding(c->options->arg, &finding);
}

static void check_heads(struct comparison *c)
{
    const struct head_compare_options *o = c->options;
    for (; c->next < o->count && o->heads[c->next].size <= c->made.size; c->next++) {
        uint8_t root[MERKLE_HASH_BYTES];
        merkle_frontier_root(&c->made, root);
        if (c->no_roots)
            continue; /* reported as HASHES */
        if (o->heads[c->next].size == c->made.size &&
            memcmp(root, o->heads[c->next].root, sizeof root) == 0)
            c->result->matching++;
        else
            found(c, HEAD_FINDING_ROOT, o->heads[c->next].size, 0, 0);
    }
}

static void add(struct comparison *c, const uint8_t hash[MERKLE_HASH_BYTES])
{
    merkle_frontier_add(&c->made, hash);
    check_heads(c);
}

/* Leaves without a record, up to `to`: their records were removed, which a record says, or they
 * were lost before they reached the tree. A removal takes the oldest records: between two records
 * it can be only if the first of them has gone, too, since it was read. */
static enum status add_stored(struct comparison *c, uint64_t to)
{
    uint64_t first = c->made.size, missing = 0, hidden = 0, first_hidden = 0;
    struct retired retired;
    const struct retired_question question = {.spool_dir = c->options->spool_dir,
                                              .tree_dir = c->options->tree_dir,
                                              .leaf = to,
                                              .after = c->last};
    enum status status = retired_before(&question, &retired);
    if (status == STATUS_OK && !c->any)
        c->result->retired = retired;
    while (c->made.size < to && status == STATUS_OK) {
        uint8_t hashes[TILE_WIDTH][MERKLE_HASH_BYTES] = {{0}}, lost[MERKLE_HASH_BYTES];
        uint64_t at = c->made.size;
        size_t count = to - at < TILE_WIDTH ? (size_t)(to - at) : TILE_WIDTH;
        size_t there = at >= c->stored_leaves          ? 0
                       : count > c->stored_leaves - at ? (size_t)(c->stored_leaves - at)
                                                       : count;
        if (there)
            status = evidence_tree_read(c->stored, 0, at, there, hashes);
        missing += count - there;
        c->result->hashes += there;
        c->no_roots = c->no_roots || missing;
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            struct evidence_leaf leaf;
            evidence_leaf_lost(c->options->spool_uid, at + i, &leaf);
            status = evidence_leaf_hash(&leaf, lost);
            if (at + i >= retired_end(&retired) && i < there &&
                memcmp(lost, hashes[i], sizeof lost) != 0 && !hidden++)
                first_hidden = at + i;
            add(c, hashes[i]);
        }
    }
    if (missing)
        found(c, HEAD_FINDING_HASHES, first, missing, 0);
    if (hidden)
        found(c, c->any ? HEAD_FINDING_MISSING : HEAD_FINDING_REMOVED, first_hidden, hidden, 0);
    return status;
}

static enum status take(struct comparison *c, const struct batch_meta *meta)
{
    uint8_t hash[MERKLE_HASH_BYTES], stored[1][MERKLE_HASH_BYTES];
    enum status status = STATUS_OK;
    if (meta->leaf_index == BATCH_NO_LEAF)
        return STATUS_OK;
    if (meta->leaf_index < c->made.size) { /* twice in the spool */
        found(c, HEAD_FINDING_LEAF, meta->leaf_index, 1, meta->position);
        return STATUS_OK;
    }
    if (meta->leaf_index > c->made.size)
        status = add_stored(c, meta->leaf_index);
    if (status == STATUS_OK)
        status = record_leaf_hash(meta, c->options->spool_uid, hash);
    if (status != STATUS_OK)
        return status;
    c->any = true;
    c->last = meta->position;
    c->result->records++;
    if (meta->leaf_index < c->stored_leaves) {
        status = evidence_tree_read(c->stored, 0, meta->leaf_index, 1, stored);
        if (status == STATUS_OK && memcmp(hash, stored[0], sizeof hash) != 0)
            found(c, HEAD_FINDING_LEAF, meta->leaf_index, 1, meta->position);
    }
    add(c, hash);
    return status;
}

/* Until the last head is compared. */
static enum status walk(struct comparison *c, struct spool_reader *reader)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && c->next < c->options->count) {
        struct batch_meta meta;
        status = spool_reader_next_head(reader, &meta);
        if (status == STATUS_OK)
            status = take(c, &meta);
        else if (status == STATUS_CORRUPT)
            status = STATUS_OK; /* its leaf is missing then */
    }
    if (status != STATUS_END)
        return status;
    for (; c->next < c->options->count; c->next++) {
        uint64_t size = c->options->heads[c->next].size;
        if (size > c->made.size)
            found(c, HEAD_FINDING_SHORT, c->made.size, size - c->made.size, 0);
    }
    return STATUS_OK;
}

enum status head_compare(const struct head_compare_options *options,
                         struct head_compare_result *result)
{
    struct comparison c = {.options = options, .result = result};
    struct spool_reader *reader;
    *result = (struct head_compare_result){0};
    enum status status = evidence_tree_open(options->tree_dir, false, &c.stored);
    if (status == STATUS_OK)
        status = evidence_tree_stored(c.stored, &c.stored_leaves);
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    if (status == STATUS_OK)
        status = spool_reader_open_dir(options->spool_dir, 0, &reader);
    if (status == STATUS_OK) {
        spool_reader_heads_only(reader);
        check_heads(&c); /* of the empty tree */
        status = walk(&c, reader);
        spool_reader_close(reader);
    }
    evidence_tree_close(c.stored);
    return status;
}

/* --- agreement ------------------------------------------------------------------------------ */

/* END: this record differs, or the tree has no leaf for it. */
static enum status agree(struct evidence_tree *tree, uint64_t stored_leaves,
                         const uint8_t *spool_uid, const struct batch_meta *meta, uint64_t *leaves)
{
    uint8_t hash[MERKLE_HASH_BYTES], stored[1][MERKLE_HASH_BYTES];
    if (meta->leaf_index == BATCH_NO_LEAF)
        return STATUS_OK;
    if (meta->leaf_index >= stored_leaves)
        return STATUS_END;
    enum status status = record_leaf_hash(meta, spool_uid, hash);
    if (status == STATUS_OK)
        status = evidence_tree_read(tree, 0, meta->leaf_index, 1, stored);
    if (status != STATUS_OK)
        return status;
    bool same = memcmp(hash, stored[0], sizeof hash) == 0;
    *leaves = meta->leaf_index + same;
    return same ? STATUS_OK : STATUS_END;
}

enum status head_agreement(const char *spool_dir, const char *tree_dir, const uint8_t *spool_uid,
                           uint64_t *leaves)
{
    struct evidence_tree *tree;
    struct spool_reader *reader = NULL;
    uint64_t stored_leaves = 0, agreed = 0;
    enum status status = evidence_tree_open(tree_dir, false, &tree);
    if (status != STATUS_OK)
        return status;
    status = evidence_tree_stored(tree, &stored_leaves);
    if (status == STATUS_OK)
        status = spool_reader_open_dir(spool_dir, 0, &reader);
    if (status == STATUS_OK)
        spool_reader_heads_only(reader);
    while (status == STATUS_OK) {
        struct batch_meta meta;
        status = spool_reader_next_head(reader, &meta);
        if (status == STATUS_OK)
            status = agree(tree, stored_leaves, spool_uid, &meta, &agreed);
        else if (status == STATUS_CORRUPT)
            status = STATUS_OK;
    }
    spool_reader_close(reader);
    evidence_tree_close(tree);
    if (status != STATUS_END)
        return status;
    *leaves = agreed;
    return STATUS_OK;
}
