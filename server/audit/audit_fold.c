/* audit_fold.c: the table of refusals between two flushes. Parts with a lock each, so that workers
 * under attack do not wait for one another; a lock is a leaf and is not held while a line is
 * written. Any thread adds, one flushes. Does not write. */
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
    struct audit_record records[PART_RECORDS];
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
static struct audit_record record_of(const struct audit_refusal *r)
{
    struct audit_record record = {.status = r->status};
    COPY(action, slice_from_text(r->action));
    COPY(code, slice_from_text(r->code));
    COPY(address, slice_from_text(r->address));
    COPY(tenant, r->tenant);
    COPY(credential, r->credential);
    COPY(serial, r->serial);
    COPY(vehicle, r->vehicle);
    return record;
}

static bool is_same(const struct audit_record *a, const struct audit_record *b)
{
    return a->status == b->status && !strcmp(a->address, b->address) && !strcmp(a->code, b->code) &&
           !strcmp(a->action, b->action) && !strcmp(a->credential, b->credential) &&
           !strcmp(a->tenant, b->tenant) && !strcmp(a->serial, b->serial) &&
           !strcmp(a->vehicle, b->vehicle);
}

/* Under the lock. NULL: not found, and no room to add it. */
static struct audit_record *find_or_add(struct part *part, const struct audit_record *wanted,
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
static struct audit_record *shared_record(struct part *part, const struct audit_record *record)
{
    struct audit_record shared = {.status = record->status, .address = "(others)"};
    memcpy(shared.action, record->action, sizeof shared.action);
    memcpy(shared.code, record->code, sizeof shared.code);
    struct audit_record *found = find_or_add(part, &shared, PART_RECORDS - 1);
    if (found)
        return found;
    struct audit_record last = {.address = "(others)", .action = "(others)", .code = "(others)"};
    found = find_or_add(part, &last, PART_RECORDS);
    ensure(found != NULL);
    return found;
}

void audit_fold_add(struct audit_fold *fold, const struct audit_refusal *refusal, int64_t now_ns)
{
    struct audit_record record = record_of(refusal);
    struct part *part = &fold->parts[thread_slot() % PARTS];
    pthread_mutex_lock(&part->lock);
    struct audit_record *found = find_or_add(part, &record, PART_RECORDS - SHARED_RECORDS);
    if (!found)
        found = shared_record(part, &record);
    if (found->count == 0)
        found->first_ns = now_ns;
    found->last_ns = now_ns;
    found->count++;
    pthread_mutex_unlock(&part->lock);
}

static bool is_due(const struct audit_record *record, int64_t now_ns, bool all)
{
    return record->count > 0 &&
           (all || record->written_ns == 0 || now_ns - record->written_ns >= REPEAT_NS ||
            now_ns < record->written_ns);
}

/* Under the lock: subtracts what was written; more may have been counted meanwhile. */
static void settle(struct part *part, const struct audit_record *written, int64_t now_ns)
{
    for (size_t i = 0; i < part->count; i++) {
        struct audit_record *record = &part->records[i];
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
        const struct audit_record *record = &part->records[i];
        bool idle = record->count == 0 &&
                    (now_ns - record->written_ns >= REPEAT_NS || now_ns < record->written_ns);
        if (!idle && kept++ != i)
            part->records[kept - 1] = *record;
    }
    part->count = kept;
}

/* Copies the next due record at or after *at. False: none is left. */
static bool take_due(struct part *part, size_t *at, int64_t now_ns, bool all,
                     struct audit_record *out)
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

static bool flush_part(struct part *part, int64_t now_ns, bool all,
                       bool (*write)(void *arg, const struct audit_record *record), void *arg)
{
    struct audit_record due;
    for (size_t at = 0; take_due(part, &at, now_ns, all, &due);) {
        if (!write(arg, &due))
            return false;
        pthread_mutex_lock(&part->lock);
        settle(part, &due, now_ns);
        pthread_mutex_unlock(&part->lock);
    }
    pthread_mutex_lock(&part->lock);
    forget_idle(part, now_ns);
    pthread_mutex_unlock(&part->lock);
    return true;
}

bool audit_fold_flush(struct audit_fold *fold, int64_t now_ns, bool all,
                      bool (*write)(void *arg, const struct audit_record *record), void *arg)
{
    for (size_t i = 0; i < PARTS; i++)
        if (!flush_part(&fold->parts[i], now_ns, all, write, arg))
            return false;
    return true;
}
