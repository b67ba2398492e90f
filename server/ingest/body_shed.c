/* body_shed.c: chooses which body is dropped when limits.memory is used up. Worker threads; one
 * lock per list, a leaf, uncontended unless memory is short. Answers nobody: the list's worker
 * does. */
#define LOG_COMPONENT "ingest"
#include "server/ingest/body_shed.h"

#include <stdio.h>

#include "core/clock.h"
#include "core/log/log.h"

/* Maximum number of bodies dropped for one that needs room; each releases its memory. */
#define SHED_AT_ONCE 64
#define SAY_EACH     (10 * NS_PER_S)

void body_list_init(struct body_list *list, struct body_shed *shed, void (*wake)(void *arg),
                    void *arg)
{
    ensure(shed->count < BODY_LISTS_MAX);
    *list = (struct body_list){.wake = wake, .arg = arg};
    TAILQ_INIT(&list->holders);
    pthread_mutex_init(&list->lock, NULL);
    shed->lists[shed->count++] = list;
}

void body_list_fini(struct body_list *list, struct body_shed *shed)
{
    size_t kept = 0;
    ensure(TAILQ_EMPTY(&list->holders) && SLIST_EMPTY(&list->shed));
    for (size_t i = 0; i < shed->count; i++)
        if (shed->lists[i] != list)
            shed->lists[kept++] = shed->lists[i];
    shed->count = kept;
    pthread_mutex_destroy(&list->lock);
}

void body_enter(struct body_list *list, struct body_holder *holder, int64_t now_ns)
{
    ensure(!holder->listed);
    holder->moved_ns = now_ns;
    holder->held = 0;
    holder->shed = false;
    holder->listed = true;
    pthread_mutex_lock(&list->lock);
    TAILQ_INSERT_TAIL(&list->holders, holder, in_list);
    pthread_mutex_unlock(&list->lock);
}

void body_moved(struct body_list *list, struct body_holder *holder, int64_t now_ns)
{
    pthread_mutex_lock(&list->lock);
    if (!holder->shed) {
        holder->moved_ns = now_ns;
        TAILQ_REMOVE(&list->holders, holder, in_list);
        TAILQ_INSERT_TAIL(&list->holders, holder, in_list);
    }
    pthread_mutex_unlock(&list->lock);
}

bool body_leave(struct body_list *list, struct body_holder *holder)
{
    if (!holder->listed)
        return true;
    pthread_mutex_lock(&list->lock);
    bool shed = holder->shed;
    if (shed)
        SLIST_REMOVE(&list->shed, holder, body_holder, in_shed);
    else
        TAILQ_REMOVE(&list->holders, holder, in_list);
    pthread_mutex_unlock(&list->lock);
    holder->listed = false;
    return !shed;
}

struct body_holder *body_shed_next(struct body_list *list)
{
    pthread_mutex_lock(&list->lock);
    struct body_holder *holder = SLIST_FIRST(&list->shed);
    pthread_mutex_unlock(&list->lock);
    return holder;
}

static void give_shares(struct memory_shares *shares, const struct body_holder *h, uint64_t bytes)
{
    memory_share_give(shares, h->sender_cell, bytes);
    if (h->address_cell != BODY_NO_CELL)
        memory_share_give(shares, h->address_cell, bytes);
}

/* The share that is used up; BODY_NO_CELL: the whole budget. */
struct scope {
    size_t sender_cell, address_cell;
};

static bool is_in(const struct scope *scope, const struct body_holder *h)
{
    return h->held > 0 &&
           (scope->sender_cell == BODY_NO_CELL || h->sender_cell == scope->sender_cell) &&
           (scope->address_cell == BODY_NO_CELL || h->address_cell == scope->address_cell);
}

/* The stalest holder of a list in the scope, last moved before `before_ns`; the list's lock is
 * held. */
static struct body_holder *stalest(struct body_list *list, const struct scope *scope,
                                   int64_t before_ns)
{
    struct body_holder *h = TAILQ_FIRST(&list->holders);
    while (h && h->moved_ns < before_ns && !is_in(scope, h))
        h = TAILQ_NEXT(h, in_list);
    return h && h->moved_ns < before_ns ? h : NULL;
}

static void say(struct body_shed *shed, const char *peer, const struct body_holder *h,
                int64_t now_ns)
{
    int64_t last = atomic_load_explicit(&shed->said_ns, memory_order_relaxed);
    if ((last && now_ns - last < SAY_EACH) ||
        !atomic_compare_exchange_strong(&shed->said_ns, &last, now_ns))
        return;
    log_warn("limits.memory is used up: the stalest body was dropped so that others are served",
             LOG_TEXT("peer", peer), LOG_U64("held_bytes", h->held),
             LOG_I64("silent_ms", (now_ns - h->moved_ns) / NS_PER_MS));
}

/* Drops the stalest body of the list if it is older than before_ns. */
static bool give_up(struct body_shed *shed, struct body_list *list, const struct scope *scope,
                    int64_t before_ns, int64_t now_ns)
{
    pthread_mutex_lock(&list->lock);
    struct body_holder *h = stalest(list, scope, before_ns);
    struct body_holder copy;
    char peer[64] = "";
    if (h) {
        TAILQ_REMOVE(&list->holders, h, in_list);
        copy = *h;
        snprintf(peer, sizeof peer, "%s", h->peer);
        h->shed = true;
        h->held = 0;
        SLIST_INSERT_HEAD(&list->shed, h, in_shed);
        memory_budget_give(shed->budget, copy.held);
        give_shares(shed->shares, &copy, copy.held);
    }
    pthread_mutex_unlock(&list->lock);
    if (!h)
        return false;
    say(shed, peer, &copy, now_ns);
    list->wake(list->arg);
    return true;
}

/* Makes room by dropping the stalest body in the scope. False: none is stale. */
static bool shed_one(struct body_shed *shed, const struct scope *scope, int64_t now_ns)
{
    struct body_list *oldest_list = NULL;
    int64_t oldest = now_ns - BODY_STALE_NS;
    for (size_t i = 0; i < shed->count; i++) {
        struct body_list *list = shed->lists[i];
        pthread_mutex_lock(&list->lock);
        struct body_holder *h = stalest(list, scope, oldest);
        if (h) {
            oldest = h->moved_ns;
            oldest_list = list;
        }
        pthread_mutex_unlock(&list->lock);
    }
    return oldest_list && give_up(shed, oldest_list, scope, now_ns - BODY_STALE_NS, now_ns);
}

static bool take_share(struct body_shed *shed, size_t cell, const struct scope *scope,
                       uint64_t bytes, uint64_t most, int64_t now_ns)
{
    for (unsigned i = 0; i < SHED_AT_ONCE; i++) {
        if (memory_share_take(shed->shares, cell, bytes, most))
            return true;
        if (!shed_one(shed, scope, now_ns))
            return false;
    }
    return false;
}

static bool take_budget(struct body_shed *shed, uint64_t bytes, int64_t now_ns)
{
    static const struct scope all = {BODY_NO_CELL, BODY_NO_CELL};
    for (unsigned i = 0; i < SHED_AT_ONCE; i++) {
        if (memory_budget_take(shed->budget, bytes))
            return true;
        if (!shed_one(shed, &all, now_ns))
            return false;
    }
    return false;
}

static enum status take_all(struct body_holder *h, struct body_shed *shed,
                            const struct body_limits *limits, uint64_t bytes, int64_t now_ns)
{
    const struct scope sender = {h->sender_cell, BODY_NO_CELL};
    const struct scope address = {BODY_NO_CELL, h->address_cell};
    bool has_address = h->address_cell != BODY_NO_CELL;
    if (!take_share(shed, h->sender_cell, &sender, bytes, limits->of_sender, now_ns))
        return STATUS_TOO_MANY;
    if (has_address &&
        !take_share(shed, h->address_cell, &address, bytes, limits->of_address, now_ns)) {
        memory_share_give(shed->shares, h->sender_cell, bytes);
        return STATUS_BUSY;
    }
    if (take_budget(shed, bytes, now_ns))
        return STATUS_OK;
    give_shares(shed->shares, h, bytes);
    return STATUS_NO_SPACE;
}

enum status body_take(struct body_list *list, struct body_holder *holder, struct body_shed *shed,
                      const struct body_limits *limits, uint64_t bytes, int64_t now_ns)
{
    body_moved(list, holder, now_ns); /* so that it does not drop itself */
    enum status status = take_all(holder, shed, limits, bytes, now_ns);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&list->lock);
    bool gone = holder->shed;
    if (!gone)
        holder->held += bytes;
    pthread_mutex_unlock(&list->lock);
    if (!gone)
        return STATUS_OK;
    memory_budget_give(shed->budget, bytes);
    give_shares(shed->shares, holder, bytes);
    return STATUS_REFUSED;
}

bool body_shed_extend(struct body_shed *shed, uint64_t held, uint64_t bytes, int64_t now_ns)
{
    static const struct scope all = {BODY_NO_CELL, BODY_NO_CELL};
    for (unsigned i = 0; i < SHED_AT_ONCE; i++) {
        if (memory_budget_extend(shed->budget, held, bytes))
            return true;
        if (!shed_one(shed, &all, now_ns))
            return false;
    }
    return false;
}
