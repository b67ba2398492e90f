/* fair_queue.c: members grouped by address. Groups are on three lists: of a cell (to find one by
 * its address), of turns, and of those with as many members. Runs on its owner's thread. */
#include "server/net/fair_queue.h"

#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "core/thread.h"

struct fair_group {
    uint8_t key[FAIR_KEY_BYTES];
    size_t key_size, count;
    TAILQ_HEAD(, fair_member) members; /* oldest first */
    SLIST_ENTRY(fair_group) in_cell;
    TAILQ_ENTRY(fair_group) turn, rank;
};

static size_t rank_of(const struct fair_group *group)
{
    return group->count < FAIR_RANKS ? group->count : FAIR_RANKS;
}

/* Counts one member more or fewer. */
static void count(struct fair_queue *queue, struct fair_group *group, int step)
{
    size_t before = rank_of(group);
    group->count = (size_t)((ptrdiff_t)group->count + step);
    queue->count = (size_t)((ptrdiff_t)queue->count + step);
    size_t after = rank_of(group);
    if (after == before)
        return;
    if (before)
        TAILQ_REMOVE(&queue->ranks[before], group, rank);
    if (after)
        TAILQ_INSERT_TAIL(&queue->ranks[after], group, rank);
    if (after > queue->most)
        queue->most = after;
    else if (before == queue->most && TAILQ_EMPTY(&queue->ranks[before]))
        queue->most--; /* counts change by one: this group has one less, or was the last */
}

static size_t cell_of(const struct fair_queue *queue, struct slice address)
{
    return (size_t)(hash_keyed(queue->seed, address) % FAIR_CELLS);
}

static struct fair_group *find(const struct fair_queue *queue, struct slice address)
{
    struct fair_group *g;
    SLIST_FOREACH (g, &queue->cells[cell_of(queue, address)], in_cell)
        if (slice_equal(slice_make(g->key, g->key_size), address))
            return g;
    return NULL;
}

static struct fair_group *make(struct fair_queue *queue, struct slice address)
{
    struct fair_group *g = (struct fair_group *)calloc(1, sizeof *g);
    if (!g)
        return NULL;
    memcpy(g->key, address.data, address.size);
    g->key_size = address.size;
    TAILQ_INIT(&g->members);
    SLIST_INSERT_HEAD(&queue->cells[cell_of(queue, address)], g, in_cell);
    TAILQ_INSERT_TAIL(&queue->turns, g, turn);
    return g;
}

static void drop(struct fair_queue *queue, struct fair_group *group)
{
    size_t cell = cell_of(queue, slice_make(group->key, group->key_size));
    SLIST_REMOVE(&queue->cells[cell], group, fair_group, in_cell);
    TAILQ_REMOVE(&queue->turns, group, turn);
    free(group);
}

void fair_queue_init(struct fair_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    TAILQ_INIT(&queue->turns);
    for (size_t i = 0; i <= FAIR_RANKS; i++)
        TAILQ_INIT(&queue->ranks[i]);
    random_bytes(queue->seed, sizeof queue->seed);
}

void fair_queue_fini(struct fair_queue *queue)
{
    ensure(queue->count == 0 && TAILQ_EMPTY(&queue->turns));
}

enum status fair_queue_add(struct fair_queue *queue, struct fair_member *member,
                           struct slice address)
{
    ensure(!member->group && address.size <= FAIR_KEY_BYTES);
    struct fair_group *group = find(queue, address);
    if (!group)
        group = make(queue, address);
    if (!group)
        return STATUS_NO_MEMORY;
    member->group = group;
    TAILQ_INSERT_TAIL(&group->members, member, in_group);
    count(queue, group, 1);
    return STATUS_OK;
}

void fair_queue_remove(struct fair_queue *queue, struct fair_member *member)
{
    struct fair_group *group = member->group;
    ensure(group != NULL);
    TAILQ_REMOVE(&group->members, member, in_group);
    member->group = NULL;
    count(queue, group, -1);
    if (group->count == 0)
        drop(queue, group);
}

struct fair_member *fair_queue_turn(const struct fair_queue *queue)
{
    const struct fair_group *group = TAILQ_FIRST(&queue->turns);
    return group ? TAILQ_FIRST(&group->members) : NULL;
}

void fair_queue_pass(struct fair_queue *queue)
{
    struct fair_group *group = TAILQ_FIRST(&queue->turns);
    if (!group || !TAILQ_NEXT(group, turn))
        return;
    TAILQ_REMOVE(&queue->turns, group, turn);
    TAILQ_INSERT_TAIL(&queue->turns, group, turn);
}

struct fair_member *fair_queue_heaviest(const struct fair_queue *queue)
{
    return queue->most ? TAILQ_FIRST(&TAILQ_FIRST(&queue->ranks[queue->most])->members) : NULL;
}

size_t fair_queue_count_of(const struct fair_queue *queue, struct slice address)
{
    const struct fair_group *group = find(queue, address);
    return group ? rank_of(group) : 0;
}
