/* body_shed.h: the bodies that are being received, over all workers, and the memory that each one
 * holds: a sender that has stopped in the middle of its body gives way to those who go on. Each
 * worker has a list of its own, in the order in which the bodies last moved on; whoever is short of
 * memory takes it from the stalest body of all lists at once and leaves it to that body's worker to
 * say so to the sender. Thread: any, as noted; the locks are leaves. */
#ifndef VSOC_SERVER_BODY_SHED_H
#define VSOC_SERVER_BODY_SHED_H

#include <pthread.h>
#include "core/thread.h"
#include "server/ingest/admission.h"

/* Lists of one server: one a worker. */
#define BODY_LISTS_MAX 64
/* A body has moved on when so many bytes have come. Who sends slower than that in
 * BODY_STALE_NS may be shed. */
#define BODY_MARK_BYTES 16384
#define BODY_STALE_NS   INT64_C(1000000000)

struct body_list;

/* One body. Embedded in its request; zeroed before the first use. */
struct body_holder {
    struct body_holder *next, *previous; /* older at the front */
    int64_t moved_ns;                    /* monotonic */
    uint64_t held;                       /* bytes: of the budget and of both shares */
    size_t sender_cell, address_cell;    /* see admission.h; BODY_NO_CELL: not counted */
    const char *peer;                    /* remote address, for the log; outlives the entry */
    bool listed, shed;
};

#define BODY_NO_CELL SIZE_MAX

struct body_list {
    pthread_mutex_t lock; /* guards what is below and the holders in it */
    struct body_holder *first, *last;
    struct body_holder *shed; /* linked by next */
    void (*wake)(void *arg);  /* something was shed. Called on the shedder's thread */
    void *arg;
};

struct body_shed {
    struct memory_budget *budget;
    struct memory_shares *shares;
    struct body_list *lists[BODY_LISTS_MAX];
    size_t count;
    atomic_int_least64_t said_ns; /* of the last line in the log */
};

/* Adds a list before the threads run. wake only sends word. */
void body_list_init(struct body_list *list, struct body_shed *shed, void (*wake)(void *arg),
                    void *arg);
/* All holders must have left; the other threads must have ended. */
void body_list_fini(struct body_list *list, struct body_shed *shed);

/* What a body may take. */
struct body_limits {
    uint64_t of_sender, of_address;
};

/* Begins to receive: nothing held yet. Thread: the list's worker, as all below. */
void body_enter(struct body_list *list, struct body_holder *holder, int64_t now_ns);
/* Takes bytes from the budget and the shares for the body, shedding stale ones where there is no
 * room. TOO_MANY: its sender holds all it may; BUSY: its address does; NO_SPACE: limits.memory is
 * held by others; REFUSED: the body itself was shed meanwhile, see body_leave. Nothing is taken
 * then. */
enum status body_take(struct body_list *list, struct body_holder *holder, struct body_shed *shed,
                      const struct body_limits *limits, uint64_t bytes, int64_t now_ns) must_check;
/* The body has moved on. */
void body_moved(struct body_list *list, struct body_holder *holder, int64_t now_ns);
/* No longer being received. False: it was shed: what it held has been given back already. What it
 * holds otherwise is the caller's to give back. Not in the list: true. */
bool body_leave(struct body_list *list, struct body_holder *holder) must_check;
/* One body of the list that was shed and has not been ended yet; NULL when there is none. */
struct body_holder *body_shed_next(struct body_list *list);

/* Room in the budget for a request that has `held` bytes of it and is not being received: as
 * memory_budget_extend, but stale bodies give way. Thread: any. */
bool body_shed_extend(struct body_shed *shed, uint64_t held, uint64_t bytes, int64_t now_ns);

#endif
