/* evidence_walk.c: walks over all evidence once, in order. The owner's thread. Repairs nothing. The
 * hash chain of the spool, which is older than the tree, is `vsocd spool verify`'s. */
#include "storage/evidence/walk/evidence_walk.h"
#include "core/object.h"

#include <stdio.h>
#include <unistd.h>

#include "storage/evidence/heads.h"
#include "storage/evidence/record_leaf.h"
#include "storage/evidence/spool_id.h"
#include "storage/evidence/tree.h"
#include "storage/spool/record_open.h"
#include "storage/spool/retire/erasure.h"
#include "storage/spool/spool.h"

#define LEAVES_AT_ONCE   128 /* evidence_tree_read: at most half a tile */
#define PROGRESS_RECORDS 64
#define PROGRESS_TILES   256
#define PASS_MAGIC       0x57414c45U

struct pass {
    unsigned magic; /* PASS_MAGIC */
    struct evidence_walk *walk;
    struct evidence_tree *tree;
    uint8_t spool_uid[UUID_BYTES];
    /* Leaves [first, first + count) of the tree. */
    uint64_t leaves_first;
    size_t leaves_count;
    uint8_t leaves[LEAVES_AT_ONCE][MERKLE_HASH_BYTES];
    enum status status; /* of the heads */
};

OBJECT_CAST(pass, PASS_MAGIC)

const char *evidence_finding_text(enum evidence_finding finding)
{
    static const char *const texts[] = {
        [EVIDENCE_FINDING_BYTES] = "damaged_bytes",
        [EVIDENCE_FINDING_LEAF] = "other_leaf",
        [EVIDENCE_FINDING_NO_LEAF] = "not_in_tree",
        [EVIDENCE_FINDING_COMMITMENT] = "commitment",
        [EVIDENCE_FINDING_UNOPENED] = "not_opened",
        [EVIDENCE_FINDING_UNBOUND] = "keys_destroyed",
        [EVIDENCE_FINDING_ERASED] = "erased_unrecorded",
        [EVIDENCE_FINDING_GAP] = "records_missing",
        [EVIDENCE_FINDING_REMOVED] = "removed_unrecorded",
        [EVIDENCE_FINDING_SHORT] = "ends_before_head",
        [EVIDENCE_FINDING_TREE] = "tree_hash",
        [EVIDENCE_FINDING_HEAD] = "other_root",
        [EVIDENCE_FINDING_SIGNATURE] = "head_signature",
    };
    return texts[finding];
}

static void found(struct pass *p, enum evidence_finding finding, uint64_t number)
{
    p->walk->state.findings++;
    p->walk->on_finding(p->walk->arg, finding, number);
}

static bool go_on(struct pass *p)
{
    return !p->walk->on_progress || p->walk->on_progress(p->walk->arg, &p->walk->state);
}

/* --- records -------------------------------------------------------------------------------- */

/* The tree's hash of a leaf. NOT_FOUND: the tree does not have it (yet). */
static enum status stored_leaf(struct pass *p, uint64_t index, const uint8_t **hash)
{
    if (index >= p->walk->tree_size)
        return STATUS_NOT_FOUND;
    if (index < p->leaves_first || index >= p->leaves_first + p->leaves_count) {
        uint64_t first = index / LEAVES_AT_ONCE * LEAVES_AT_ONCE;
        uint64_t left = p->walk->tree_size - first;
        p->leaves_count = 0;
        size_t count = left < LEAVES_AT_ONCE ? (size_t)left : LEAVES_AT_ONCE;
        enum status status = evidence_tree_read(p->tree, 0, first, count, p->leaves);
        if (status != STATUS_OK)
            return status;
        p->leaves_first = first;
        p->leaves_count = count;
    }
    *hash = p->leaves[index - p->leaves_first];
    return STATUS_OK;
}

static bool is_committed(const struct batch_record *record)
{
    return record_is_committed(record, SEAL_BODY) && record_is_committed(record, SEAL_META) &&
           record_is_committed(record, SEAL_EVENTS);
}

/* Records before this one are missing. In a spool in use, also because they were removed since the
 * one before (`after`, 0: none) was read, and that one with them. */
static enum status check_gap(struct pass *p, const struct batch_meta *meta, uint64_t after)
{
    char tree_dir[4300];
    struct retired retired = {.position = 0};
    bool first = !p->walk->state.leaf_next;
    const struct retired_question question = {.spool_dir = p->walk->spool_dir,
                                              .tree_dir = tree_dir,
                                              .leaf = meta->leaf_index,
                                              .after = first ? 0 : after};
    snprintf(tree_dir, sizeof tree_dir, "%.4200s/tree", p->walk->evidence_dir);
    enum status status = retired_before(&question, &retired);
    if (status != STATUS_OK)
        return status;
    if (retired.position && retired_end(&retired) == meta->leaf_index)
        p->walk->on_retired(p->walk->arg, &retired);
    else
        found(p, first ? EVIDENCE_FINDING_REMOVED : EVIDENCE_FINDING_GAP, meta->position);
    return STATUS_OK;
}

/* Its parts against what the leaf commits to. */
static enum status check_parts(struct pass *p, const struct batch_record *record)
{
    struct evidence_walk_state *state = &p->walk->state;
    uint64_t position = record->meta.position, recorded = 0;
    bool own = !batch_is_events(&record->meta), erased = record->state == SEAL_ERASED;
    if (own && (erased || record->state == SEAL_ABSENT))
        found(p, EVIDENCE_FINDING_UNBOUND, position);
    else if (!erased && (record->state != SEAL_OPEN || record->sealed))
        found(p, EVIDENCE_FINDING_UNOPENED, position);
    else if (!erased && !is_committed(record))
        found(p, EVIDENCE_FINDING_COMMITMENT, position);
    state->erased += erased;
    state->erased_parts += record->parts ? record->parts->erased : 0;
    state->erasures += own ? 0 : record_erasures(record);
    enum status status = own ? erasure_read(record->body, &recorded) : STATUS_OK;
    state->erasures_recorded += recorded;
    return status;
}

static enum status check_record(struct pass *p, const struct batch_record *record)
{
    const struct batch_meta *meta = &record->meta;
    uint8_t leaf[MERKLE_HASH_BYTES];
    const uint8_t *stored;
    struct evidence_walk_state *state = &p->walk->state;
    uint64_t before = state->position;
    state->records++;
    state->position = meta->position;
    if (meta->leaf_index == BATCH_NO_LEAF)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (meta->leaf_index != state->leaf_next)
        status = check_gap(p, meta, before);
    state->leaf_next = meta->leaf_index + 1;
    if (status == STATUS_OK)
        status = record_leaf_hash(meta, p->spool_uid, leaf);
    if (status == STATUS_OK)
        status = stored_leaf(p, meta->leaf_index, &stored);
    if (status == STATUS_NOT_FOUND)
        status = STATUS_OK; /* newer than the newest head */
    else if (status != STATUS_OK)
        return status;
    else if (memcmp(leaf, stored, sizeof leaf) != 0)
        found(p, EVIDENCE_FINDING_LEAF, meta->position);
    return status == STATUS_OK ? check_parts(p, record) : status;
}

static enum status walk_records(struct pass *p, struct problem *problem)
{
    struct spool_reader *reader;
    struct batch_record record;
    struct evidence_walk *walk = p->walk;
    enum status status = spool_reader_open_dir(walk->spool_dir, walk->state.position, &reader);
    if (status != STATUS_OK) {
        problem_say(problem, "%.300s: %s", walk->spool_dir, status_text(status));
        return status;
    }
    spool_reader_use_keys(reader, walk->keys);
    while (status == STATUS_OK) {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_CORRUPT) {
            found(p, EVIDENCE_FINDING_BYTES, walk->state.position);
            status = STATUS_OK;
            continue;
        }
        if (status == STATUS_OK)
            status = check_record(p, &record);
        if (status == STATUS_OK && walk->state.records % PROGRESS_RECORDS == 0 && !go_on(p))
            status = STATUS_CLOSED;
    }
    spool_reader_close(reader);
    if (status != STATUS_END)
        problem_say(problem, "position %llu: %s", (unsigned long long)walk->state.position,
                    status_text(status));
    const struct evidence_walk_state *s = &walk->state;
    if (status == STATUS_END && s->erasures > s->erasures_recorded)
        found(p, EVIDENCE_FINDING_ERASED, s->erasures - s->erasures_recorded);
    if (status == STATUS_END && s->leaf_next < walk->tree_size)
        found(p, EVIDENCE_FINDING_SHORT, s->leaf_next);
    return status == STATUS_END ? STATUS_OK : status;
}

/* --- tree and heads ------------------------------------------------------------------------- */

/* Root over one full tile. */
static enum status tile_root(struct pass *p, unsigned level, uint64_t tile,
                             uint8_t root[MERKLE_HASH_BYTES])
{
    static struct merkle_frontier frontier;
    static uint8_t hashes[LEAVES_AT_ONCE][MERKLE_HASH_BYTES];
    frontier = (struct merkle_frontier){0};
    for (uint64_t i = 0; i < TILE_WIDTH; i += LEAVES_AT_ONCE) {
        enum status status =
            evidence_tree_read(p->tree, level, tile * TILE_WIDTH + i, LEAVES_AT_ONCE, hashes);
        if (status != STATUS_OK)
            return status;
        for (size_t k = 0; k < LEAVES_AT_ONCE; k++)
            merkle_frontier_add(&frontier, hashes[k]);
    }
    merkle_frontier_root(&frontier, root);
    return STATUS_OK;
}

/* Each stored hash of a level is that of the tile below it. */
static enum status walk_level(struct pass *p, unsigned level, uint64_t tiles)
{
    for (uint64_t tile = 0; tile < tiles; tile++) {
        uint8_t root[MERKLE_HASH_BYTES], stored[1][MERKLE_HASH_BYTES];
        enum status status = tile_root(p, level, tile, root);
        if (status == STATUS_OK)
            status = evidence_tree_read(p->tree, level + 1, tile, 1, stored);
        if (status == STATUS_NOT_FOUND ||
            (status == STATUS_OK && memcmp(root, stored, sizeof root) != 0))
            found(p, EVIDENCE_FINDING_TREE, tile);
        else if (status != STATUS_OK)
            return status;
        if (tile % PROGRESS_TILES == 0 && !go_on(p))
            return STATUS_CLOSED;
    }
    return STATUS_OK;
}

static enum status walk_tree(struct pass *p, struct problem *problem)
{
    enum status status = STATUS_OK;
    uint64_t tiles = p->walk->tree_size / TILE_WIDTH;
    for (unsigned level = 0; status == STATUS_OK && tiles; level++, tiles /= TILE_WIDTH)
        status = walk_level(p, level, tiles);
    if (status == STATUS_OK)
        status = evidence_tree_root(p->tree, p->walk->tree_size, p->walk->root);
    if (status != STATUS_OK)
        problem_say(problem, "the tree can't be read: %s", status_text(status));
    return status;
}

static bool on_head(void *arg, const struct evidence_head *head)
{
    struct pass *p = pass_cast(arg);
    struct note note;
    uint8_t root[MERKLE_HASH_BYTES];
    p->walk->state.heads++;
    p->walk->state.head_size = head->size;
    if (note_parse(head->note, &note) != STATUS_OK ||
        note_verify(&note, p->walk->log, NULL) != STATUS_OK)
        found(p, EVIDENCE_FINDING_SIGNATURE, head->size);
    p->status = evidence_tree_root(p->tree, head->size, root);
    if (p->status == STATUS_NOT_FOUND) { /* the tree is shorter */
        found(p, EVIDENCE_FINDING_HEAD, head->size);
        p->status = STATUS_OK;
    } else if (p->status == STATUS_OK && memcmp(root, head->root, sizeof root) != 0) {
        found(p, EVIDENCE_FINDING_HEAD, head->size);
    }
    if (p->status == STATUS_OK && p->walk->state.heads % PROGRESS_RECORDS == 0 && !go_on(p))
        p->status = STATUS_CLOSED;
    return p->status == STATUS_OK;
}

static enum status walk_heads(struct pass *p, struct problem *problem)
{
    p->status = STATUS_OK;
    enum status status =
        evidence_heads_walk(p->walk->evidence_dir, p->walk->state.head_size + 1, on_head, p);
    if (status == STATUS_OK)
        status = p->status;
    if (status != STATUS_OK)
        problem_say(problem, "heads after size %llu: %s",
                    (unsigned long long)p->walk->state.head_size, status_text(status));
    return status;
}

/* --- all ------------------------------------------------------------------------------------ */

static enum status open_tree(struct pass *p, struct problem *problem)
{
    char dir[4300];
    struct evidence_head head;
    struct writer note;
    snprintf(dir, sizeof dir, "%.4200s/tree", p->walk->evidence_dir);
    writer_init(&note, NOTE_BYTES_MAX);
    enum status status = evidence_tree_open(dir, false, &p->tree);
    if (status == STATUS_OK)
        status = evidence_heads_last(p->walk->evidence_dir, &note, &head);
    if (status == STATUS_OK)
        status = evidence_spool_id(p->walk->spool_dir, p->spool_uid);
    if (status == STATUS_OK)
        p->walk->tree_size = head.size;
    else
        problem_say(problem, "%.300s: %s", p->walk->evidence_dir, status_text(status));
    writer_fini(&note);
    return status;
}

enum status evidence_walk_all(struct evidence_walk *walk, struct problem *problem)
{
    static struct pass p;
    p = (struct pass){.magic = PASS_MAGIC, .walk = walk};
    enum status status = open_tree(&p, problem);
    if (status == STATUS_OK)
        status = walk_records(&p, problem);
    if (status == STATUS_OK)
        status = walk_tree(&p, problem);
    if (status == STATUS_OK)
        status = walk_heads(&p, problem);
    evidence_tree_close(p.tree);
    return status;
}
