/* forward.c: reads records from the spool and sends them, in groups that are confirmed. The forward
 * thread. Decides nothing about what is recorded. */
#include "server/forward/forward.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "core/metrics/metrics.h"
#include "core/object.h"
#include "core/thread.h"
#include "storage/spool/spool.h"

#define LOG_COMPONENT "audit"
#include "core/log/log.h"

#define GROUP_RECORDS 500
#define GROUP_BYTES   ((size_t)256 << 10)
#define NODES         4096
#define WAIT_NS       NS_PER_S
#define CONFIRM_NS    NS_PER_S
#define LOOK_NS       (20 * NS_PER_MS)
#define PAUSE_MIN_NS  (NS_PER_S / 2)
#define PAUSE_MAX_NS  (30 * NS_PER_S)

#define FORWARD_MAGIC 0x46575244U

struct forward {
    unsigned magic; /* FORWARD_MAGIC */
    struct forward_options options;
    struct forward_origin origin;
    spool_cursor_t cursor;
    uint64_t position; /* confirmed */
    struct thread thread;
    atomic_bool stopping;
    _Atomic int64_t deadline_ns; /* once stopping */
    /* The thread's own. */
    struct spool_reader *reader;
    struct forward_link *link;
    struct json_parser *json;
    struct writer group, padded;
    uint64_t seen; /* read up to here */
    size_t records;
    bool down; /* was reported */
    metric_t up, sent, at;
};

OBJECT_CAST(forward, FORWARD_MAGIC)

static bool is_over(const struct forward *f)
{
    return atomic_load(&f->stopping) && clock_monotonic_ns() >= atomic_load(&f->deadline_ns);
}

/* In pieces, so that a stop is noticed. */
static void pause_for(const struct forward *f, int64_t ns)
{
    int64_t end_ns = clock_monotonic_ns() + ns;
    while (clock_monotonic_ns() < end_ns && !atomic_load(&f->stopping))
        clock_sleep(LOOK_NS);
    if (atomic_load(&f->stopping) && !is_over(f))
        clock_sleep(LOOK_NS);
}

static void report(struct forward *f, const struct problem *problem)
{
    metric_set(f->up, problem == NULL);
    if (problem && !f->down)
        log_warn("audit records can't be forwarded; they are sent when the receiver is back",
                 LOG_TEXT("url", f->options.target.url), LOG_TEXT("problem", problem->text));
    if (!problem && f->down)
        log_info("audit records are forwarded again", LOG_TEXT("url", f->options.target.url));
    f->down = problem != NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

static enum status add_record(struct forward *f, const struct batch_record *record)
{
    static const uint8_t padding[JSON_PADDING];
    struct json_document document;
    struct json_error error;
    writer_reset(&f->padded);
    writer_add_slice(&f->padded, record->body);
    writer_bytes(&f->padded, padding, sizeof padding);
    if (f->padded.status != STATUS_OK)
        return f->padded.status;
    enum status status =
        json_parse(f->json, slice_make(f->padded.data, record->body.size), &document, &error);
    if (status == STATUS_NO_MEMORY)
        return status;
    if (status != STATUS_OK) {
        log_error("an audit record can't be forwarded: it is no JSON",
                  LOG_U64("position", record->meta.position));
        return STATUS_OK;
    }
    forward_message_write(&f->group, f->options.format, &f->origin, record, &document);
    f->records++;
    return f->group.status;
}

/* The next record that is no batch, into the group. END: none yet. */
static enum status read_next(struct forward *f)
{
    struct batch_record record;
    uint64_t position;
    uint32_t events;
    enum status status = spool_reader_peek(f->reader, &position, &events);
    if (status == STATUS_CORRUPT)
        return STATUS_OK; /* the sinks report it */
    if (status != STATUS_OK)
        return status;
    if (spool_reader_peeked(f->reader)->kind == BATCH_KIND_EVENTS) {
        spool_reader_skip(f->reader);
        f->seen = position;
        return STATUS_OK;
    }
    status = spool_reader_next(f->reader, &record);
    if (status == STATUS_OK)
        status = add_record(f, &record);
    if (status == STATUS_OK || status == STATUS_CORRUPT)
        f->seen = position;
    return status == STATUS_CORRUPT ? STATUS_OK : status;
}

/* Fills the group with what there is. */
static enum status gather(struct forward *f)
{
    enum status status = STATUS_OK;
    if (!f->reader)
        status = spool_reader_open(f->options.spool, f->seen, &f->reader);
    while (status == STATUS_OK && f->records < GROUP_RECORDS && f->group.size < GROUP_BYTES)
        status = read_next(f);
    return status == STATUS_END ? STATUS_OK : status;
}

/* --- sending --------------------------------------------------------------------------------- */

/* Everything behind the cursor comes again. */
static void go_back(struct forward *f)
{
    spool_reader_close(f->reader);
    f->reader = NULL;
    f->seen = f->position;
    f->records = 0;
    writer_reset(&f->group);
    if (f->link)
        forward_link_close(f->link);
    f->link = NULL;
}

static void confirm(struct forward *f)
{
    metric_add(f->sent, (double)f->records);
    f->position = f->seen;
    f->records = 0;
    writer_reset(&f->group);
    spool_cursor_advance(f->options.spool, f->cursor, f->position);
    metric_set(f->at, (double)f->position);
}

/* Until the peer's kernel has it all, and the connection still stands a second later: a receiver
 * that died in between has perhaps not read it. */
static enum status await_confirmation(struct forward *f, struct problem *problem)
{
    int64_t acked_ns = 0, end_ns = clock_monotonic_ns() + LINK_TIMEOUT_MS * NS_PER_MS;
    for (;;) {
        int64_t now_ns = clock_monotonic_ns();
        if (!forward_link_is_open(f->link)) {
            problem_say(problem, "the receiver has closed the connection");
            return STATUS_CLOSED;
        }
        if (!acked_ns && forward_link_is_acked(f->link))
            acked_ns = now_ns;
        if (acked_ns && now_ns - acked_ns >= CONFIRM_NS)
            return STATUS_OK;
        if (!acked_ns && now_ns >= end_ns) {
            problem_say(problem, "the receiver acknowledges nothing");
            return STATUS_TIMEOUT;
        }
        clock_sleep(LOOK_NS);
    }
}

static enum status send_group(struct forward *f, struct problem *problem)
{
    enum status status = STATUS_OK;
    if (f->link && !forward_link_is_open(f->link)) { /* closed while nothing was on its way */
        forward_link_close(f->link);
        f->link = NULL;
    }
    if (!f->link)
        status = forward_link_open(&f->options.target, &f->link, problem);
    if (status == STATUS_OK)
        status = forward_link_send(f->link, writer_slice(&f->group), problem);
    fault_point(forward_sent);
    if (status == STATUS_OK)
        status = await_confirmation(f, problem);
    return status;
}

/* One round. False: it failed, *problem. */
static bool turn(struct forward *f, struct problem *problem)
{
    enum status status = gather(f);
    if (status != STATUS_OK) {
        problem_say(problem, "the spool can't be read: %s", status_text(status));
        return false;
    }
    if (f->records && send_group(f, problem) != STATUS_OK)
        return false;
    bool some = f->records > 0;
    if (f->seen != f->position)
        confirm(f);
    if (some)
        report(f, NULL);
    return true;
}

static void forward_run(void *arg)
{
    struct forward *f = forward_cast(arg);
    int64_t pause_ns = PAUSE_MIN_NS;
    thread_assert(THREAD_FORWARD);
    while (!is_over(f)) {
        struct problem problem;
        bool stopping = atomic_load(&f->stopping);
        uint64_t before = f->position;
        if (turn(f, &problem)) {
            pause_ns = PAUSE_MIN_NS;
            if (stopping && f->position == before)
                break; /* everything is there */
            if (!stopping)
                (void)spool_reader_wait(f->reader, WAIT_NS);
            continue;
        }
        report(f, &problem);
        go_back(f);
        pause_for(f, pause_ns);
        pause_ns = 2 * pause_ns < PAUSE_MAX_NS ? 2 * pause_ns : PAUSE_MAX_NS;
    }
    go_back(f);
}

/* --- start and stop --------------------------------------------------------------------------- */

static void forward_free(struct forward *f)
{
    json_parser_destroy(f->json);
    writer_fini(&f->group);
    writer_fini(&f->padded);
    object_end(&f->magic);
    free(f);
}

enum status forward_start(const struct forward_options *options, struct forward **out)
{
    thread_assert(THREAD_MAIN);
    struct forward *f = calloc(1, sizeof *f);
    if (!f)
        return STATUS_NO_MEMORY;
    f->magic = FORWARD_MAGIC;
    f->options = *options;
    f->origin =
        (struct forward_origin){options->instance, VSOCD_VERSION, spool_uid(options->spool)};
    writer_init(&f->group, (size_t)16 << 20);
    writer_init(&f->padded, (size_t)16 << 20);
    f->json = json_parser_create(8, NODES);
    f->up = metric_series(METRIC_vsocd_audit_forward_up, "");
    f->sent = metric_series(METRIC_vsocd_audit_forwarded_records_total, "");
    f->at = metric_series(METRIC_vsocd_audit_forward_position, "");
    enum status status =
        f->json ? spool_cursor_open(options->spool, "audit.forward", &f->cursor, &f->position)
                : STATUS_NO_MEMORY;
    f->seen = f->position;
    if (status == STATUS_OK)
        status = thread_start(&f->thread, THREAD_FORWARD, "forward", forward_run, f);
    if (status == STATUS_OK)
        *out = f;
    else
        forward_free(f);
    return status;
}

void forward_stop(struct forward *forward, int64_t deadline_ns)
{
    if (!forward)
        return;
    atomic_store(&forward->deadline_ns, deadline_ns);
    atomic_store(&forward->stopping, true);
    spool_wake(forward->options.spool);
    thread_join(&forward->thread);
    forward_free(forward);
}
