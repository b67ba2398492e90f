/* evidence_follow.c: reads heads of records from the spool and appends their leaves; finds out
 * whether the spool is the one that the tree was made of. The evidence thread. Signs nothing. */
#define LOG_COMPONENT "evidence"
#include "storage/evidence/evidence_internal.h"

#include "core/log/log.h"
#include "storage/evidence/record_leaf.h"

#define RECORDS_AT_ONCE 65536 /* then the thread looks at its clock and at whether it ends */

static enum status refuse(struct problem *problem, uint64_t position, uint64_t leaf)
{
    problem_say(problem,
                "the record at position %llu is not the one that the tree has as leaf %llu: the "
                "spool was rolled back, rewritten or replaced; " EVIDENCE_WHAT_TO_DO,
                (unsigned long long)position, (unsigned long long)leaf);
    return STATUS_REFUSED;
}

/* A record that the tree has already. What was taken as lost and is there again may stay. */
static enum status compare_leaf(struct evidence *e, const struct batch_meta *meta,
                                struct problem *problem)
{
    uint8_t hash[MERKLE_HASH_BYTES], stored[1][MERKLE_HASH_BYTES], lost[MERKLE_HASH_BYTES];
    struct evidence_leaf gone;
    enum status status = record_leaf_hash(meta, e->spool_uid, hash);
    if (status == STATUS_OK)
        status = evidence_tree_read(e->tree, 0, meta->leaf_index, 1, stored);
    if (status != STATUS_OK)
        return status;
    if (memcmp(hash, stored[0], sizeof hash) != 0) {
        evidence_leaf_lost(e->spool_uid, meta->leaf_index, &gone);
        status = evidence_leaf_hash(&gone, lost);
        if (status == STATUS_OK && memcmp(lost, stored[0], sizeof lost) != 0)
            return refuse(problem, meta->position, meta->leaf_index);
    }
    if (meta->leaf_index + 1 == evidence_tree_size(e->tree))
        e->joined = true;
    return status;
}

/* Leaves of records that are gone: damaged in the spool, or removed from it. */
static enum status append_lost(struct evidence *e, uint64_t up_to)
{
    uint64_t first = evidence_tree_size(e->tree);
    enum status status = STATUS_OK;
    for (uint64_t i = first; i < up_to && status == STATUS_OK; i++) {
        uint8_t hash[MERKLE_HASH_BYTES];
        struct evidence_leaf leaf;
        evidence_leaf_lost(e->spool_uid, i, &leaf);
        status = evidence_leaf_hash(&leaf, hash);
        if (status == STATUS_OK)
            status = evidence_tree_append(e->tree, hash);
        if (status == STATUS_OK)
            metric_add(e->lost_leaves, 1);
    }
    if (status == STATUS_OK)
        log_error("records were lost before they were in the tree; each has a leaf that says so",
                  LOG_U64("first_leaf", first), LOG_U64("records", up_to - first));
    return status;
}

/* END: the reader must begin at the oldest record, because the cursor is ahead of the tree. */
static enum status take(struct evidence *e, const struct batch_meta *meta, struct problem *problem)
{
    uint8_t hash[MERKLE_HASH_BYTES];
    uint64_t size = evidence_tree_size(e->tree);
    enum status status = STATUS_OK;
    if (meta->leaf_index == BATCH_NO_LEAF)
        return STATUS_OK;
    if (meta->leaf_index < size)
        return compare_leaf(e, meta, problem);
    if (meta->leaf_index > size && !e->joined && !e->rewound)
        return STATUS_END;
    if (meta->leaf_index > size)
        status = append_lost(e, meta->leaf_index);
    if (status == STATUS_OK)
        status = record_leaf_hash(meta, e->spool_uid, hash);
    if (status == STATUS_OK)
        status = evidence_tree_append(e->tree, hash);
    if (status == STATUS_OK)
        e->joined = true;
    return status;
}

static enum status open_reader(struct evidence *e, uint64_t position)
{
    spool_reader_close(e->reader);
    e->reader = NULL;
    e->position = position;
    enum status status = spool_reader_open(e->spool, position, &e->reader);
    if (status == STATUS_OK)
        spool_reader_heads_only(e->reader);
    return status;
}

/* The record of the last leaf comes first, to be compared. */
static enum status begin(struct evidence *e)
{
    uint64_t position = e->position ? e->position - 1 : 0;
    e->rewound = position == 0;
    return open_reader(e, position);
}

enum status evidence_follow(struct evidence *e, struct problem *problem)
{
    thread_assert(THREAD_EVIDENCE);
    enum status status = e->reader ? STATUS_OK : begin(e);
    for (unsigned n = 0; status == STATUS_OK && n < RECORDS_AT_ONCE; n++) {
        struct batch_meta meta;
        status = spool_reader_next_head(e->reader, &meta);
        if (status == STATUS_CORRUPT) { /* reported by the reader; its leaf is missing then */
            status = STATUS_OK;
            continue;
        }
        if (status != STATUS_OK)
            break;
        status = take(e, &meta, problem);
        if (status == STATUS_END) {
            e->rewound = true;
            status = open_reader(e, 0);
        } else if (status == STATUS_OK) {
            e->position = meta.position;
        } else {
            (void)open_reader(e, e->position); /* the record comes again */
        }
    }
    if (status != STATUS_OK && status != STATUS_END && status != STATUS_REFUSED)
        problem_say(problem, "records can't be added to the tree: %s; it is tried again",
                    status_text(status));
    return status;
}
