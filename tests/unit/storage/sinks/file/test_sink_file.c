/* test_sink_file.c: the file sink behind its runner on a real spool: lines, rotation, and each
 * event once across restarts and kill -9. */
#include "tests/support/made_load.h"
#include "tests/support/spool_fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/event/event_json.h"
#include "storage/sinks/sink_runner.h"
#include "storage/sinks/file/file_settings.h"

#define EVENTS 4     /* of a batch; the last one is a reject */
#define KEEP   20000 /* rotated files: more than any machine makes before it is killed */

static char path[320];
static struct sink_file_settings settings;

static int setup(void **state)
{
    if (fixture_setup(state) != 0)
        return -1;
    struct spool_fixture *f = *state;
    snprintf(path, sizeof path, "%s/out", f->dir);
    if (mkdir(path, 0700) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/out/events.ndjson", f->dir);
    settings =
        (struct sink_file_settings){.enabled = true, .path = path, .rotate_bytes = 0, .keep = KEEP};
    return 0;
}

static void fill_events(struct batch *batch)
{
    struct event_encoder encoder;
    struct event event;
    event_encoder_init(&encoder, &batch->events);
    for (uint32_t i = 0; i < EVENTS - 1; i++) {
        event_clear(&event);
        EVENT_SET(&event, batch_index, i);
        EVENT_SET(&event, event_name, SLICE_LITERAL("SEV_TEST"));
        event_encoder_add(&encoder, &event);
    }
    struct event_reject reject = {.index = EVENTS - 1,
                                  .raw = SLICE_LITERAL("{\"x\":"),
                                  .raw_size = 5,
                                  .code = SLICE_LITERAL("malformed"),
                                  .detail = SLICE_LITERAL("ends early")};
    event_encoder_reject(&encoder, &reject);
    assert_int_equal(batch->events.status, STATUS_OK);
}

static void put_batches(struct spool_fixture *f, unsigned count)
{
    unsigned back = 0;
    for (unsigned i = 0; i < count; i++) {
        struct batch *batch = batch_create(65536);
        assert_non_null(batch);
        fill_events(batch);
        uuid7_make(clock_wall_ns(), batch->meta.batch_uid);
        random_bytes(batch->meta.key, sizeof batch->meta.key);
        batch->meta.received_ns = clock_wall_ns();
        batch->meta.tenant = SLICE_LITERAL("oem \"a\"");
        batch->meta.format = SLICE_LITERAL("vsoc_json");
        batch->meta.accepted = EVENTS - 1;
        batch->meta.quarantined = 1;
        batch->reply_to = &f->replies;
        assert_int_equal(spool_submit(f->spool, &batch), STATUS_OK);
    }
    while (back < count) {
        struct mail *mail = mailbox_wait(&f->replies, 30 * NS_PER_S), *next;
        assert_non_null(mail);
        for (; mail; mail = next, back++) {
            next = mail->next;
            assert_int_equal(batch_from_mail(mail)->verdict, STATUS_OK);
            batch_destroy(batch_from_mail(mail));
        }
    }
}

static struct sink_runner *start_sink(struct spool_fixture *f, uint32_t load_events)
{
    struct sink_runner *runner = NULL;
    struct sink_problem problem;
    struct sink_runner_options options = {.sink = &sink_file,
                                          .config = {.instance = "test", .settings = &settings},
                                          .lanes = 1,
                                          .load_events = load_events,
                                          .load_bytes = 1 << 20,
                                          .load_interval_ns = NS_PER_MS};
    assert_int_equal(sink_runner_create(&options, f->spool, &runner, &problem), STATUS_OK);
    assert_int_equal(sink_runner_start(runner), STATUS_OK);
    return runner;
}

static void stop_sink(struct sink_runner *runner)
{
    assert_true(sink_runner_stop(runner, clock_monotonic_ns() + 30 * NS_PER_S, INT64_MAX));
    sink_runner_destroy(runner);
}

static void run_to_the_end(struct spool_fixture *f, unsigned batches)
{
    fixture_open(f);
    put_batches(f, batches);
    stop_sink(start_sink(f, 100));
    fixture_close(f);
}

/* Lines of the file and its rotated ones: each once, by event id or batch id. */
struct count {
    json_t *seen;
    unsigned events, rejects, twice;
};

static void count_line(struct count *count, const char *line)
{
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    if (!object)
        fail_msg("%s: %s", error.text, line);
    const json_t *quarantine = json_object_get(object, "quarantine");
    const char *id = json_string_value(quarantine ? json_object_get(quarantine, "batch_uid")
                                                  : json_object_get(object, "event_uid"));
    assert_non_null(id);
    *(quarantine ? &count->rejects : &count->events) += 1;
    count->twice += json_object_get(count->seen, id) != NULL;
    json_object_set_new(count->seen, id, json_true());
    json_decref(object);
}

static void count_file(struct count *count, const char *name)
{
    static char line[65536];
    FILE *file = fopen(name, "r");
    if (!file)
        return;
    while (fgets(line, sizeof line, file))
        count_line(count, line);
    fclose(file);
}

static void assert_each_once(unsigned batches)
{
    struct count count = {.seen = json_object()};
    count_file(&count, path);
    for (unsigned i = 1; i <= KEEP; i++) {
        char name[400];
        snprintf(name, sizeof name, "%s.%u", path, i);
        count_file(&count, name);
    }
    json_decref(count.seen);
    assert_int_equal(count.twice, 0);
    assert_int_equal(count.events, batches * (EVENTS - 1));
    assert_int_equal(count.rejects, batches);
}

static void events_and_rejects_are_lines_of_json(void **state)
{
    run_to_the_end(*state, 1);
    static char line[65536];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    json_t *event = json_loads(line, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(event, "tenant_id")), "oem \"a\"");
    assert_string_equal(json_string_value(json_object_get(event, "event_name")), "SEV_TEST");
    for (int i = 0; i < EVENTS - 1; i++)
        assert_non_null(fgets(line, sizeof line, file));
    json_t *last = json_loads(line, 0, NULL), *reject = json_object_get(last, "quarantine");
    assert_string_equal(json_string_value(json_object_get(reject, "code")), "malformed");
    assert_string_equal(json_string_value(json_object_get(reject, "tenant_id")), "oem \"a\"");
    assert_string_equal(json_string_value(json_object_get(reject, "batch_uid")),
                        json_string_value(json_object_get(event, "batch_uid")));
    assert_int_equal(json_integer_value(json_object_get(reject, "index")), EVENTS - 1);
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
    json_decref(last);
    json_decref(event);
}

static void restarts_and_rotation_keep_each_event_once(void **state)
{
    settings.rotate_bytes = 2000;
    for (unsigned round = 0; round < 5; round++) {
        run_to_the_end(*state, 20);
        FILE *file = fopen(path, "a");
        assert_non_null(file);
        fputs("{\"left by\": \"a crash", file);
        fclose(file);
    }
    run_to_the_end(*state, 0);
    run_to_the_end(*state, 1);
    assert_each_once(101);
}

/* A byte goes to written for each three batches, while somebody reads them. */
static void write_until_killed(struct spool_fixture *f, int written)
{
    fixture_open(f);
    start_sink(f, 8);
    for (;;) {
        put_batches(f, 3);
        (void)!write(written, "", 1);
    }
}

/* Positions have gaps where a kill left a torn record, so the batches are counted. */
static unsigned batches_in_spool(struct spool_fixture *f)
{
    struct spool_reader *reader;
    struct batch_record record;
    unsigned count = 0;
    assert_int_equal(spool_reader_open(f->spool, 0, &reader), STATUS_OK);
    while (spool_reader_next(reader, &record) == STATUS_OK)
        count++;
    spool_reader_close(reader);
    return count;
}

/* The process dies at any point of writing, recording and rotating. */
static void kill_9_keeps_each_event_once(void **state)
{
    struct spool_fixture *f = *state;
    settings.rotate_bytes = 8000;
    for (unsigned round = 0; round < 15; round++) {
        int written[2];
        char byte;
        assert_int_equal(pipe2(written, O_CLOEXEC | O_NONBLOCK), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(f, written[1]);
        close(written[1]);
        assert_int_equal(poll(&(struct pollfd){written[0], POLLIN, 0}, 1, -1), 1);
        assert_int_equal(read(written[0], &byte, 1), 1); /* 0: it died by itself */
        nanosleep(&(struct timespec){.tv_nsec = 20000000 + 7000000 * round}, NULL);
        kill(child, SIGKILL);
        close(written[0]);
        int result;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_true(WIFSIGNALED(result));
        assert_int_equal(WTERMSIG(result), SIGKILL);
    }
    settings.rotate_bytes = 0;
    run_to_the_end(f, 1);
    fixture_open(f);
    unsigned batches = batches_in_spool(f);
    assert_true(batches > 15);
    assert_each_once(batches);
}

static void missing_path_is_a_wrong_setting(void **state)
{
    struct spool_fixture *f = *state;
    struct sink_problem problem;
    struct sink_runner *runner;
    struct sink_runner_options options = {
        .sink = &sink_file, .config = {.settings = &settings}, .lanes = 1};
    fixture_open(f);
    settings.path = NULL;
    assert_int_equal(sink_runner_create(&options, f->spool, &runner, &problem), STATUS_CONFIG);
    assert_non_null(strstr(problem.text, "sinks.file.path is not set"));
    settings.path = path;
    options.lanes = 2;
    assert_int_equal(sink_runner_create(&options, f->spool, &runner, &problem), STATUS_CONFIG);
}

static void missing_directory_waits_for_a_person(void **state)
{
    struct spool_fixture *f = *state;
    char problem[512] = "";
    int64_t since, end = clock_monotonic_ns() + 160 * NS_PER_S;
    settings.path = "/nonexistent/events.ndjson";
    fixture_open(f);
    put_batches(f, 1);
    struct sink_runner *runner = start_sink(f, 8);
    while (sink_runner_up(runner, &since, problem) || strcmp(problem, SINK_NOT_TRIED) == 0) {
        assert_true(clock_monotonic_ns() < end);
        sched_yield();
    }
    assert_non_null(
        strstr(problem, "/nonexistent/events.ndjson: No such file or directory; check"));
    stop_sink(runner);
}

static void load_that_cannot_be_read_is_kept_whole_or_not_at_all(void **state)
{
    (void)state;
    static const uint8_t spool_uid[16] = {1};
    const struct sink_config config = {
        .struct_size = sizeof config, .lanes = 1, .spool_uid = spool_uid, .settings = &settings};
    struct sink_problem problem = {0};
    struct sink_position there = {0};
    struct stat file;
    /* Two batches of 20 items; the lines before the lost one are more than the sink buffers. */
    struct made_load m = {.first = 1,
                          .batches = 2,
                          .events = 20,
                          .health = -1,
                          .large = 0,
                          .large_bytes = 3 << 20,
                          .lost = true,
                          .lost_from = 10};
    void *lane = sink_file.open(&config, &problem);
    assert_non_null(lane);
    assert_int_equal(sink_file.connect(lane, &there, &problem), SINK_DELIVERED);
    made_load_make(&m, spool_uid);
    assert_int_equal(sink_file.deliver(lane, &m.load, &problem), SINK_LATER);
    assert_string_equal(problem.text, "events can't be read from the spool now");
    assert_int_equal(sink_file.connect(lane, &there, &problem), SINK_DELIVERED);
    assert_int_equal(there.position, 0);
    assert_int_equal(stat(path, &file), 0);
    off_t empty = file.st_size;
    assert_true(empty < 4096);
    m.lost = false;
    assert_int_equal(sink_file.deliver(lane, &m.load, &problem), SINK_DELIVERED);
    there = (struct sink_position){0};
    assert_int_equal(sink_file.connect(lane, &there, &problem), SINK_DELIVERED);
    made_load_free(&m);
    sink_file.close(lane);
    lane = sink_file.open(&config, &problem);
    assert_int_equal(sink_file.connect(lane, &there, &problem), SINK_DELIVERED);
    assert_int_equal(there.position, 2);
    sink_file.close(lane);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_and_rejects_are_lines_of_json),
        TEST(restarts_and_rotation_keep_each_event_once),
        TEST(kill_9_keeps_each_event_once),
        TEST(missing_path_is_a_wrong_setting),
        TEST(missing_directory_waits_for_a_person),
        TEST(load_that_cannot_be_read_is_kept_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
