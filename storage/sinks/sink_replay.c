/* sink_replay.c: lets a loader move a range of a spool directory into a sink, as a lane of a
 * replay. Runs on the caller's thread. Does not decide what is missing: the sink does, by its keys
 * or by a search (sink_held.h). */
#include "storage/sinks/sink_replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/object.h"
#include "core/thread.h"
#include "storage/sinks/feed/feed_range.h"
#include "storage/sinks/sink_held.h"
#include "storage/sinks/sink_history.h"
#include "storage/sinks/sink_loader.h"
#include "storage/spool/spool_cursor.h"
#include "storage/spool/spool_verify.h"

#define HELD_EVENTS (UINT64_C(1) << 20)
#define CLOCK_NS    (60 * NS_PER_S) /* batches are not exactly in order of their times */
#define PAUSE_NS    (NS_PER_S / 2)

/* A part of the range that is searched at once. */
struct stretch {
    uint64_t records; /* no batches */
    uint64_t from, to, events;
    int64_t oldest_ns, newest_ns; /* when its batches were received; oldest 0: not known */
};

#define RUN_MAGIC 0x5245504cU

struct run {
    unsigned magic; /* RUN_MAGIC */
    const struct sink_replay_options *options;
    struct sink_replay_counts *counts;
    struct sink_problem *problem;
    struct sink_replay replay;
    uint8_t spool_uid[UUID_BYTES];
    bool looked;   /* the current part was searched, and everything added since is known */
    uint64_t last; /* newest position that may be delivered */
    struct stretch stretch;
    struct event_decoder decoder;
    struct sink_loader loader;
};

OBJECT_CAST(run, RUN_MAGIC)

static enum status spool_failed(const struct run *r, enum status status)
{
    struct problem problem;
    feed_range_explain(&problem, r->options->dir, status);
    snprintf(r->problem->text, sizeof r->problem->text, "%s", problem.text);
    return status;
}

static void show(const struct run *r, const char *problem)
{
    if (r->options->progress)
        r->options->progress(r->options->arg, r->counts, problem);
}

/* --- the store ------------------------------------------------------------------------------ */

/* After a failure of the sink: waits before the next attempt. Any status except OK: there will be
 * none, because an operator is needed or the time limit has passed. *away_ns: since when it fails;
 * 0: it does not.
 */
static enum status after_failure(struct run *r, int64_t *away_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    *r->problem = r->loader.problem;
    r->looked = false; /* the failed attempt may have been stored after all */
    if (r->loader.result != SINK_LATER)
        return STATUS_REFUSED;
    *away_ns = *away_ns ? *away_ns : now_ns;
    if (now_ns - *away_ns > r->options->patience_ns)
        return STATUS_UNAVAILABLE;
    show(r, r->problem->text);
    clock_sleep(PAUSE_NS);
    return STATUS_OK;
}

static enum status connect_lane(struct run *r)
{
    enum status status = STATUS_OK;
    for (int64_t away_ns = 0; status == STATUS_OK && !sink_loader_connect(&r->loader);)
        status = after_failure(r, &away_ns);
    return status;
}

/* The position up to which the server has delivered, according to its spool. */
static uint64_t cursor_position(const struct run *r)
{
    struct spool_cursor_table table;
    uint64_t position = 0;
    int fd = open(r->options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (spool_cursor_load(fd, &table) == STATUS_OK)
        for (uint32_t i = 0; i < table.count; i++)
            if (strcmp(table.entries[i].name, r->options->sink->name) == 0)
                position = table.entries[i].position;
    close(fd);
    return position;
}

static enum status open_reader(const struct run *r, uint64_t from, struct spool_reader **reader)
{
    enum status status = spool_reader_open_dir(r->options->dir, from ? from - 1 : 0, reader);
    if (status != STATUS_OK)
        return spool_failed(r, status);
    spool_reader_use_keys(*reader, r->options->keys);
    spool_reader_without_bodies(*reader);
    return STATUS_OK;
}

/* The server continues from the sink's position if it belongs to this spool's history, otherwise
 * from its cursor. It delivers the records after that itself; without unique keys they could be
 * delivered twice. */
static enum status find_last(struct run *r, const struct sink_position *there)
{
    enum sink_history history = HISTORY_OTHER;
    struct spool_reader *reader;
    enum status status = open_reader(r, there->position, &reader);
    if (status != STATUS_OK)
        return status;
    if (there->known)
        status = sink_history_judge(reader, there, &history);
    spool_reader_close(reader);
    if (status != STATUS_OK)
        return spool_failed(r, status);
    r->last = history == HISTORY_OWN ? there->position : cursor_position(r);
    return STATUS_OK;
}

static enum sink_result on_connected(void *arg, const struct sink_position *there,
                                     struct sink_problem *problem)
{
    struct run *r = run_cast(arg);
    if (r->last != UINT64_MAX || !r->options->sink->look_up || find_last(r, there) == STATUS_OK)
        return SINK_DELIVERED;
    *problem = *r->problem;
    return SINK_BROKEN;
}

static enum sink_result on_ready(void *arg, struct sink_problem *problem)
{
    struct run *r = run_cast(arg);
    const struct sink *sink = r->options->sink;
    enum sink_result result = SINK_DELIVERED;
    if (sink->look_up && !r->looked)
        result = sink->look_up(r->loader.options.lane, r->stretch.oldest_ns, problem);
    r->looked = result == SINK_DELIVERED;
    return result;
}

static const struct sink_loader_hooks replay_hooks = {.connected = on_connected, .ready = on_ready};

/* --- the range ------------------------------------------------------------------------------ */

/* Next batch of the part by its header; END after it. Damage and other kinds of records are
 * skipped. */
static enum status peek(const struct run *r, struct spool_reader *reader, const struct stretch *s,
                        uint64_t *position, uint32_t *events)
{
    enum status status;
    for (;;) {
        status = spool_reader_peek(reader, position, events);
        if (status == STATUS_OK && !r->options->sink->takes_records &&
            !batch_is_events(spool_reader_peeked(reader)))
            spool_reader_skip(reader);
        else if (status != STATUS_CORRUPT)
            break;
    }
    return status == STATUS_OK && *position > s->to ? STATUS_END : status;
}

/* Counts the contents of the range. Records newer than the range at its start are not part of it.
 */
static enum status survey(struct run *r)
{
    struct sink_replay_counts *c = r->counts;
    const struct stretch range = {.to = r->options->to};
    struct spool_reader *reader;
    uint64_t position;
    uint32_t events;
    enum status status = open_reader(r, r->options->from, &reader);
    if (status != STATUS_OK)
        return status;
    while ((status = peek(r, reader, &range, &position, &events)) == STATUS_OK) {
        spool_reader_skip(reader);
        if (position > r->last) {
            c->left = position;
            continue;
        }
        c->from = c->batches ? c->from : position;
        c->to = position;
        c->batches++;
        c->events += events;
    }
    spool_reader_close(reader);
    if (status != STATUS_END)
        return spool_failed(r, status);
    return c->batches ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The end of the next part. */
static enum status measure(struct run *r, uint64_t from)
{
    struct stretch *s = &r->stretch;
    struct spool_reader *reader;
    uint64_t position;
    uint32_t events;
    *s = (struct stretch){.from = from, .to = r->counts->to};
    enum status status = open_reader(r, from, &reader);
    if (status != STATUS_OK)
        return status;
    while ((status = peek(r, reader, s, &position, &events)) == STATUS_OK) {
        if (s->events && s->events + events > HELD_EVENTS) {
            s->to = position - 1;
            break;
        }
        s->events += events;
        s->records += !batch_is_events(spool_reader_peeked(reader));
        spool_reader_skip(reader);
    }
    spool_reader_close(reader);
    return status == STATUS_OK || status == STATUS_END ? STATUS_OK : spool_failed(r, status);
}

/* Also that of the reject that replaces undecodable items (sink_load.c). */
static void note_ids(struct run *r, const struct batch_record *record)
{
    static struct event_item item;
    uint32_t items = batch_record_items(record), next = 0;
    if (!batch_is_events(&record->meta)) {
        sink_held_add(r->replay.held, record->meta.batch_uid);
        return;
    }
    enum status status = event_decoder_init(&r->decoder, record->events);
    for (uint32_t i = 0; i < items && status == STATUS_OK; i++) {
        uint8_t id[UUID_BYTES];
        status = event_decoder_next(&r->decoder, &item);
        uint32_t index = status == STATUS_OK ? sink_item_index(&item) : next;
        uuid7_of_event(record->meta.batch_uid, index, id);
        sink_held_add(r->replay.held, id);
        next = index + 1;
    }
}

/* Where the clock was set back, what the sink bears as time of a batch may be any. */
static void note_time(struct stretch *s, int64_t received_ns)
{
    if (received_ns < s->newest_ns - CLOCK_NS)
        s->oldest_ns = 0;
    if (received_ns < s->oldest_ns)
        s->oldest_ns = received_ns;
    if (received_ns > s->newest_ns)
        s->newest_ns = received_ns;
}

/* The ids of the stretch, to be looked up. */
static enum status list_ids(struct run *r)
{
    struct spool_reader *reader;
    struct batch_record record;
    sink_held_destroy(r->replay.held);
    r->replay.held = sink_held_create(r->stretch.events + r->stretch.records);
    r->stretch.oldest_ns = INT64_MAX;
    r->looked = false;
    if (!r->replay.held)
        return STATUS_NO_MEMORY;
    enum status status = open_reader(r, r->stretch.from, &reader);
    if (status != STATUS_OK)
        return status;
    do {
        status = spool_reader_next(reader, &record);
        if (status == STATUS_OK) /* also of the one behind the stretch */
            note_time(&r->stretch, record.meta.received_ns);
        if (status == STATUS_OK && record.meta.position > r->stretch.to)
            status = STATUS_END;
        if (status == STATUS_OK && !record.sealed)
            note_ids(r, &record);
    } while (status == STATUS_OK || status == STATUS_CORRUPT);
    spool_reader_close(reader);
    note_time(&r->stretch, clock_wall_ns()); /* it may have been set back behind the last batch */
    return status == STATUS_END ? STATUS_OK : spool_failed(r, status);
}

/* --- delivery ------------------------------------------------------------------------------- */

/* Counts of the stretch are added to those of the stretches before it. */
static void count(struct run *r, const struct feed_range *feed,
                  const struct sink_replay_counts *before)
{
    r->counts->batches_done = before->batches_done + feed->loaded.batches;
    r->counts->events_done = before->events_done + feed->loaded.events;
    r->counts->damaged = before->damaged + feed->damaged;
    r->counts->erased = before->erased + feed->loaded.erased;
    r->counts->put = r->replay.put;
}

static enum status deliver_stretch(struct run *r)
{
    const struct sink_replay_counts before = *r->counts;
    struct feed_range feed;
    enum status status = STATUS_OK;
    enum loader_turn turn = LOADER_GOES_ON;
    int64_t away_ns = 0;
    feed_range_init(&feed, r->options->dir, r->stretch.from, r->stretch.to,
                    r->options->sink->takes_records);
    feed.keys = r->options->keys;
    r->loader.options.feed = &feed.feed;
    while (status == STATUS_OK && turn != LOADER_END) {
        turn = sink_loader_turn(&r->loader);
        count(r, &feed, &before);
        if (turn == LOADER_UNREADABLE) {
            status = feed.feed.status;
            snprintf(r->problem->text, sizeof r->problem->text, "%s", feed.feed.problem.text);
        } else if (turn == LOADER_FAILED) {
            status = after_failure(r, &away_ns);
        } else {
            away_ns = 0;
            show(r, NULL);
        }
    }
    feed_range_close(&feed);
    r->loader.options.feed = NULL;
    return status;
}

static enum status run_range(struct run *r)
{
    enum status status = connect_lane(r);
    if (status == STATUS_OK)
        status = survey(r);
    for (uint64_t from = r->counts->from; status == STATUS_OK && from <= r->counts->to;
         from = r->stretch.to + 1) {
        status = measure(r, from);
        if (status == STATUS_OK && r->options->sink->look_up)
            status = list_ids(r);
        if (status == STATUS_OK)
            status = deliver_stretch(r);
    }
    return status;
}

/* Whose positions they are: the newest segment says it, or else another. */
static enum status identify(struct run *r)
{
    static const uint8_t nobody[UUID_BYTES];
    struct spool_verify_options options = {
        .depth = SPOOL_DEPTH_LIST, .from = UINT64_MAX, .to = UINT64_MAX};
    struct spool_verify_result result;
    enum status status = spool_verify_dir(r->options->dir, &options, &result);
    options.from = 0;
    if (status == STATUS_OK && memcmp(result.spool_uid, nobody, UUID_BYTES) == 0)
        status = spool_verify_dir(r->options->dir, &options, &result);
    if (status != STATUS_OK)
        return spool_failed(r, status == STATUS_NOT_FOUND ? STATUS_IO : status);
    memcpy(r->spool_uid, result.spool_uid, UUID_BYTES);
    return STATUS_OK;
}

static enum status run_lane(struct run *r)
{
    const struct sink *sink = r->options->sink;
    struct sink_config config = r->options->config;
    config.spool_uid = r->spool_uid;
    config.replay = &r->replay;
    void *lane = sink->open(&config, r->problem);
    if (!lane)
        return STATUS_CONFIG;
    sink_loader_init(&r->loader,
                     &(struct sink_loader_options){.sink = sink,
                                                   .lane = lane,
                                                   .spool_uid = r->spool_uid,
                                                   .load_events = r->options->load_events,
                                                   .load_bytes = r->options->load_bytes,
                                                   .hooks = &replay_hooks,
                                                   .owner = r});
    enum status status = run_range(r);
    sink_loader_fini(&r->loader);
    sink->close(lane);
    return status;
}

enum status sink_replay_run(const struct sink_replay_options *options,
                            struct sink_replay_counts *counts, struct sink_problem *problem)
{
    struct run *r = calloc(1, sizeof *r);
    if (!r)
        return STATUS_NO_MEMORY;
    ensure(options->sink->replays);
    *counts = (struct sink_replay_counts){0};
    r->magic = RUN_MAGIC;
    r->options = options;
    r->counts = counts;
    r->problem = problem;
    r->last = UINT64_MAX;
    r->replay.dry_run = options->dry_run;
    enum status status = identify(r);
    if (status == STATUS_OK)
        status = run_lane(r);
    sink_held_destroy(r->replay.held);
    object_end(&r->magic);
    free(r);
    return status;
}
