/* audit.c: records what happens, and writes it to the spool once a second. audit_refused(),
 * audit_record(), audit_require() run on any thread, the rest on the audit thread. Does not decide
 * who is refused. */
#include "server/audit/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "server/audit/audit_clock.h"
#include "server/audit/audit_fold.h"
#include "server/audit/audit_note.h"
#include "storage/spool/spool.h"

#define LOG_COMPONENT "audit"
#include "core/log/log.h"

#define FLUSH_NS NS_PER_S
/* Records in the spool's queue at once. */
#define ROUND 64
/* Longest wait for a record that must be durable. */
#define REQUIRE_NS (10 * NS_PER_S)

/* Somebody waits for one verdict. It is freed by audit_fini if the wait was given up, because the
 * writer still has the batch. */
struct waiter {
    struct mailbox box;
    struct waiter *next;
};

static struct {
    _Atomic(struct audit_fold *) fold; /* NULL: not started */
    struct audit_fold *old_fold;       /* other threads may still use it until audit_fini */
    struct spool *spool;
    char instance[256];
    struct mailbox inbox; /* of the audit thread */
    struct audit_notes notes;
    struct audit_clock clock;
    struct thread thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic clock */
    struct waiter *left; /* guarded by lock */
    bool ending;
    enum status failing; /* the last round's; OK: it went well. Reported once */
    metric_t records, errors, waiting, lost;
} audit = {.lock = PTHREAD_MUTEX_INITIALIZER, .notes = AUDIT_NOTES_INIT(audit.notes)};

static struct audit_fold *fold_now(void)
{
    return atomic_load_explicit(&audit.fold, memory_order_acquire);
}

void audit_refused(const struct audit_refusal *r)
{
    struct audit_fold *fold = fold_now();
    if (fold)
        audit_fold_add(fold, r, clock_wall_ns());
    if (r->kind != AUDIT_refused)
        return;
    log_warn("sender refused", LOG_TEXT("action", r->action), LOG_TEXT("peer", r->address),
             LOG_I64("status", r->status), LOG_TEXT("code", r->code),
             LOG_SLICE("tenant", r->tenant), LOG_SLICE("credential", r->credential),
             LOG_SLICE("serial", r->serial), LOG_SLICE("vehicle", r->vehicle));
}

void audit_record(enum audit_kind kind, const struct audit_field *fields, size_t count)
{
    struct audit_head head = audit_head_now(kind, audit.instance);
    audit_notes_add(&audit.notes, &head, fields, count);
}

/* --- durable before it takes effect --------------------------------------------------------- */

static enum status refuse(enum status status, struct problem *problem)
{
    problem_say(problem,
                "the audit log takes no record (%s), so this is not done: make room or look at the "
                "disk of data_dir, then try again",
                status_text(status));
    return status;
}

enum status audit_begin(enum audit_kind kind, const struct audit_field *fields, size_t count,
                        struct mailbox *reply_to, void *owner, struct problem *problem)
{
    struct audit_head head = audit_head_now(kind, audit.instance);
    if (!fold_now())
        return refuse(STATUS_CLOSED, problem);
    struct batch *batch = audit_batch(&head, fields, count);
    if (!batch)
        return refuse(STATUS_NO_MEMORY, problem);
    batch->reply_to = reply_to;
    batch->owner = owner;
    enum status status = spool_submit(audit.spool, &batch);
    if (status == STATUS_OK)
        return status;
    batch_destroy(batch);
    return refuse(status, problem);
}

static struct waiter *waiter_create(void)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter && mailbox_init(&waiter->box, false) != STATUS_OK) {
        free(waiter);
        waiter = NULL;
    }
    return waiter;
}

static void waiter_destroy(struct waiter *waiter)
{
    for (struct mail *mail = mailbox_take(&waiter->box), *next; mail; mail = next) {
        next = mail->next;
        batch_destroy(batch_from_mail(mail));
    }
    mailbox_fini(&waiter->box);
    free(waiter);
}

static void waiter_leave(struct waiter *waiter)
{
    pthread_mutex_lock(&audit.lock);
    waiter->next = audit.left;
    audit.left = waiter;
    pthread_mutex_unlock(&audit.lock);
}

enum status audit_require(enum audit_kind kind, const struct audit_field *fields, size_t count,
                          struct problem *problem)
{
    thread_assert_not(THREAD_WORKER);
    thread_assert_not(THREAD_WRITER);
    struct waiter *waiter = waiter_create();
    if (!waiter)
        return refuse(STATUS_NO_MEMORY, problem);
    enum status status = audit_begin(kind, fields, count, &waiter->box, NULL, problem);
    if (status != STATUS_OK) {
        waiter_destroy(waiter);
        return status;
    }
    struct mail *mail = mailbox_wait(&waiter->box, REQUIRE_NS);
    if (!mail) {
        waiter_leave(waiter);
        return refuse(STATUS_TIMEOUT, problem);
    }
    struct batch *batch = batch_from_mail(mail);
    status = batch->verdict;
    batch_destroy(batch);
    waiter_destroy(waiter);
    if (status != STATUS_OK)
        return refuse(status, problem);
    metric_add(audit.records, 1);
    fault_point(audit_required);
    return STATUS_OK;
}

/* --- the audit thread ----------------------------------------------------------------------- */

/* What one round writes: notes and folded refusals. */
struct item {
    struct audit_note *note; /* NULL: folded */
    struct audit_folded folded;
    enum status status;
};

struct round {
    struct item items[ROUND];
    size_t count;
};

static struct batch *folded_batch(const struct audit_folded *f)
{
    struct audit_head head = audit_head_now(f->kind, audit.instance);
    const struct audit_field fields[] = {
        AUDIT_TEXT(action, f->action), AUDIT_TEXT(code, f->code),
        AUDIT_UINT(status, f->status), AUDIT_TEXT(peer, f->address),
        AUDIT_TEXT(tenant, f->tenant), AUDIT_TEXT(credential, f->credential),
        AUDIT_TEXT(serial, f->serial), AUDIT_TEXT(vehicle, f->vehicle),
        AUDIT_UINT(count, f->count),   AUDIT_TIME(first, f->first_ns),
        AUDIT_TIME(last, f->last_ns),
    };
    return audit_batch(&head, fields, sizeof fields / sizeof *fields);
}

static enum status submit(struct item *item)
{
    struct batch *batch = item->note ? audit_note_batch(item->note) : folded_batch(&item->folded);
    if (!batch)
        return STATUS_NO_MEMORY;
    batch->reply_to = &audit.inbox;
    batch->owner = item;
    enum status status = spool_submit(audit.spool, &batch);
    batch_destroy(batch); /* NULL when the spool has it */
    return status;
}

/* Submits all, then waits for all verdicts: one group, mostly one fdatasync. */
static enum status write_round(struct round *round)
{
    enum status worst = STATUS_OK;
    size_t out = 0;
    for (size_t i = 0; i < round->count; i++) {
        round->items[i].status = submit(&round->items[i]);
        out += round->items[i].status == STATUS_OK;
    }
    while (out > 0)
        for (struct mail *mail = mailbox_wait(&audit.inbox, -1), *next; mail; mail = next, out--) {
            struct batch *batch = batch_from_mail(mail);
            next = mail->next;
            ((struct item *)batch->owner)->status = batch->verdict;
            batch_destroy(batch);
        }
    for (size_t i = 0; i < round->count; i++) {
        metric_add(audit.records, round->items[i].status == STATUS_OK);
        if (round->items[i].status != STATUS_OK)
            worst = round->items[i].status;
    }
    fault_point(audit_written);
    return worst;
}

/* Writes notes in their order; those that the spool does not take wait. */
static enum status flush_notes(struct round *round)
{
    uint64_t lost;
    enum status worst = STATUS_OK;
    struct audit_note *list = audit_notes_take(&audit.notes, &lost);
    if (lost)
        metric_add(audit.lost, (double)lost);
    while (list && worst == STATUS_OK) {
        struct audit_note *rest = list, **left = &list;
        for (round->count = 0; rest && round->count < ROUND; rest = rest->next)
            round->items[round->count++] = (struct item){.note = rest};
        worst = write_round(round);
        for (size_t i = 0; i < round->count; i++) {
            struct audit_note *note = round->items[i].note;
            *left = note->next;
            if (round->items[i].status == STATUS_OK)
                free(note);
            else
                *left = note, left = &note->next;
        }
        *left = rest;
    }
    if (worst == STATUS_OK && lost) {
        const struct audit_field fields[] = {
            AUDIT_UINT(count, lost),
            AUDIT_TEXT(reason, "no room in memory while the spool was full")};
        audit_record(AUDIT_records_lost, fields, 2);
        lost = 0;
    }
    audit_notes_give_back(&audit.notes, list, lost);
    return worst;
}

static enum status flush_folded(struct round *round, int64_t now_ns, bool all)
{
    struct audit_fold *fold = fold_now();
    struct audit_fold_walk walk = {0};
    enum status worst = STATUS_OK;
    bool more = true;
    while (more && worst == STATUS_OK) {
        for (round->count = 0; round->count < ROUND; round->count++) {
            struct item *item = &round->items[round->count];
            item->note = NULL;
            more = audit_fold_next(fold, &walk, now_ns, all, &item->folded);
            if (!more)
                break;
        }
        worst = write_round(round);
        for (size_t i = 0; i < round->count; i++)
            if (round->items[i].status == STATUS_OK)
                audit_fold_settle(fold, &round->items[i].folded, now_ns);
    }
    audit_fold_forget_idle(fold, now_ns);
    return worst;
}

static void report(enum status status)
{
    if (status != STATUS_OK)
        metric_add(audit.errors, 1);
    if (status != STATUS_OK && audit.failing == STATUS_OK)
        log_error("audit records can't be written; they and the counts are kept in memory until "
                  "they can",
                  LOG_STATUS(status));
    if (status == STATUS_OK && audit.failing != STATUS_OK)
        log_info("audit records are written again");
    audit.failing = status;
    pthread_mutex_lock(&audit.notes.lock);
    metric_set(audit.waiting, (double)audit.notes.count);
    pthread_mutex_unlock(&audit.notes.lock);
}

static void look_at_clock(void)
{
    struct audit_clock_news news;
    audit_clock_look(&audit.clock, &news);
    if (news.after_ns != news.before_ns) {
        char step[32];
        snprintf(step, sizeof step, "%" PRId64, (news.after_ns - news.before_ns) / NS_PER_US);
        const struct audit_field fields[] = {AUDIT_TEXT(step_us, step),
                                             AUDIT_TIME(before, news.before_ns),
                                             AUDIT_TIME(after, news.after_ns)};
        audit_record(AUDIT_clock_set, fields, sizeof fields / sizeof *fields);
    }
    if (news.reason) {
        char text[2][AUDIT_CLOCK_TEXT];
        struct audit_field fields[1 + AUDIT_CLOCK_FIELDS] = {AUDIT_TEXT(reason, news.reason)};
        audit_clock_fields(&audit.clock.state, text, fields + 1);
        audit_record(AUDIT_clock_state, fields, sizeof fields / sizeof *fields);
    }
}

static void flush(bool all)
{
    static struct round round; /* the audit thread's, or that of audit_stop after it */
    look_at_clock();
    enum status notes = flush_notes(&round);
    enum status folded = flush_folded(&round, clock_wall_ns(), all);
    report(notes != STATUS_OK ? notes : folded);
}

static bool wait_for_turn(void)
{
    int64_t end_ns = condition_end_ns(FLUSH_NS);
    pthread_mutex_lock(&audit.lock);
    while (!audit.ending && condition_wait(&audit.wake, &audit.lock, end_ns))
        ;
    bool ending = audit.ending;
    pthread_mutex_unlock(&audit.lock);
    return !ending;
}

static void audit_thread(void *arg)
{
    (void)arg;
    thread_assert(THREAD_AUDIT);
    while (wait_for_turn())
        flush(false);
    flush(true);
}

/* --- start and stop ------------------------------------------------------------------------- */

static void make_metrics(void)
{
    audit.records = metric_series(METRIC_vsocd_audit_lines_total, "");
    audit.errors = metric_series(METRIC_vsocd_audit_write_errors_total, "");
    audit.waiting = metric_series(METRIC_vsocd_audit_waiting_records, "");
    audit.lost = metric_series(METRIC_vsocd_audit_lost_records_total, "");
}

enum status audit_start(struct spool *spool, const char *instance, struct problem *problem)
{
    thread_assert(THREAD_MAIN);
    ensure(!audit.fold);
    enum status s = mailbox_init(&audit.inbox, false);
    if (s != STATUS_OK) {
        problem_say(problem, "%s", status_text(s));
        return s;
    }
    snprintf(audit.instance, sizeof audit.instance, "%s", instance);
    struct audit_fold *fold = audit_fold_create();
    condition_init(&audit.wake);
    audit.ending = false;
    audit.failing = STATUS_OK;
    audit.spool = spool;
    make_metrics();
    audit_clock_init(&audit.clock);
    atomic_store(&audit.fold, fold);
    s = fold ? thread_start(&audit.thread, THREAD_AUDIT, "audit", audit_thread, NULL)
             : STATUS_NO_MEMORY;
    if (s == STATUS_OK)
        return s;
    problem_say(problem, "%s", status_text(s));
    atomic_store(&audit.fold, NULL);
    audit_fold_destroy(fold);
    mailbox_fini(&audit.inbox);
    return s;
}

void audit_stop(void)
{
    if (!audit.fold)
        return;
    pthread_mutex_lock(&audit.lock);
    audit.ending = true;
    pthread_cond_signal(&audit.wake);
    pthread_mutex_unlock(&audit.lock);
    thread_join(&audit.thread);
    audit.old_fold = atomic_exchange(&audit.fold, NULL);
    mailbox_fini(&audit.inbox);
}

void audit_fini(void)
{
    audit_fold_destroy(audit.old_fold);
    audit.old_fold = NULL;
    while (audit.left) {
        struct waiter *waiter = audit.left;
        audit.left = waiter->next;
        waiter_destroy(waiter);
    }
}
