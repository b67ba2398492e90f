/* audit_fold.c: the table of refusals between two flushes. Parts with a lock each, so that workers
 * under attack do not wait for one another; a lock is a leaf and is not held while a record
 * is written. Any thread adds, one walks. Does not write. */
#include "server/audit/audit_fold.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/thread.h"

#define PARTS          8
#define PART_RECORDS   256
#define SHARED_RECORDS 32 /* of them, kept for "(others)" */
#define REPEAT_NS      (60 * NS_PER_S)

struct part {
    pthread_mutex_t lock;
    size_t count;
    struct audit_folded records[PART_RECORDS];
};

struct audit_fold {
    struct part parts[PARTS];
};

struct audit_fold *audit_fold_create(void)
{
    struct audit_fold *fold = calloc(1, sizeof *fold);
    for (size_t i = 0; fold && i < PARTS; i++)
        pthread_mutex_init(&fold->parts[i].lock, NULL);
    return fold;
}

void audit_fold_destroy(struct audit_fold *fold)
{
    for (size_t i = 0; fold && i < PARTS; i++)
        pthread_mutex_destroy(&fold->parts[i].lock);
    free(fold);
}

static void copy(char *to, size_t room, struct slice from)
{
    size_t size = from.size < room - 1 ? from.size : room - 1;
    if (size)
        memcpy(to, from.data, size);
    to[size] = '\0';
}

#define COPY(field, from) copy(record.field, sizeof record.field, from)
static struct audit_folded record_of(const struct audit_refusal *r)
{
    struct audit_folded record = {.kind = r->kind, .status = r->status};
    COPY(action, slice_from_text(r->action));
    COPY(code, slice_from_text(r->code));
    COPY(address, slice_from_text(r->address));
    COPY(tenant, r->tenant);
    COPY(credential, r->credential);
    COPY(serial, r->serial);
    COPY(vehicle, r->vehicle);
    return record;
}

static bool is_same(const struct audit_folded *a, const struct audit_folded *b)
{
    return a->kind == b->kind && a->status == b->status && !strcmp(a->address, b->address) &&
           !strcmp(a->code, b->code) && !strcmp(a->action, b->action) &&
           !strcmp(a->credential, b->credential) && !strcmp(a->tenant, b->tenant) &&
           !strcmp(a->serial, b->serial) && !strcmp(a->vehicle, b->vehicle);
}

/* Under the lock. NULL: not found, and no room to add it. */
static struct audit_folded *find_or_add(struct part *part, const struct audit_folded *wanted,
                                        size_t room)
{
    for (size_t i = 0; i < part->count; i++)
        if (is_same(&part->records[i], wanted))
            return &part->records[i];
    if (part->count >= room)
        return NULL;
    part->records[part->count] = *wanted;
    return &part->records[part->count++];
}

/* Under the lock. The record that all senders of one reason share; when even those are full, the
 * record for all reasons. */
static struct audit_folded *shared_record(struct part *part, const struct audit_folded *record)
{
    struct audit_folded shared = {
        .kind = record->kind, .status = record->status, .address = "(others)"};
    memcpy(shared.action, record->action, sizeof shared.action);
    memcpy(shared.code, record->code, sizeof shared.code);
    struct audit_folded *found = find_or_add(part, &shared, PART_RECORDS - 1);
    if (found)
        return found;
    struct audit_folded last = {.address = "(others)", .action = "(others)", .code = "(others)"};
    found = find_or_add(part, &last, PART_RECORDS);
    ensure(found != NULL);
    return found;
}

void audit_fold_add(struct audit_fold *fold, const struct audit_refusal *refusal, int64_t now_ns)
{
    struct audit_folded record = record_of(refusal);
    struct part *part = &fold->parts[thread_slot() % PARTS];
    pthread_mutex_lock(&part->lock);
    struct audit_folded *found = find_or_add(part, &record, PART_RECORDS - SHARED_RECORDS);
    if (!found)
        found = shared_record(part, &record);
    if (found->count == 0)
        found->first_ns = now_ns;
    found->last_ns = now_ns;
    found->count += refusal->count ? refusal->count : 1;
    pthread_mutex_unlock(&part->lock);
}

static bool is_due(const struct audit_folded *record, int64_t now_ns, bool all)
{
    return record->count > 0 &&
           (all || record->written_ns == 0 || now_ns - record->written_ns >= REPEAT_NS ||
            now_ns < record->written_ns);
}

/* Under the lock. */
static void settle(struct part *part, const struct audit_folded *written, int64_t now_ns)
{
    for (size_t i = 0; i < part->count; i++) {
        struct audit_folded *record = &part->records[i];
        if (!is_same(record, written))
            continue;
        record->count -= written->count;
        record->first_ns = record->last_ns;
        record->written_ns = now_ns;
    }
}

/* Under the lock. Keeps the order of those that stay. */
static void forget_idle(struct part *part, int64_t now_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < part->count; i++) {
        const struct audit_folded *record = &part->records[i];
        bool idle = record->count == 0 &&
                    (now_ns - record->written_ns >= REPEAT_NS || now_ns < record->written_ns);
        if (!idle && kept++ != i)
            part->records[kept - 1] = *record;
    }
    part->count = kept;
}

/* Copies the next due record at or after *at. False: none is left. */
static bool take_due(struct part *part, size_t *at, int64_t now_ns, bool all,
                     struct audit_folded *out)
{
    pthread_mutex_lock(&part->lock);
    while (*at < part->count && !is_due(&part->records[*at], now_ns, all))
        ++*at;
    bool found = *at < part->count;
    if (found)
        *out = part->records[(*at)++];
    pthread_mutex_unlock(&part->lock);
    return found;
}

bool audit_fold_next(struct audit_fold *fold, struct audit_fold_walk *walk, int64_t now_ns,
                     bool all, struct audit_folded *out)
{
    for (; walk->part < PARTS; walk->part++, walk->at = 0)
        if (take_due(&fold->parts[walk->part], &walk->at, now_ns, all, out)) {
            out->part = (unsigned)walk->part;
            return true;
        }
    return false;
}

void audit_fold_settle(struct audit_fold *fold, const struct audit_folded *written, int64_t now_ns)
{
    struct part *part = &fold->parts[written->part];
    pthread_mutex_lock(&part->lock);
    settle(part, written, now_ns);
    pthread_mutex_unlock(&part->lock);
}

void audit_fold_forget_idle(struct audit_fold *fold, int64_t now_ns)
{
    for (size_t i = 0; i < PARTS; i++) {
        pthread_mutex_lock(&fold->parts[i].lock);
        forget_idle(&fold->parts[i], now_ns);
        pthread_mutex_unlock(&fold->parts[i].lock);
    }
}
