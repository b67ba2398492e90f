/* admission.h: the memory budget and the quotas of senders. Shared by all workers; thread: any. */
#ifndef VSOC_SERVER_ADMISSION_H
#define VSOC_SERVER_ADMISSION_H

#include <stdatomic.h>
#include "core/slice.h"
#include "core/status.h"

/* Bytes held by requests in flight, over all workers. */
struct memory_budget {
    atomic_uint_least64_t used;
    atomic_uint_least64_t limit;
};

/* Takes bytes from the budget; false if that would exceed the limit: nothing is taken. */
bool memory_budget_take(struct memory_budget *budget, uint64_t bytes);
/* Takes more bytes for a request that has taken `held` so far. It may exceed the limit only if no
 * other request holds bytes, so that no request is permanently too large. */
bool memory_budget_extend(struct memory_budget *budget, uint64_t held, uint64_t bytes);
void memory_budget_give(struct memory_budget *budget, uint64_t bytes);

/* The part of the budget that each sender's bodies hold, so that one sender can't keep all of it by
 * sending slowly. Senders share a cell by chance only: the hash has a random seed. */
struct memory_shares;
/* NULL when memory is out. */
struct memory_shares *memory_shares_create(void);
void memory_shares_destroy(struct memory_shares *shares);
/* The sender's cell; a sender without certificate is identified by address. */
size_t memory_share_cell(const struct memory_shares *shares, struct slice sender,
                         struct slice address);
/* Takes bytes for a sender that may hold `most`; false if it would hold more: nothing is taken. */
bool memory_share_take(struct memory_shares *shares, size_t cell, uint64_t bytes, uint64_t most);
void memory_share_give(struct memory_shares *shares, size_t cell, uint64_t bytes);

/* Quotas of senders: a token bucket each, in events. */
struct quota;
/* NULL when memory is out. */
struct quota *quota_create(void);
void quota_destroy(struct quota *quota);
/* 0: no quota. burst 0: ten seconds' worth. */
void quota_configure(struct quota *quota, uint64_t events_per_second, uint64_t burst);

/* A sender, and its own quota; 0: that of quota_configure. */
struct quota_sender {
    struct slice tenant, name;
    uint64_t events_per_second, burst;
};
/* Whether the sender may send now. 0: yes; otherwise the seconds until it may. */
unsigned quota_check(struct quota *quota, const struct quota_sender *sender, int64_t now_ns);
/* Charges the sender for `events`, even if the bucket goes below zero. */
void quota_charge(struct quota *quota, const struct quota_sender *sender, uint64_t events,
                  int64_t now_ns);

#endif
