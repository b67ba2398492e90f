/* spool_recover_index.c: reads the indexes of a spool directory at its start. The opener's thread.
 * Does not decide what a segment holds when its index can't be used: recovery reads it then. */
#define LOG_COMPONENT "spool"
#include "storage/spool/recover/spool_recover_index.h"

#include <stdlib.h>

#include "core/log/log.h"

void spool_indexes_reject(struct spool_indexes *x, size_t i, const char *why)
{
    char name[SPOOL_NAME_BYTES];
    if (!x->valid[i])
        return;
    spool_segment_name(x->items[i].header.first_position, name);
    log_warn("index of a segment ignored: the segment is read, and its index made again",
             LOG_TEXT("file", name), LOG_TEXT("reason", why));
    x->valid[i] = false;
    x->missing++;
}

/* Without an index, or with one that can't be used, the segment is read. */
static void read_one(struct spool_indexes *x, int dir_fd, uint64_t first, size_t i)
{
    const char *why = "";
    enum status status = spool_index_read(dir_fd, first, &x->items[i], &why);
    x->valid[i] = true;
    x->items[i].header.first_position = first;
    if (status == STATUS_OK)
        return;
    if (status != STATUS_NOT_FOUND) {
        spool_indexes_reject(x, i, why);
        return;
    }
    x->valid[i] = false;
    x->missing++;
}

/* The newest keys_max batches are in the segments from needed_from on. How many a segment without
 * an index has is not known: it counts as empty. */
static void find_needed(struct spool_indexes *x, uint64_t keys_max)
{
    uint64_t records = 0;
    x->needed_from = x->count;
    while (x->needed_from && (!keys_max || records < keys_max)) {
        x->needed_from--;
        records += x->valid[x->needed_from] ? x->items[x->needed_from].segment.records : 0;
    }
    x->keys_needed = !keys_max || records < keys_max;
}

enum status spool_indexes_read(struct spool_indexes *x, int dir_fd, const uint64_t *firsts,
                               size_t count, uint64_t keys_max)
{
    *x = (struct spool_indexes){.items = calloc(count + 1, sizeof *x->items),
                                .valid = calloc(count + 1, sizeof *x->valid),
                                .count = count};
    if (!x->items || !x->valid)
        return STATUS_NO_MEMORY;
    enum status status = spool_index_list_keys(dir_fd, firsts, count, &x->keys, &x->key_count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        read_one(x, dir_fd, firsts[i], i);
    find_needed(x, keys_max);
    return status;
}

void spool_indexes_fini(struct spool_indexes *x)
{
    free(x->items);
    free(x->valid);
    free(x->keys);
    *x = (struct spool_indexes){0};
}

static enum status take_keys(struct spool_indexes *x, struct spool *spool, uint64_t first,
                             uint64_t before, spool_scan_fn fn, void *arg, uint64_t *newest)
{
    struct spool_index index;
    const char *why = "";
    enum status status = spool_index_read_keys(spool->dir_fd, first, &index, &why);
    if (status == STATUS_OK && memcmp(index.header.spool_uid, spool->uid, UUID_BYTES) != 0) {
        why = "they are of another spool";
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK && index.segment.newest >= before) {
        why = "their positions are those of a segment that is there";
        status = STATUS_CORRUPT;
    }
    if (status == STATUS_OK && fn && x->keys_needed) {
        why = "they are damaged";
        status = spool_index_places(spool->dir_fd, &index, fn, arg);
    }
    if (status == STATUS_OK) {
        *newest = index.segment.newest > *newest ? index.segment.newest : *newest;
        return spool_keeper_add_keys(spool, first, index.segment.newest);
    }
    if (status == STATUS_NO_MEMORY)
        return status;
    log_warn("kept keys of a removed segment ignored: a repeat of a batch in it would be stored "
             "again",
             LOG_U64("first_position", first), LOG_TEXT("reason", why));
    if (status != STATUS_IO)
        spool_index_remove(spool->dir_fd, first);
    return STATUS_OK;
}

enum status spool_indexes_keys(struct spool_indexes *x, struct spool *spool, uint64_t before,
                               spool_scan_fn fn, void *arg, uint64_t *newest)
{
    enum status status = STATUS_OK;
    *newest = 0;
    for (size_t i = 0; i < x->key_count && status == STATUS_OK; i++)
        status = take_keys(x, spool, x->keys[i], before, fn, arg, newest);
    return status;
}
