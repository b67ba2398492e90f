/* fair_queue.h: a queue grouped by address: the addresses take turns, and the address with the most
 * members is known. Not thread-safe: one owner. Every operation takes constant time.
 *
 * Members are embedded in the waiting objects; a member is in one queue at a time. */
#ifndef VSOC_SERVER_FAIR_QUEUE_H
#define VSOC_SERVER_FAIR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "core/slice.h"
#include "core/status.h"

#define FAIR_KEY_BYTES 16
#define FAIR_CELLS     1024
/* Addresses with more members than this count as equal. */
#define FAIR_RANKS 1024

struct fair_group;

struct fair_member {
    void *owner;              /* the caller's */
    int64_t since_ns;         /* the caller's */
    struct fair_group *group; /* NULL: in no queue */
    TAILQ_ENTRY(fair_member) in_group;
};

TAILQ_HEAD(fair_groups, fair_group);

struct fair_queue {
    size_t count; /* members */
    size_t most;  /* rank of the address with the most; 0: empty */
    struct fair_groups turns;
    struct fair_groups ranks[FAIR_RANKS + 1];
    SLIST_HEAD(, fair_group) cells[FAIR_CELLS];
    uint64_t seed[2];
};

void fair_queue_init(struct fair_queue *queue);
/* All members must be out. */
void fair_queue_fini(struct fair_queue *queue);
/* Adds the member as the newest of its address (at most FAIR_KEY_BYTES, copied). NO_MEMORY: it was
 * not added. */
enum status fair_queue_add(struct fair_queue *queue, struct fair_member *member,
                           struct slice address) must_check;
/* The member must be in this queue. */
void fair_queue_remove(struct fair_queue *queue, struct fair_member *member);
/* The oldest member of the address whose turn it is; it stays in the queue. NULL: empty. */
struct fair_member *fair_queue_turn(const struct fair_queue *queue);
/* Moves the address whose turn it is behind all others. */
void fair_queue_pass(struct fair_queue *queue);
/* The oldest member of the address with the most members; among equals, of the address that has had
 * that many for the longest time. NULL: empty. */
struct fair_member *fair_queue_heaviest(const struct fair_queue *queue);
/* Number of members of an address, at most FAIR_RANKS. */
size_t fair_queue_count_of(const struct fair_queue *queue, struct slice address);

#endif
