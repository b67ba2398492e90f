/* body_shed.h: the bodies that all workers are receiving, and the memory that each one holds. When
 * memory is used up, the body of a sender that has stopped in the middle is dropped in favour of
 * bodies that make progress. Each worker has a list, ordered by the last progress. A worker that
 * needs memory takes it immediately from the stalest body of all lists; that body's worker answers
 * the sender later. Thread: any, as noted; the locks are leaves. */
#ifndef VSOC_SERVER_BODY_SHED_H
#define VSOC_SERVER_BODY_SHED_H

#include <pthread.h>
#include <sys/queue.h>
#include "core/thread.h"
#include "server/ingest/admission.h"

/* Lists of one server: one per worker. */
#define BODY_LISTS_MAX 64
/* A body has made progress when this many bytes have arrived. A body with less in BODY_STALE_NS may
 * be dropped. */
#define BODY_MARK_BYTES 16384
#define BODY_STALE_NS   INT64_C(1000000000)

struct body_list;

/* One body. Embedded in its request; zeroed before the first use. */
struct body_holder {
    TAILQ_ENTRY(body_holder) in_list; /* older at the front */
    SLIST_ENTRY(body_holder) in_shed;
    int64_t moved_ns;                 /* monotonic */
    uint64_t held;                    /* bytes: of the budget and of both shares */
    size_t sender_cell, address_cell; /* see admission.h; BODY_NO_CELL: not counted */
    const char *peer;                 /* remote address, for the log; outlives the entry */
    bool listed, shed;
};

#define BODY_NO_CELL SIZE_MAX

struct body_list {
    pthread_mutex_t lock; /* guards what is below and the holders in it */
    TAILQ_HEAD(, body_holder) holders;
    SLIST_HEAD(, body_holder) shed;
    void (*wake)(void *arg); /* a body was dropped. Called on the thread that dropped it */
    void *arg;
};

struct body_shed {
    struct memory_budget *budget;
    struct memory_shares *shares;
    struct body_list *lists[BODY_LISTS_MAX];
    size_t count;
    atomic_int_least64_t said_ns; /* of the last line in the log */
};

/* Adds a list before the threads run. wake only notifies the list's thread. */
void body_list_init(struct body_list *list, struct body_shed *shed, void (*wake)(void *arg),
                    void *arg);
/* All holders must have left; the other threads must have ended. */
void body_list_fini(struct body_list *list, struct body_shed *shed);

/* How much a body may take. */
struct body_limits {
    uint64_t of_sender, of_address;
};

/* Begins to receive: nothing held yet. Thread: the list's worker, as all below. */
void body_enter(struct body_list *list, struct body_holder *holder, int64_t now_ns);
/* Takes bytes from the budget and the shares for the body, and drops stale bodies if there is no
 * room. On failure nothing is taken. TOO_MANY: its sender holds all that it may; BUSY: its address
 * does; NO_SPACE: others hold limits.memory; REFUSED: the body itself was dropped meanwhile, see
 * body_leave. */
enum status body_take(struct body_list *list, struct body_holder *holder, struct body_shed *shed,
                      const struct body_limits *limits, uint64_t bytes, int64_t now_ns) must_check;
/* The body has made progress. */
void body_moved(struct body_list *list, struct body_holder *holder, int64_t now_ns);
/* The body is no longer being received. False: it was dropped and its memory is already released;
 * otherwise the caller releases it. Not in the list: true. */
bool body_leave(struct body_list *list, struct body_holder *holder) must_check;
/* One dropped body of the list that has not been answered yet; NULL: none. */
struct body_holder *body_shed_next(struct body_list *list);

/* Room in the budget for a request that holds `held` bytes of it and is not being received: like
 * memory_budget_extend, but drops stale bodies. Thread: any. */
bool body_shed_extend(struct body_shed *shed, uint64_t held, uint64_t bytes, int64_t now_ns);

#endif
