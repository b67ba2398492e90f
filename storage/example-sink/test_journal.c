/* test_journal.c: the sink driven as the server drives it: connect, loads, ends in the middle. */
#include <storage/sink.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUIRE(holds) require(holds, #holds, __LINE__)

static char folder[] = "/tmp/test-journal-XXXXXX";
static char path[64], position[80];
static const uint8_t spool[16] = {1}, other_spool[16] = {2};
static uint8_t batch_uid[16], event_uid[16];
static const struct sink *sink;
static unsigned events, lost_from; /* of each batch */

static void require(bool holds, const char *what, int line)
{
    if (holds)
        return;
    printf("line %d: %s does not hold\n", line, what);
    exit(1);
}

static void begin(const struct sink_load *load, size_t batch, struct sink_iterator *iterator)
{
    iterator->batch = &load->batches[batch];
    iterator->state[0] = NULL;
}

static enum sink_next next(struct sink_iterator *iterator, struct event_item *item)
{
    uintptr_t n = (uintptr_t)iterator->state[0];
    iterator->state[0] = (void *)(n + 1);
    if (n >= lost_from)
        return SINK_NEXT_LOST;
    if (n == events)
        return SINK_NEXT_END;
    *item = (struct event_item){.is_reject = n + 1 == events};
    if (item->is_reject) {
        item->reject.index = (uint32_t)n;
        item->reject.code = SLICE_LITERAL("malformed");
        item->reject.detail = SLICE_LITERAL("a \"quote\" and a \n line");
        return SINK_NEXT_ITEM;
    }
    EVENT_SET(&item->event, event_uid, slice_make(event_uid, sizeof event_uid));
    EVENT_SET(&item->event, event_name, SLICE_LITERAL("DOOR"));
    EVENT_SET(&item->event, batch_index, (int64_t)n);
    return SINK_NEXT_ITEM;
}

static void *open_lane(const uint8_t *spool_uid, struct sink_position *there,
                       enum sink_result expected)
{
    const struct sink_setting settings[] = {{"path", path}, {NULL, NULL}};
    const struct sink_config config = {
        .struct_size = sizeof config, .lanes = 1, .spool_uid = spool_uid, .settings = settings};
    struct sink_problem problem = {0};
    void *lane = sink->open(&config, &problem);
    REQUIRE(lane != NULL);
    *there = (struct sink_position){0};
    enum sink_result result = sink->connect(lane, there, &problem);
    if (result != expected)
        printf("connect: %d, %s\n", result, problem.text);
    REQUIRE(result == expected);
    return lane;
}

static enum sink_result deliver(void *lane, uint64_t at)
{
    struct sink_problem problem = {0};
    const struct sink_batch batch = {
        .position = at, .batch_uid = batch_uid, .tenant = SLICE_LITERAL("oem")};
    const struct sink_load load = {.struct_size = sizeof load,
                                   .batches = &batch,
                                   .batch_count = 1,
                                   .event_count = events,
                                   .spool_uid = spool,
                                   .begin = begin,
                                   .next = next};
    return sink->deliver(lane, &load, &problem);
}

static size_t lines(void)
{
    size_t n = 0;
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    for (int c; (c = fgetc(file)) != EOF;)
        n += c == '\n';
    fclose(file);
    return n;
}

static void append(const char *text)
{
    FILE *file = fopen(path, "a");
    REQUIRE(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void loads_are_kept_with_their_position(void)
{
    struct sink_position there;
    void *lane = open_lane(spool, &there, SINK_DELIVERED);
    REQUIRE(there.position == 0);
    REQUIRE(deliver(lane, 7) == SINK_DELIVERED && deliver(lane, 8) == SINK_DELIVERED);
    sink->close(lane);
    REQUIRE(lines() == 2 * events);
    lane = open_lane(spool, &there, SINK_DELIVERED);
    REQUIRE(there.known && there.position == 8 && !memcmp(there.batch_uid, batch_uid, 16));
    sink->close(lane);
}

static void what_was_being_written_at_an_end_is_cut_off(void)
{
    struct sink_position there;
    size_t before = lines();
    append("{\"kind\":\"event\"}\n{\"kind\":\"ev");
    void *lane = open_lane(spool, &there, SINK_DELIVERED);
    REQUIRE(there.position == 8 && lines() == before);
    REQUIRE(deliver(lane, 9) == SINK_DELIVERED && lines() == before + events);
    sink->close(lane);
}

static void load_that_cannot_be_read_leaves_nothing(void)
{
    struct sink_position there;
    size_t before = lines();
    void *lane = open_lane(spool, &there, SINK_DELIVERED);
    lost_from = events / 2;
    REQUIRE(deliver(lane, 10) == SINK_LATER);
    lost_from = UINT32_MAX;
    sink->close(lane);
    lane = open_lane(spool, &there, SINK_DELIVERED);
    REQUIRE(there.position == 9 && lines() == before);
    sink->close(lane);
}

static void two_servers_do_not_write_at_once(void)
{
    struct sink_position there;
    void *lane = open_lane(spool, &there, SINK_DELIVERED);
    sink->close(open_lane(spool, &there, SINK_LATER));
    sink->close(lane);
}

static void position_of_another_spool_is_none(void)
{
    struct sink_position there;
    size_t before = lines();
    sink->close(open_lane(other_spool, &there, SINK_DELIVERED));
    REQUIRE(!there.known && there.position == 0 && lines() == before);
}

static void files_that_no_crash_explains_need_a_person(void)
{
    struct sink_position there;
    struct stat size;
    REQUIRE(stat(path, &size) == 0 && truncate(path, size.st_size - 1) == 0);
    sink->close(open_lane(spool, &there, SINK_BROKEN));
    append("x");
    REQUIRE(unlink(position) == 0);
    sink->close(open_lane(spool, &there, SINK_BROKEN));
    REQUIRE(stat(path, &size) == 0 && size.st_size > 0);
}

int main(void)
{
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/lines", folder);
    snprintf(position, sizeof position, "%s.position", path);
    memset(batch_uid, 0xab, sizeof batch_uid);
    sink = vsoc_sink_plugin();
    events = 2000; /* more than one flush */
    lost_from = UINT32_MAX;
    loads_are_kept_with_their_position();
    what_was_being_written_at_an_end_is_cut_off();
    load_that_cannot_be_read_leaves_nothing();
    two_servers_do_not_write_at_once();
    position_of_another_spool_is_none();
    files_that_no_crash_explains_need_a_person();
    unlink(path);
    unlink(position);
    return rmdir(folder);
}
