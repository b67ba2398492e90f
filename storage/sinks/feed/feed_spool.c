/* feed_spool.c: reads a lane's records from the live spool and moves its cursor. Runs on the lane's
 * thread. Knows nothing about loads or stores. */
#define LOG_COMPONENT "sink"
#include "storage/sinks/feed/feed_spool.h"

#include "core/disk/fault.h"
#include "core/log/log.h"
#include "core/thread.h"

static const struct feed_ops spool_ops;

static struct feed_spool *feed_spool_cast(struct feed *feed)
{
    ensure(feed->ops == &spool_ops);
    return (struct feed_spool *)feed;
}

bool feed_spool_owns_between(const struct feed_spool *f, uint64_t after, uint64_t to)
{
    unsigned lanes = f->options.lanes;
    uint64_t first = after + 1;
    uint64_t own = first + (f->options.lane + lanes - first % lanes) % lanes;
    return own <= to;
}

void feed_spool_fail(struct feed_spool *f, uint64_t after, enum status why)
{
    f->feed.status = why;
    problem_say(&f->feed.problem,
                "the spool can't be read after position %llu: %s; see 'vsocd spool check'",
                (unsigned long long)after, status_text(why));
}

/* The reader is opened again where it stopped. */
static enum feed_status fail_reading(struct feed_spool *f, enum status why)
{
    feed_spool_fail(f, f->seen, why);
    feed_spool_close(f);
    return FEED_FAILED;
}

static void advance(struct feed_spool *f, uint64_t position, uint64_t events)
{
    f->given = 0;
    atomic_store(&f->events, events);
    atomic_store(&f->position, position);
    spool_cursor_advance(f->options.spool, f->options.cursor, position);
    fault_point(lane_advanced);
    if (f->options.moved)
        f->options.moved(f->options.arg);
}

static void saw(struct feed_spool *f, uint64_t position, uint64_t events_after)
{
    f->seen = position;
    f->seen_events = events_after;
}

/* The first record after a start has the number of events before it. */
static void learn_events(struct feed_spool *f, uint64_t before)
{
    if (atomic_load_explicit(&f->events_known, memory_order_relaxed))
        return;
    atomic_store(&f->events, before);
    atomic_store(&f->events_known, true);
}

/* Reports missing batches: retention removed them, or they were set aside as damaged. */
static void note_gap(const struct feed_spool *f, uint64_t position)
{
    if (position <= f->seen + 1 || !feed_spool_owns_between(f, f->seen, position - 1) ||
        !spool_reader_misses(f->reader))
        return;
    uint64_t gap = position - 1 - f->seen, lanes = f->options.lanes;
    metric_add(f->options.missed, (gap + lanes - 1) / lanes);
    log_warn("batches that the sink has not had are no longer in the spool",
             LOG_TEXT("sink", f->options.sink), LOG_U64("lane", f->options.lane),
             LOG_U64("first", f->seen + 1), LOG_U64("last", position - 1));
}

static enum feed_status note_damaged(const struct feed_spool *f)
{
    log_error("a batch changed on disk after it was written: it is left out; see 'vsocd spool "
              "check'",
              LOG_TEXT("sink", f->options.sink), LOG_U64("after_position", f->seen));
    metric_add(f->options.missed, 1);
    return FEED_UNDECODABLE;
}

/* The parts of the record are not readable: for ever, or until its key is back. */
static enum feed_status pass_sealed(struct feed_spool *f, const struct feed_item *item,
                                    const struct batch_record *record)
{
    if (record->state == SEAL_NO_KEY) {
        f->feed.status = STATUS_REFUSED;
        problem_say(&f->feed.problem, FEED_NO_KEY_TEXT, (unsigned long long)item->position,
                    record->key_id);
        feed_spool_close(f);
        return FEED_FAILED;
    }
    if (record->state == SEAL_ERASED)
        log_info("an erased batch is left out", LOG_TEXT("sink", f->options.sink),
                 LOG_U64("position", item->position));
    else
        log_error("the keys of a batch have changed on disk: it is left out; see 'vsocd spool "
                  "verify'",
                  LOG_TEXT("sink", f->options.sink), LOG_U64("position", item->position));
    if (record->state != SEAL_ERASED)
        metric_add(f->options.missed, 1);
    saw(f, item->position, f->seen_events + item->events);
    return FEED_UNDECODABLE;
}

/* Reads the peeked record, this lane's or (to learn how many events came before) another's. */
static enum feed_status read_record(struct feed_spool *f, const struct feed_item *item, bool own,
                                    struct batch_record *record)
{
    note_gap(f, item->position);
    enum status status = spool_reader_next(f->reader, record);
    if (status == STATUS_CORRUPT) {
        log_error("a batch changed on disk after it was written: it is left out; see 'vsocd spool "
                  "check'",
                  LOG_TEXT("sink", f->options.sink), LOG_U64("position", item->position),
                  LOG_U64("events", item->events));
        if (own)
            metric_add(f->options.missed, 1);
        saw(f, item->position, f->seen_events + item->events);
        return FEED_UNDECODABLE;
    }
    if (status != STATUS_OK)
        return fail_reading(f, status);
    if (own && record->sealed)
        return pass_sealed(f, item, record);
    if (own && record->parts && record->parts->erased_items)
        log_info("events of erased vehicles are left out of a batch",
                 LOG_TEXT("sink", f->options.sink), LOG_U64("position", item->position),
                 LOG_U64("events", record->parts->erased_items));
    f->before = f->seen;
    f->before_events = record->meta.events_before;
    learn_events(f, record->meta.events_before);
    saw(f, item->position, record->meta.events_before + item->events);
    return FEED_ITEM;
}

static enum feed_status pass_other(struct feed_spool *f, const struct feed_item *item)
{
    struct batch_record record;
    if (!atomic_load_explicit(&f->events_known, memory_order_relaxed))
        return read_record(f, item, false, &record);
    note_gap(f, item->position);
    spool_reader_skip(f->reader);
    saw(f, item->position, f->seen_events + item->events);
    return FEED_ITEM;
}

/* None: records of other lanes after the lane's own are not worth reading again. */
static enum feed_status rest(struct feed_spool *f, bool stopping)
{
    if (!f->given && f->seen > atomic_load(&f->position))
        advance(f, f->seen, f->seen_events);
    return stopping ? FEED_STOPPING : FEED_NONE;
}

static enum status open_reader(struct feed_spool *f)
{
    enum status status = spool_reader_open(f->options.spool, f->seen, &f->reader);
    if (status == STATUS_OK)
        spool_reader_without_bodies(f->reader);
    return status;
}

/* Records that are no batches are nobody's if the sink takes none. */
static bool is_own(const struct feed_spool *f, uint64_t position)
{
    return position % f->options.lanes == f->options.lane &&
           (f->options.records || batch_is_events(spool_reader_peeked(f->reader)));
}

static enum feed_status spool_peek(struct feed *feed, struct feed_item *item)
{
    struct feed_spool *f = feed_spool_cast(feed);
    bool stopping =
        atomic_load(f->options.stopping); /* load first: records durable by then count */
    enum status status = STATUS_OK;
    if (!f->reader)
        status = open_reader(f);
    while (status == STATUS_OK) {
        struct feed_item next;
        status = spool_reader_peek(f->reader, &next.position, &next.events);
        if (status != STATUS_OK)
            break;
        if (is_own(f, next.position)) {
            *item = next;
            return FEED_ITEM;
        }
        enum feed_status passed = pass_other(f, &next);
        if (passed == FEED_FAILED)
            return passed;
    }
    if (status == STATUS_END)
        return rest(f, stopping);
    return status == STATUS_CORRUPT ? note_damaged(f) : fail_reading(f, status);
}

static enum feed_status spool_next(struct feed *feed, struct batch_record *record)
{
    struct feed_spool *f = feed_spool_cast(feed);
    struct feed_item item;
    ensure(f->reader != NULL);
    enum status status = spool_reader_peek(f->reader, &item.position, &item.events);
    if (status != STATUS_OK)
        return status == STATUS_CORRUPT ? note_damaged(f) : fail_reading(f, status);
    enum feed_status taken = read_record(f, &item, true, record);
    f->given += taken == FEED_ITEM;
    return taken;
}

static void spool_give_back(struct feed *feed, enum status why)
{
    struct feed_spool *f = feed_spool_cast(feed);
    ensure(f->given > 0 && f->before < f->seen);
    f->given--;
    saw(f, f->before, f->before_events);
    (void)fail_reading(f, why);
}

static bool spool_wait(struct feed *feed, int64_t timeout_ns)
{
    struct feed_spool *f = feed_spool_cast(feed);
    return f->reader && !atomic_load(f->options.stopping) &&
           spool_reader_wait(f->reader, timeout_ns);
}

/* Batches of other lanes after the lane's own are not a gap. */
static enum status spool_commit(struct feed *feed)
{
    struct feed_spool *f = feed_spool_cast(feed);
    advance(f, f->seen, f->seen_events);
    return STATUS_OK;
}

static const struct feed_ops spool_ops = {.peek = spool_peek,
                                          .next = spool_next,
                                          .give_back = spool_give_back,
                                          .wait = spool_wait,
                                          .commit = spool_commit};

void feed_spool_init(struct feed_spool *f, const struct feed_spool_options *options)
{
    ensure(options->lanes > 0 && options->lane < options->lanes);
    *f = (struct feed_spool){.feed = {.ops = &spool_ops},
                             .options = *options,
                             .position = options->position,
                             .seen = options->position};
}

void feed_spool_close(struct feed_spool *f)
{
    if (f->reader)
        spool_reader_close(f->reader);
    f->reader = NULL;
}

void feed_spool_move(struct feed_spool *f, uint64_t position)
{
    feed_spool_close(f);
    f->seen = position;
    atomic_store(&f->events_known, false);
    advance(f, position, 0);
}
