/* test_sink_loader.c: the way from a feed into a sink, with a feed of the test's own: the loader
 * knows nothing of a spool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/thread.h"
#include "storage/sinks/sink_loader.h"

#define RECORDS_MAX 16
#define EVENTS      3

/* A feed that does what the test says: records 1 … count. */
static struct script {
    struct feed feed;
    unsigned count;
    uint64_t seen, committed;
    enum feed_status at_end;
    bool undecodable[RECORDS_MAX + 1];
    bool unreadable[RECORDS_MAX + 1]; /* found by its body only */
    uint64_t newer;                   /* record with events of a version that is not known */
    uint64_t fails_at;                /* can't be read, 0: none */
    unsigned fail_commits, commits, given_back, waits;
    int64_t waited_ns;
    unsigned grow_by; /* records that come while it waits */
} script;

static struct writer encoded;

static enum feed_status script_peek(struct feed *feed, struct feed_item *item)
{
    uint64_t next = script.seen + 1;
    assert_ptr_equal(feed, &script.feed);
    if (next > script.count)
        return script.at_end;
    if (next == script.fails_at) {
        feed->status = STATUS_IO;
        problem_say(&feed->problem, "record %u can't be read", (unsigned)next);
        return FEED_FAILED;
    }
    if (script.undecodable[next]) {
        script.seen = next;
        return FEED_UNDECODABLE;
    }
    *item = (struct feed_item){next, EVENTS};
    return FEED_ITEM;
}

static enum feed_status script_next(struct feed *feed, struct batch_record *record)
{
    (void)feed;
    script.seen++;
    if (script.unreadable[script.seen])
        return FEED_UNDECODABLE;
    static const uint8_t version[] = {0xff, 0xff, 0xff, 0xff};
    *record = (struct batch_record){
        .meta = {.position = script.seen, .received_ns = (int64_t)script.seen, .accepted = EVENTS},
        .events = script.seen == script.newer ? slice_make(version, sizeof version)
                                              : writer_slice(&encoded)};
    record->meta.batch_uid[0] = (uint8_t)script.seen;
    return FEED_ITEM;
}

static void script_give_back(struct feed *feed, enum status why)
{
    script.given_back++;
    script.seen--;
    feed->status = why;
    problem_say(&feed->problem, "record %u: %s", (unsigned)script.seen + 1, status_text(why));
}

static bool script_wait(struct feed *feed, int64_t timeout_ns)
{
    (void)feed;
    script.waits++;
    script.waited_ns = timeout_ns;
    script.count += script.grow_by;
    return script.grow_by > 0;
}

static enum status script_commit(struct feed *feed)
{
    script.commits++;
    if (script.fail_commits) {
        script.fail_commits--;
        feed->status = STATUS_BUSY;
        problem_say(&feed->problem, "the offsets can't be stored");
        return STATUS_BUSY;
    }
    script.committed = script.seen;
    return STATUS_OK;
}

static const struct feed_ops script_ops = {script_peek, script_next, script_give_back, script_wait,
                                           script_commit};

/* A sink that does what the test says. */
static struct {
    enum sink_result connects, delivers; /* what it answers */
    unsigned connect_calls, loads;
    uint64_t last;                    /* position of the last batch that it took */
    unsigned copies[RECORDS_MAX + 1]; /* of each batch */
    size_t batches;                   /* of the last load */
    uint64_t committed_before;        /* to the feed, when the load came */
    bool keeps;                       /* it takes the load although it answers otherwise */
    struct sink_rejected rejected;
    unsigned reject_times;
    size_t marked; /* rejected in the last load */
} other;

static enum sink_result other_connect(void *lane, struct sink_position *there,
                                      struct sink_problem *problem)
{
    (void)lane;
    other.connect_calls++;
    there->known = true;
    there->position = other.last;
    snprintf(problem->text, sizeof problem->text, "not connected");
    return other.connects;
}

static enum sink_result other_deliver(void *lane, const struct sink_load *load,
                                      struct sink_problem *problem)
{
    (void)lane;
    other.loads++;
    other.batches = load->batch_count;
    other.marked = load->rejected_count;
    other.committed_before = script.committed;
    snprintf(problem->text, sizeof problem->text, "not delivered");
    if (other.reject_times) {
        other.reject_times--;
        problem->rejected = other.rejected;
        return SINK_REJECTED;
    }
    if (other.delivers == SINK_DELIVERED || other.keeps) {
        for (size_t i = 0; i < load->batch_count; i++)
            other.copies[load->batches[i].position]++;
        other.last = load->batches[load->batch_count - 1].position;
    }
    return other.delivers;
}

static const struct sink other_sink = {
    .name = "other", .connect = other_connect, .deliver = other_deliver};

/* The owner. */
static struct {
    unsigned delivered, rejected, unmarked, tried;
    enum sink_result ready;
    bool settles; /* finds that the sink has the load in hand */
} owner;

static struct sink_loader loader;

static enum sink_result on_connected(void *arg, const struct sink_position *there,
                                     struct sink_problem *problem)
{
    (void)problem;
    assert_ptr_equal(arg, &owner);
    const struct sink_load *load = &loader.gather.load;
    if (owner.settles && load->batch_count && loader.tried &&
        sink_load_end(load).position == there->position)
        sink_loader_settle(&loader);
    return SINK_DELIVERED;
}

static enum sink_result on_ready(void *arg, struct sink_problem *problem)
{
    (void)arg;
    snprintf(problem->text, sizeof problem->text, "not ready");
    return owner.ready;
}

static void on_tried(void *arg, double seconds)
{
    (void)arg;
    assert_true(seconds >= 0);
    owner.tried++;
}

static void on_rejected(void *arg, size_t events, const struct sink_rejected *first)
{
    (void)arg;
    assert_string_equal(first->reason, "not delivered");
    owner.rejected += (unsigned)events;
}

static void on_unmarked(void *arg, const struct sink_rejected *rejected, enum status why)
{
    (void)arg;
    (void)rejected;
    assert_int_equal(why, STATUS_EXISTS);
    owner.unmarked++;
}

static void on_delivered(void *arg)
{
    (void)arg;
    assert_true(loader.gather.load.batch_count > 0);
    owner.delivered++;
}

static const struct sink_loader_hooks hooks = {on_connected, on_ready,    on_tried,
                                               on_rejected,  on_unmarked, on_delivered};

static const uint8_t spool_uid[UUID_BYTES] = {7};

static void make_loader(uint32_t load_events, int64_t load_interval_ns)
{
    sink_loader_fini(&loader);
    sink_loader_init(&loader, &(struct sink_loader_options){.sink = &other_sink,
                                                            .feed = &script.feed,
                                                            .spool_uid = spool_uid,
                                                            .load_events = load_events,
                                                            .load_bytes = 1 << 20,
                                                            .load_interval_ns = load_interval_ns,
                                                            .hooks = &hooks,
                                                            .owner = &owner});
}

static int setup(void **state)
{
    (void)state;
    struct event_encoder encoder;
    struct event event;
    writer_init(&encoded, 1 << 16);
    event_encoder_init(&encoder, &encoded);
    for (int i = 0; i < EVENTS; i++) {
        event_clear(&event);
        EVENT_SET(&event, batch_index, i);
        event_encoder_add(&encoder, &event);
    }
    script = (struct script){.feed = {.ops = &script_ops}, .at_end = FEED_END};
    memset(&other, 0, sizeof other);
    memset(&owner, 0, sizeof owner);
    other.connects = other.delivers = owner.ready = SINK_DELIVERED;
    make_loader(100, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sink_loader_fini(&loader);
    writer_fini(&encoded);
    return 0;
}

/* Turns until one says something else than that it goes on. */
static enum loader_turn run(void)
{
    enum loader_turn turn;
    for (unsigned turns = 0; (turn = sink_loader_turn(&loader)) == LOADER_GOES_ON; turns++)
        assert_in_range(turns, 0, 100);
    return turn;
}

static void assert_copies(unsigned first, unsigned last, unsigned copies)
{
    for (unsigned i = first; i <= last; i++)
        if (other.copies[i] != copies)
            fail_msg("batch %u is there %u times", i, other.copies[i]);
}

static void feed_with_an_end_is_loaded_and_committed(void **state)
{
    (void)state;
    script.count = 10;
    make_loader(2 * EVENTS, 0);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 10, 1);
    assert_int_equal(other.loads, 5);
    assert_int_equal(owner.delivered, 5);
    assert_int_equal(owner.tried, 5);
    assert_int_equal(script.committed, 10);
    assert_int_equal(other.committed_before, 8); /* not before the sink had confirmed */
    assert_int_equal(run(), LOADER_END);
    assert_int_equal(script.commits, 5);
    assert_int_equal(script.waits, 0);
}

static void record_that_does_not_fit_is_held_back_for_the_next_load(void **state)
{
    (void)state;
    script.count = 3;
    make_loader(2 * EVENTS + 1, 0);
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(other.batches, 2);
    assert_int_equal(script.committed, 2);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 3, 1);
}

static void undecodable_records_are_passed_and_their_neighbours_loaded(void **state)
{
    (void)state;
    script.count = 6;
    script.undecodable[2] = script.unreadable[4] = script.undecodable[6] = true;
    assert_int_equal(run(), LOADER_END);
    for (unsigned i = 1; i <= 6; i++)
        assert_copies(i, i, i % 2);
    assert_int_equal(other.loads, 1);
    assert_int_equal(script.committed, 6);
}

static void feed_of_undecodable_records_alone_delivers_nothing(void **state)
{
    (void)state;
    script.count = 3;
    for (unsigned i = 1; i <= 3; i++)
        script.undecodable[i] = true;
    assert_int_equal(run(), LOADER_END);
    assert_int_equal(other.loads, 0);
    assert_int_equal(script.commits, 0);
}

static void feed_without_a_record_yet_is_waited_for(void **state)
{
    (void)state;
    script.at_end = FEED_NONE;
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(script.waits, 1);
    assert_true(script.waited_ns == NS_PER_S);
    script.grow_by = 2; /* and the first of them waits load_interval_ns for more: not at all */
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_copies(1, 2, 1);
    assert_int_equal(script.waits, 2);
    assert_int_equal(script.committed, 2);
}

static void load_waits_for_more_records_as_long_as_it_may(void **state)
{
    (void)state;
    script.count = 1;
    script.at_end = FEED_NONE;
    script.grow_by = 1;
    make_loader(4 * EVENTS, 3600 * NS_PER_S);
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(other.batches, 4);
    assert_int_equal(script.waits, 3);
    assert_true(script.waited_ns > 3599 * NS_PER_S && script.waited_ns <= 3600 * NS_PER_S);
}

static void stopping_feed_is_loaded_to_its_end_without_a_wait(void **state)
{
    (void)state;
    script.count = 5;
    script.at_end = FEED_STOPPING;
    make_loader(2 * EVENTS, 3600 * NS_PER_S);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 5, 1);
    assert_int_equal(script.committed, 5);
    assert_int_equal(script.waits, 0);
}

static void load_that_failed_is_delivered_again_before_anything_else_is_read(void **state)
{
    (void)state;
    script.count = 2;
    other.delivers = SINK_LATER;
    assert_int_equal(run(), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_LATER);
    assert_string_equal(loader.problem.text, "not delivered");
    assert_int_equal(script.commits, 0);
    assert_int_equal(loader.waiting_since_ns, 1); /* received_ns of the oldest */
    script.count = 4;
    other.delivers = SINK_DELIVERED;
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(other.batches, 2);
    assert_int_equal(other.connect_calls, 2);
    assert_int_equal(loader.waiting_since_ns, 0);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 4, 1);
}

static void load_that_the_sink_turns_out_to_have_is_committed_and_not_delivered(void **state)
{
    (void)state;
    script.count = 2;
    owner.settles = other.keeps = true;
    other.delivers = SINK_LATER;
    assert_int_equal(run(), LOADER_FAILED);
    other.delivers = SINK_DELIVERED;
    script.fail_commits = 1; /* nor after this */
    assert_int_equal(run(), LOADER_FAILED);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 2, 1);
    assert_int_equal(script.committed, 2);
    assert_int_equal(owner.delivered, 1);
}

static void commit_that_failed_is_tried_again_and_its_load_not_delivered(void **state)
{
    (void)state;
    script.count = 2;
    script.fail_commits = 2;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_LATER);
    assert_string_equal(loader.problem.text, "the offsets can't be stored");
    assert_int_equal(script.committed, 0);
    script.count = 4; /* not read before: the commit is for what was delivered */
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(script.seen, 2);
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 4, 1);
    assert_int_equal(script.committed, 4);
    assert_int_equal(owner.delivered, 2);
}

static void commit_that_fails_goes_on_without_the_sink(void **state)
{
    (void)state;
    script.count = 1;
    script.fail_commits = 1;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    other.connects = SINK_LATER;
    loader.connected = false;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_string_equal(loader.problem.text, "not connected");
    assert_int_equal(script.committed, 1);
}

static void feed_that_fails_is_read_again_and_what_came_before_is_loaded(void **state)
{
    (void)state;
    script.count = 3;
    script.fails_at = 2;
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(script.committed, 1);
    assert_int_equal(sink_loader_turn(&loader), LOADER_UNREADABLE);
    assert_string_equal(loader.problem.text, "record 2 can't be read");
    script.fails_at = 0;
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 3, 1);
}

static void record_of_a_newer_version_is_given_back_and_holds_the_feed(void **state)
{
    (void)state;
    script.count = 3;
    script.newer = 2;
    assert_int_equal(run(), LOADER_UNREADABLE);
    assert_int_equal(script.feed.status, STATUS_VERSION);
    assert_int_equal(script.committed, 1);
    assert_int_equal(script.seen, 1);
    assert_int_equal(script.given_back, 2); /* behind the first load, and alone */
    script.newer = 0;
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 3, 1);
}

static void sink_that_is_not_there_leaves_the_load_waiting(void **state)
{
    (void)state;
    script.count = 2;
    script.at_end = FEED_NONE;
    other.connects = SINK_LATER;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_LATER);
    assert_int_equal(loader.waiting_since_ns, 1);
    assert_false(loader.was_connected);
    assert_int_equal(script.waits, 0);
    other.connects = SINK_DELIVERED;
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_copies(1, 2, 1);
}

static void sink_and_feed_that_both_fail_report_the_feed_unless_settings_are_refused(void **state)
{
    (void)state;
    script.count = 1;
    script.fails_at = 1;
    other.connects = SINK_LATER;
    assert_int_equal(sink_loader_turn(&loader), LOADER_UNREADABLE);
    assert_string_equal(loader.problem.text, "record 1 can't be read");
    other.connects = SINK_MISCONFIGURED;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_MISCONFIGURED);
    assert_string_equal(loader.problem.text, "not connected");
}

static void owner_that_is_not_ready_delivers_nothing(void **state)
{
    (void)state;
    script.count = 1;
    owner.ready = SINK_BROKEN;
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_BROKEN);
    assert_string_equal(loader.problem.text, "not ready");
    assert_int_equal(other.loads, 0);
    owner.ready = SINK_DELIVERED;
    assert_int_equal(run(), LOADER_END);
    assert_copies(1, 1, 1);
}

static void rejected_event_is_marked_and_the_load_delivered_again(void **state)
{
    (void)state;
    script.count = 2;
    other.rejected = (struct sink_rejected){.batch = 1, .index = 2};
    other.reject_times = 1;
    assert_int_equal(run(), LOADER_END);
    assert_int_equal(owner.rejected, 1);
    assert_int_equal(other.marked, 1);
    assert_int_equal(other.loads, 2);
    assert_copies(1, 2, 1);
    assert_int_equal(script.commits, 1);
}

static void sink_that_refuses_a_marked_event_needs_a_person(void **state)
{
    (void)state;
    script.count = 1;
    other.reject_times = 2;
    assert_int_equal(sink_loader_turn(&loader), LOADER_GOES_ON);
    assert_int_equal(sink_loader_turn(&loader), LOADER_FAILED);
    assert_int_equal(loader.result, SINK_BROKEN);
    assert_int_equal(owner.unmarked, 1);
    assert_int_equal(script.commits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(feed_with_an_end_is_loaded_and_committed),
        TEST(record_that_does_not_fit_is_held_back_for_the_next_load),
        TEST(undecodable_records_are_passed_and_their_neighbours_loaded),
        TEST(feed_of_undecodable_records_alone_delivers_nothing),
        TEST(feed_without_a_record_yet_is_waited_for),
        TEST(load_waits_for_more_records_as_long_as_it_may),
        TEST(stopping_feed_is_loaded_to_its_end_without_a_wait),
        TEST(load_that_failed_is_delivered_again_before_anything_else_is_read),
        TEST(load_that_the_sink_turns_out_to_have_is_committed_and_not_delivered),
        TEST(commit_that_failed_is_tried_again_and_its_load_not_delivered),
        TEST(commit_that_fails_goes_on_without_the_sink),
        TEST(feed_that_fails_is_read_again_and_what_came_before_is_loaded),
        TEST(record_of_a_newer_version_is_given_back_and_holds_the_feed),
        TEST(sink_that_is_not_there_leaves_the_load_waiting),
        TEST(sink_and_feed_that_both_fail_report_the_feed_unless_settings_are_refused),
        TEST(owner_that_is_not_ready_delivers_nothing),
        TEST(rejected_event_is_marked_and_the_load_delivered_again),
        TEST(sink_that_refuses_a_marked_event_needs_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
