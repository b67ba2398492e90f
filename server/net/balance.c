/* balance.c: counts of connections by loop and, for each loop, a ring of descriptors that others
 * accepted for it. Any thread, under one leaf lock, which a connection takes once when it is
 * accepted. Does not accept or close anything. */
#include "server/net/balance.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "core/thread.h"

struct balance_seat {
    struct balance *balance;
    void (*notify)(void *arg);
    void *arg;
    atomic_size_t connections; /* open, or waiting to be taken; grows under the lock only */
    bool held, left;
    struct accepted waiting[BALANCE_WAITING];
    size_t first, count; /* of waiting */
};

struct balance {
    pthread_mutex_t lock; /* guards everything below */
    struct balance_seat seats[BALANCE_SEATS];
    size_t seat_count;
};

struct balance *balance_create(void)
{
    struct balance *balance = (struct balance *)calloc(1, sizeof *balance);
    if (balance)
        pthread_mutex_init(&balance->lock, NULL);
    return balance;
}

void balance_destroy(struct balance *balance)
{
    if (!balance)
        return;
    for (size_t i = 0; i < balance->seat_count; i++)
        ensure(balance->seats[i].count == 0);
    pthread_mutex_destroy(&balance->lock);
    free(balance);
}

struct balance_seat *balance_join(struct balance *balance, void (*notify)(void *arg), void *arg)
{
    struct balance_seat *seat = NULL;
    pthread_mutex_lock(&balance->lock);
    if (balance->seat_count < BALANCE_SEATS) {
        seat = &balance->seats[balance->seat_count++];
        seat->balance = balance;
        seat->notify = notify;
        seat->arg = arg;
    }
    pthread_mutex_unlock(&balance->lock);
    return seat;
}

static bool is_open(const struct balance_seat *seat)
{
    return !seat->held && !seat->left && seat->count < BALANCE_WAITING;
}

/* Among equals self, which saves passing it on. */
static struct balance_seat *seat_with_fewest(struct balance_seat *self)
{
    struct balance *balance = self->balance;
    struct balance_seat *best = self;
    size_t fewest = atomic_load_explicit(&self->connections, memory_order_relaxed);
    for (size_t i = 0; i < balance->seat_count; i++) {
        struct balance_seat *seat = &balance->seats[i];
        size_t connections = atomic_load_explicit(&seat->connections, memory_order_relaxed);
        if (seat != self && is_open(seat) && connections < fewest) {
            best = seat;
            fewest = connections;
        }
    }
    return best;
}

bool balance_place(struct balance_seat *self, const struct accepted *connection)
{
    pthread_mutex_lock(&self->balance->lock);
    struct balance_seat *best = seat_with_fewest(self);
    atomic_fetch_add_explicit(&best->connections, 1, memory_order_relaxed);
    if (best != self) {
        best->waiting[(best->first + best->count++) % BALANCE_WAITING] = *connection;
        /* Under the lock: best can't leave meanwhile. */
        if (best->count == 1)
            best->notify(best->arg);
    }
    pthread_mutex_unlock(&self->balance->lock);
    return best == self;
}

bool balance_take(struct balance_seat *self, struct accepted *out)
{
    pthread_mutex_lock(&self->balance->lock);
    bool found = self->count > 0;
    if (found) {
        *out = self->waiting[self->first];
        self->first = (self->first + 1) % BALANCE_WAITING;
        self->count--;
    }
    pthread_mutex_unlock(&self->balance->lock);
    return found;
}

void balance_left(struct balance_seat *self)
{
    ensure(atomic_fetch_sub_explicit(&self->connections, 1, memory_order_relaxed) > 0);
}

void balance_hold(struct balance_seat *self, bool held)
{
    pthread_mutex_lock(&self->balance->lock);
    self->held = held;
    pthread_mutex_unlock(&self->balance->lock);
}

void balance_leave(struct balance_seat *self)
{
    pthread_mutex_lock(&self->balance->lock);
    self->left = true;
    pthread_mutex_unlock(&self->balance->lock);
}
