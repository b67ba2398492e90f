/* audit.c: records refusals and writes them once a second. audit_refused() runs on any thread, the
 * rest on the audit thread. Does not decide who is refused. */
#include "server/audit/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/metrics/metrics.h"
#include "core/thread.h"
#include "core/wait/condition.h"
#include "core/writer.h"
#include "server/audit/audit_file.h"
#include "server/audit/audit_fold.h"

#define LOG_COMPONENT "audit"
#include "core/log/log.h"

#define FLUSH_NS   NS_PER_S
#define LINE_BYTES 4096

static struct {
    _Atomic(struct audit_fold *) fold; /* NULL: not started */
    struct audit_file file;
    struct thread thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* monotonic clock */
    bool ending;
    bool failing; /* the last write failed: reported once */
    metric_t lines, errors;
} audit = {.lock = PTHREAD_MUTEX_INITIALIZER};

void audit_refused(const struct audit_refusal *r)
{
    struct audit_fold *fold = atomic_load_explicit(&audit.fold, memory_order_acquire);
    if (fold)
        audit_fold_add(fold, r, clock_wall_ns());
    log_warn("sender refused", LOG_TEXT("action", r->action), LOG_TEXT("peer", r->address),
             LOG_I64("status", r->status), LOG_TEXT("code", r->code),
             LOG_SLICE("tenant", r->tenant), LOG_SLICE("credential", r->credential),
             LOG_SLICE("serial", r->serial), LOG_SLICE("vehicle", r->vehicle));
}

static void write_time(struct writer *w, const char *key, int64_t ns)
{
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    writer_format(w, "\"%s\":\"%s.%03dZ\",", key, text, (int)(ns % NS_PER_S / NS_PER_MS));
}

/* Bytes that are not UTF-8 are replaced by '?': a certificate may hold any. */
static void write_text(struct writer *w, const char *key, const char *text)
{
    char clean[sizeof((struct audit_record *)0)->tenant];
    size_t size = 0;
    if (!*text)
        return;
    for (; text[size] && size < sizeof clean; size++)
        clean[size] = (unsigned char)text[size] < 0x80 ? text[size] : '?';
    writer_format(w, "\"%s\":", key);
    writer_json_string(w, slice_make((const uint8_t *)clean, size));
    writer_u8(w, ',');
}

/* One line as described in docs/operations.md, "Refused senders". */
static bool write_record(void *arg, const struct audit_record *record)
{
    (void)arg;
    struct writer w;
    writer_init(&w, LINE_BYTES);
    writer_u8(&w, '{');
    write_time(&w, "first", record->first_ns);
    write_time(&w, "last", record->last_ns);
    write_text(&w, "action", record->action);
    write_text(&w, "code", record->code);
    if (record->status)
        writer_format(&w, "\"status\":%d,", record->status);
    write_text(&w, "peer", record->address);
    write_text(&w, "tenant", record->tenant);
    write_text(&w, "credential", record->credential);
    write_text(&w, "serial", record->serial);
    write_text(&w, "vehicle", record->vehicle);
    if (audit.file.removed[0])
        write_text(&w, "removed_file", audit.file.removed);
    writer_format(&w, "\"count\":%llu}\n", (unsigned long long)record->count);
    enum status s =
        w.status == STATUS_OK ? audit_file_append(&audit.file, writer_slice(&w)) : w.status;
    writer_fini(&w);
    if (s != STATUS_OK)
        return false;
    metric_add(audit.lines, 1);
    return true;
}

static void report_removed(void)
{
    if (!audit.file.removed[0])
        return;
    log_warn("oldest audit file removed: audit.max_bytes is reached",
             LOG_TEXT("file", audit.file.removed));
    audit.file.removed[0] = '\0';
}

static void report(bool good)
{
    if (!good)
        metric_add(audit.errors, 1);
    if (!good && !audit.failing)
        log_error("audit log can't be written; counts are kept in memory until it can",
                  LOG_TEXT("dir", audit.file.dir), LOG_TEXT("step", audit.file.problem),
                  LOG_TEXT("problem", strerror(errno)));
    if (good && audit.failing)
        log_info("audit log is written again", LOG_TEXT("dir", audit.file.dir));
    audit.failing = !good;
}

static void flush(bool all)
{
    double before = metric_value(audit.lines);
    bool good = audit_fold_flush(audit.fold, clock_wall_ns(), all, write_record, NULL);
    if (metric_value(audit.lines) > before && audit_file_sync(&audit.file) != STATUS_OK)
        good = false;
    report(good);
    report_removed();
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

enum status audit_start(const char *data_dir, uint64_t max_bytes, struct problem *problem)
{
    thread_assert(THREAD_MAIN);
    ensure(!audit.fold);
    enum status s = audit_file_open(&audit.file, data_dir, max_bytes);
    if (s != STATUS_OK) {
        problem_say(problem, "%s: %.120s", audit.file.problem, strerror(errno));
        return s;
    }
    struct audit_fold *fold = audit_fold_create();
    condition_init(&audit.wake);
    audit.ending = audit.failing = false;
    audit.lines = metric_series(METRIC_vsocd_audit_lines_total, "");
    audit.errors = metric_series(METRIC_vsocd_audit_write_errors_total, "");
    atomic_store(&audit.fold, fold);
    s = fold ? thread_start(&audit.thread, THREAD_AUDIT, "audit", audit_thread, NULL)
             : STATUS_NO_MEMORY;
    if (s == STATUS_OK)
        return s;
    problem_say(problem, "%s", status_text(s));
    atomic_store(&audit.fold, NULL);
    audit_fold_destroy(fold);
    audit_file_close(&audit.file);
    return s;
}

void audit_stop(void)
{
    thread_assert(THREAD_MAIN);
    if (!audit.fold)
        return;
    pthread_mutex_lock(&audit.lock);
    audit.ending = true;
    pthread_cond_signal(&audit.wake);
    pthread_mutex_unlock(&audit.lock);
    thread_join(&audit.thread);
    audit_fold_destroy(atomic_exchange(&audit.fold, NULL));
    audit_file_close(&audit.file);
}
