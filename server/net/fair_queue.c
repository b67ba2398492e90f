/* fair_queue.c: members grouped by address. Groups are on three lists: of a cell (to find one by
 * its address), of turns, and of those with as many members. Runs on its owner's thread. */
#include "server/net/fair_queue.h"

#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "core/thread.h"

struct fair_link {
    struct fair_group *next, *previous;
};

struct fair_group {
    uint8_t key[FAIR_KEY_BYTES];
    size_t key_size, count;
    struct fair_member *first, *last;
    struct fair_group *next_of_cell;
    struct fair_link turn, rank;
};

#define LINK_OF(group, offset) ((struct fair_link *)(void *)((char *)(group) + (offset)))
#define TURN                   offsetof(struct fair_group, turn)
#define RANK                   offsetof(struct fair_group, rank)

static void append(struct fair_groups *list, struct fair_group *group, size_t offset)
{
    struct fair_link *link = LINK_OF(group, offset);
    *link = (struct fair_link){.previous = list->last};
    if (list->last)
        LINK_OF(list->last, offset)->next = group;
    else
        list->first = group;
    list->last = group;
}

static void detach(struct fair_groups *list, struct fair_group *group, size_t offset)
{
    struct fair_link *link = LINK_OF(group, offset);
    if (link->previous)
        LINK_OF(link->previous, offset)->next = link->next;
    else
        list->first = link->next;
    if (link->next)
        LINK_OF(link->next, offset)->previous = link->previous;
    else
        list->last = link->previous;
}

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
        detach(&queue->ranks[before], group, RANK);
    if (after)
        append(&queue->ranks[after], group, RANK);
    if (after > queue->most)
        queue->most = after;
    else if (before == queue->most && !queue->ranks[before].first)
        queue->most--; /* counts change by one: this group has one less, or was the last */
}

static size_t cell_of(const struct fair_queue *queue, struct slice address)
{
    return (size_t)(hash_keyed(queue->seed, address) % FAIR_CELLS);
}

static struct fair_group *find(const struct fair_queue *queue, struct slice address)
{
    struct fair_group *g = queue->cells[cell_of(queue, address)];
    while (g && !slice_equal(slice_make(g->key, g->key_size), address))
        g = g->next_of_cell;
    return g;
}

static struct fair_group *make(struct fair_queue *queue, struct slice address)
{
    struct fair_group *g = (struct fair_group *)calloc(1, sizeof *g);
    struct fair_group **cell = &queue->cells[cell_of(queue, address)];
    if (!g)
        return NULL;
    memcpy(g->key, address.data, address.size);
    g->key_size = address.size;
    g->next_of_cell = *cell;
    *cell = g;
    append(&queue->turns, g, TURN);
    return g;
}

static void drop(struct fair_queue *queue, struct fair_group *group)
{
    struct fair_group **at = &queue->cells[cell_of(queue, slice_make(group->key, group->key_size))];
    while (*at != group)
        at = &(*at)->next_of_cell;
    *at = group->next_of_cell;
    detach(&queue->turns, group, TURN);
    free(group);
}

void fair_queue_init(struct fair_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    random_bytes(queue->seed, sizeof queue->seed);
}

void fair_queue_fini(struct fair_queue *queue)
{
    ensure(queue->count == 0 && !queue->turns.first);
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
    member->next = NULL;
    member->previous = group->last;
    if (group->last)
        group->last->next = member;
    else
        group->first = member;
    group->last = member;
    count(queue, group, 1);
    return STATUS_OK;
}

void fair_queue_remove(struct fair_queue *queue, struct fair_member *member)
{
    struct fair_group *group = member->group;
    ensure(group != NULL);
    if (member->previous)
        member->previous->next = member->next;
    else
        group->first = member->next;
    if (member->next)
        member->next->previous = member->previous;
    else
        group->last = member->previous;
    member->group = NULL;
    count(queue, group, -1);
    if (group->count == 0)
        drop(queue, group);
}

struct fair_member *fair_queue_turn(const struct fair_queue *queue)
{
    return queue->turns.first ? queue->turns.first->first : NULL;
}

void fair_queue_pass(struct fair_queue *queue)
{
    struct fair_group *group = queue->turns.first;
    if (!group || group == queue->turns.last)
        return;
    detach(&queue->turns, group, TURN);
    append(&queue->turns, group, TURN);
}

struct fair_member *fair_queue_heaviest(const struct fair_queue *queue)
{
    return queue->most ? queue->ranks[queue->most].first->first : NULL;
}

size_t fair_queue_count_of(const struct fair_queue *queue, struct slice address)
{
    const struct fair_group *group = find(queue, address);
    return group ? rank_of(group) : 0;
}
