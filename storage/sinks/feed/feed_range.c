/* feed_range.c: reads a range of a spool directory. Runs on the thread of the replay. Does not
 * decide what is missing in the store. */
#include "storage/sinks/feed/feed_range.h"

#include "core/thread.h"
#include "storage/spool/spool.h"

static const struct feed_ops range_ops;

static struct feed_range *feed_range_cast(struct feed *feed)
{
    ensure(feed->ops == &range_ops);
    return (struct feed_range *)feed;
}

void feed_range_explain(struct problem *problem, const char *dir, enum status why)
{
    problem_say(problem, "%.300s: can't be read: %s%s", dir, status_text(why),
                why == STATUS_VERSION ? ": run the vsocd that wrote it, or a newer one" : "");
}

/* The reader is opened again where it stopped. */
static enum feed_status fail_reading(struct feed_range *f, enum status why)
{
    f->feed.status = why;
    feed_range_explain(&f->feed.problem, f->dir, why);
    feed_range_close(f);
    return FEED_FAILED;
}

static enum feed_status pass_damage(struct feed_range *f)
{
    f->damaged++;
    f->follows = false; /* what lacks before the next record is counted */
    return FEED_UNDECODABLE;
}

static enum status open_reader(struct feed_range *f)
{
    enum status status = spool_reader_open_dir(f->dir, f->seen, &f->reader);
    if (status != STATUS_OK)
        return status;
    spool_reader_use_keys(f->reader, f->keys);
    spool_reader_without_bodies(f->reader);
    f->follows = false;
    return STATUS_OK;
}

/* Passes the records that nobody wants. */
static enum status peek_wanted(struct feed_range *f, struct feed_item *next)
{
    for (;;) {
        enum status status = spool_reader_peek(f->reader, &next->position, &next->events);
        if (status == STATUS_OK && next->position <= f->to && f->follows &&
            next->position != f->peeked && spool_reader_misses(f->reader))
            f->damaged++; /* set aside when the spool was opened */
        f->follows = true;
        if (status != STATUS_OK || f->records || batch_is_events(spool_reader_peeked(f->reader)))
            return status;
        spool_reader_skip(f->reader);
    }
}

static enum feed_status range_peek(struct feed *feed, struct feed_item *item)
{
    struct feed_range *f = feed_range_cast(feed);
    struct feed_item next;
    enum status status = STATUS_OK;
    if (!f->reader)
        status = open_reader(f);
    if (status == STATUS_OK)
        status = peek_wanted(f, &next);
    if (status == STATUS_CORRUPT)
        return pass_damage(f);
    if (status == STATUS_END || (status == STATUS_OK && next.position > f->to))
        return FEED_END;
    if (status != STATUS_OK)
        return fail_reading(f, status);
    f->peeked = next.position;
    *item = next;
    return FEED_ITEM;
}

/* An erased batch is in the range, and nothing of it can be put in. */
static enum feed_status pass_sealed(struct feed_range *f, const struct batch_record *record)
{
    if (record->state == SEAL_NO_KEY) {
        f->feed.status = STATUS_REFUSED;
        problem_say(&f->feed.problem, FEED_NO_KEY_TEXT, (unsigned long long)record->meta.position,
                    record->key_id);
        feed_range_close(f);
        return FEED_FAILED;
    }
    f->seen = record->meta.position;
    if (record->state != SEAL_ERASED)
        return pass_damage(f);
    f->given.batches++;
    f->given.erased += record->meta.accepted + record->meta.quarantined;
    return FEED_UNDECODABLE;
}

static enum feed_status range_next(struct feed *feed, struct batch_record *record)
{
    struct feed_range *f = feed_range_cast(feed);
    ensure(f->reader != NULL);
    enum status status = spool_reader_next(f->reader, record);
    if (status == STATUS_CORRUPT) {
        f->seen = f->peeked; /* a reader that is opened again does not count it once more */
        return pass_damage(f);
    }
    if (status != STATUS_OK)
        return fail_reading(f, status);
    if (record->sealed)
        return pass_sealed(f, record);
    f->before = f->seen;
    f->seen = record->meta.position;
    f->last_events = batch_record_items(record);
    f->last_erased = record->meta.accepted + record->meta.quarantined - f->last_events;
    f->given.batches++;
    f->given.events += f->last_events;
    f->given.erased += f->last_erased;
    return FEED_ITEM;
}

static void range_give_back(struct feed *feed, enum status why)
{
    struct feed_range *f = feed_range_cast(feed);
    ensure(f->given.batches > f->loaded.batches && f->before < f->seen);
    f->given.batches--;
    f->given.events -= f->last_events;
    f->given.erased -= f->last_erased;
    f->seen = f->before;
    (void)fail_reading(f, why);
}

/* Records newer than the range at its start are not part of it. */
static bool range_wait(struct feed *feed, int64_t timeout_ns)
{
    (void)feed;
    (void)timeout_ns;
    return false;
}

static enum status range_commit(struct feed *feed)
{
    struct feed_range *f = feed_range_cast(feed);
    f->loaded = f->given;
    return STATUS_OK;
}

static const struct feed_ops range_ops = {.peek = range_peek,
                                          .next = range_next,
                                          .give_back = range_give_back,
                                          .wait = range_wait,
                                          .commit = range_commit};

void feed_range_init(struct feed_range *f, const char *dir, uint64_t from, uint64_t to,
                     bool records)
{
    *f = (struct feed_range){.feed = {.ops = &range_ops},
                             .dir = dir,
                             .to = to,
                             .records = records,
                             .seen = from ? from - 1 : 0};
}

void feed_range_close(struct feed_range *f)
{
    spool_reader_close(f->reader);
    f->reader = NULL;
}
