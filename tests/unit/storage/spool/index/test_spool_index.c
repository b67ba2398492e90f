/* Indexes of segments: a start by them equals a start by reading, a bad one is never believed, and
 * nothing waits for one. */
#include "tests/support/spool_fixture.h"

#include "storage/spool/index/spool_index.h"
#include "storage/spool/spool_internal.h"

#define SEGMENT_BYTES 12000
#define PLACES_MAX    400

/* All that a start finds. */
struct found {
    struct spool_segment segments[64];
    size_t count;
    struct spool_tail tail;
    uint64_t events, corrupt, position, floor;
    bool continues;
    uint8_t uid[UUID_BYTES];
    struct batch_meta places[PLACES_MAX];
    size_t place_count;
};

static void note_place(void *arg, const struct batch_meta *meta)
{
    struct found *found = arg;
    assert_true(found->place_count < PLACES_MAX);
    struct batch_meta *place = &found->places[found->place_count++];
    memcpy(place->key, meta->key, 8);
    place->position = meta->position;
    place->offset = meta->offset;
    place->ingested_ns = meta->ingested_ns;
}

/* Opens the directory and notes what was found; the spool stays open. */
static void look(const char *dir, struct found *found, struct spool **spool)
{
    struct problem problem;
    struct spool_options options = {.dir = dir,
                                    .segment_bytes = SEGMENT_BYTES,
                                    .max_bytes = UINT64_C(1) << 30,
                                    .queue_batches = 1000,
                                    .queue_bytes = SIZE_MAX / 2};
    memset(found, 0, sizeof *found);
    assert_int_equal(spool_open(&options, note_place, found, spool, &problem), STATUS_OK);
    const struct spool *s = *spool;
    found->count = s->shared.segment_count;
    assert_true(found->count < 64);
    for (size_t i = 0; i < found->count; i++) {
        found->segments[i] = s->shared.segments[i];
        found->segments[i].indexed = found->segments[i].no_index = false;
    }
    found->tail = s->writer.durable;
    if (s->writer.fd < 0)
        found->tail.offset = 0; /* of no use */
    found->events = s->shared.events;
    found->corrupt = s->shared.corrupt_segments;
    found->position = s->now.position;
    found->floor = s->writer.stored.floor;
    found->continues = s->writer.fd >= 0;
    memcpy(found->uid, s->uid, UUID_BYTES);
}

static void expect_equal(const struct found *a, const struct found *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct spool_segment *x = &a->segments[i], *y = &b->segments[i];
        assert_int_equal(x->first_position, y->first_position);
        assert_int_equal(x->tag, y->tag);
        assert_int_equal(x->file_bytes, y->file_bytes);
        assert_int_equal(x->end, y->end);
        assert_int_equal(x->oldest, y->oldest);
        assert_int_equal(x->newest, y->newest);
        assert_int_equal(x->records, y->records);
        assert_int_equal(x->events_before, y->events_before);
        assert_int_equal(x->oldest_ns, y->oldest_ns);
        assert_int_equal(x->newest_ns, y->newest_ns);
    }
    assert_int_equal(a->tail.position, b->tail.position);
    assert_int_equal(a->tail.events, b->tail.events);
    assert_int_equal(a->tail.offset, b->tail.offset);
    assert_memory_equal(a->tail.chain, b->tail.chain, SHA256_BYTES);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->corrupt, b->corrupt);
    assert_int_equal(a->position, b->position);
    assert_int_equal(a->floor, b->floor);
    assert_int_equal(a->continues, b->continues);
    assert_memory_equal(a->uid, b->uid, UUID_BYTES);
    assert_int_equal(a->place_count, b->place_count);
    for (size_t i = 0; i < a->place_count; i++)
        assert_memory_equal(&a->places[i], &b->places[i], sizeof a->places[i]);
}

static bool is_index(const char *name)
{
    return strstr(name, ".idx") || strstr(name, ".keys");
}

static void set_time(const char *path, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* A copy of the directory with the times of its files, without what is under corrupt/. */
static void copy_dir(const char *from, const char *to, bool with_indexes)
{
    assert_int_equal(mkdir(to, 0750), 0);
    DIR *d = opendir(from);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char source[600], target[600];
        struct stat st;
        size_t size;
        snprintf(source, sizeof source, "%.300s/%.255s", from, e->d_name);
        snprintf(target, sizeof target, "%.300s/%.255s", to, e->d_name);
        if (stat(source, &st) != 0 || !S_ISREG(st.st_mode) ||
            (!with_indexes && is_index(e->d_name)))
            continue;
        uint8_t *bytes = fixture_load(source, &size);
        fixture_store(target, bytes, size);
        free(bytes);
        set_time(target, &st);
    }
    closedir(d);
}

static struct found by_index, by_reading;

/* The directory is opened as it is, and a copy of it without indexes; twice each. */
static void expect_the_same_start(struct spool_fixture *f)
{
    char other[300];
    struct spool *a, *b;
    snprintf(other, sizeof other, "%s-read", f->dir);
    copy_dir(f->dir, other, false);
    for (int turn = 0; turn < 2; turn++) {
        look(f->dir, &by_index, &a);
        look(other, &by_reading, &b);
        spool_close(a);
        spool_close(b);
        expect_equal(&by_index, &by_reading);
    }
    fixture_remove_tree(other);
}

/* Some segments, closed in order. */
static void make(struct spool_fixture *f, unsigned batches)
{
    f->options.segment_bytes = SEGMENT_BYTES;
    fixture_open(f);
    fixture_put_many(f, batches);
    fixture_close(f);
}

static const char *index_path(struct spool_fixture *f, uint64_t first, const char *suffix)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%020" PRIu64 "%s", f->dir, first, suffix);
    return path;
}

static unsigned count_files(struct spool_fixture *f, const char *suffix)
{
    unsigned n = 0;
    DIR *d = opendir(f->dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t size = strlen(e->d_name), end = strlen(suffix);
        n += size > end && strcmp(e->d_name + size - end, suffix) == 0;
    }
    closedir(d);
    return n;
}

static void clean_stop_leaves_an_index_of_every_segment(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 120);
    assert_true(count_files(f, ".seg") > 6);
    assert_int_equal(count_files(f, ".idx"), count_files(f, ".seg"));
    expect_the_same_start(f);
}

static void start_in_an_empty_and_a_young_spool_is_the_same(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 0);
    assert_int_equal(count_files(f, ".idx"), 0);
    make(f, 1);
    expect_the_same_start(f);
}

/* Sealed segments are overwritten without a trace in size and time: the start does not see it. */
static void nothing_of_sealed_segments_is_read_after_a_clean_stop(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    make(f, 120);
    look(f->dir, &by_reading, &spool);
    spool_close(spool);
    for (size_t n = 0; n + 1 < by_reading.count; n++) {
        const char *path = fixture_nth_segment(f, n);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        uint8_t *bytes = malloc((size_t)st.st_size);
        memset(bytes, 0xa5, (size_t)st.st_size);
        fixture_store(path, bytes, (size_t)st.st_size);
        free(bytes);
        set_time(path, &st);
    }
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    assert_int_equal(by_index.place_count, 120);
    expect_equal(&by_index, &by_reading);
}

/* Its records are overwritten without a trace: the start goes on behind them and does not see it.
 */
static void last_segment_is_not_read_after_a_clean_stop(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    struct stat st;
    size_t size;
    make(f, 5);
    look(f->dir, &by_reading, &spool);
    spool_close(spool);
    const char *path = fixture_segment(f, 1);
    assert_int_equal(stat(path, &st), 0);
    uint8_t *bytes = fixture_load(path, &size);
    memset(bytes + SPOOL_SEGMENT_HEADER_BYTES, 0xa5,
           by_reading.tail.offset - SPOOL_SEGMENT_HEADER_BYTES);
    fixture_store(path, bytes, size);
    free(bytes);
    set_time(path, &st);
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    assert_int_equal(by_index.place_count, 5);
    expect_equal(&by_index, &by_reading);
}

/* The last segment goes on: its index is gone before the first new record. */
static void last_segment_has_no_index_while_it_is_written(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 5);
    assert_int_equal(count_files(f, ".idx"), 1);
    fixture_open(f);
    assert_int_equal(count_files(f, ".idx"), 0);
    fixture_put_many(f, 5);
    fixture_close(f);
    expect_the_same_start(f);
    assert_int_equal(by_index.place_count, 10);
}

static void change_byte(const char *path, size_t at, uint8_t with)
{
    size_t size;
    uint8_t *bytes = fixture_load(path, &size);
    assert_true(at < size);
    bytes[at] ^= with;
    fixture_store(path, bytes, size);
    free(bytes);
}

/* Damage of segments, anywhere, is found in spite of their indexes. */
static void damage_of_a_segment_is_found_as_without_an_index(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 120);
    struct timespec wait = {.tv_nsec = 20000000}; /* a file's time has steps */
    nanosleep(&wait, NULL);
    change_byte(fixture_nth_segment(f, 1), 8192 + 300, 1);
    change_byte(fixture_nth_segment(f, 3), 20, 1);
    change_byte(fixture_nth_segment(f, 4), 8192 + 30, 1);
    assert_int_equal(truncate(fixture_nth_segment(f, 5), 9000), 0);
    expect_the_same_start(f);
    assert_true(by_index.place_count < 120);
}

static void missing_segments_are_found_as_without_an_index(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 120);
    assert_int_equal(unlink(fixture_nth_segment(f, 2)), 0);
    expect_the_same_start(f);
    assert_true(by_index.place_count < 120);
}

static void torn_tail_is_found_as_without_an_index(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    make(f, 40);
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    const struct spool_segment *last = &by_index.segments[by_index.count - 1];
    const char *path = fixture_segment(f, last->first_position);
    size_t size;
    uint8_t *bytes = fixture_load(path, &size);
    memset(bytes + last->end, 0x77, 100);
    fixture_store(path, bytes, size);
    free(bytes);
    expect_the_same_start(f);
    assert_int_equal(by_index.place_count, 40);
}

/* An index that is altered in any byte, or cut anywhere, changes nothing. */
static void bad_index_is_not_believed(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    make(f, 60);
    uint64_t first = 0;
    look(f->dir, &by_reading, &spool);
    spool_close(spool);
    first = by_reading.segments[1].first_position;
    size_t size;
    char path[600];
    snprintf(path, sizeof path, "%s", index_path(f, first, ".idx"));
    uint8_t *good = fixture_load(path, &size);
    size_t places_end = 256 + by_reading.segments[1].records * 32;
    assert_true(size > places_end);
    for (size_t at = 0; at < places_end; at += at < 300 ? 1 : 7) {
        uint8_t *bad = malloc(size);
        memcpy(bad, good, size);
        bad[at] ^= 0x10;
        fixture_store(path, bad, size);
        free(bad);
        look(f->dir, &by_index, &spool);
        spool_close(spool);
        expect_equal(&by_index, &by_reading);
    }
    for (size_t cut = 0; cut < places_end; cut += 37) {
        fixture_store(path, good, cut);
        look(f->dir, &by_index, &spool);
        spool_close(spool);
        expect_equal(&by_index, &by_reading);
    }
    free(good);
}

static void foreign_and_stale_indexes_are_not_believed(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    size_t size;
    make(f, 60);
    look(f->dir, &by_reading, &spool);
    spool_close(spool);
    uint64_t first = by_reading.segments[1].first_position;
    uint64_t other = by_reading.segments[2].first_position;
    /* Another segment's. */
    uint8_t *bytes = fixture_load(index_path(f, other, ".idx"), &size);
    fixture_store(index_path(f, first, ".idx"), bytes, size);
    free(bytes);
    expect_the_same_start(f);
    expect_equal(&by_index, &by_reading);
    /* Of the time before the segment changed. */
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, fixture_nth_segment(f, 2), times, 0), 0);
    expect_the_same_start(f);
    /* Not a file. */
    assert_int_equal(unlink(index_path(f, first, ".idx")), 0);
    assert_int_equal(mkdir(index_path(f, first, ".idx"), 0750), 0);
    expect_the_same_start(f);
    assert_int_equal(rmdir(index_path(f, first, ".idx")), 0);
    assert_int_equal(symlink("/dev/zero", index_path(f, first, ".idx")), 0);
    expect_the_same_start(f);
    expect_equal(&by_index, &by_reading);
}

/* Made by an earlier version: read once, then there are indexes. */
static void spool_without_indexes_gets_them(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 120);
    unsigned segments = count_files(f, ".seg");
    for (size_t n = 0; n < segments; n++) {
        uint64_t first;
        assert_true(spool_segment_parse_name(strrchr(fixture_nth_segment(f, n), '/') + 1, &first));
        assert_int_equal(unlink(index_path(f, first, ".idx")), 0);
    }
    fixture_open(f);
    for (int i = 0; i < 2000 && count_files(f, ".idx") + 1 < segments; i++) {
        struct timespec wait = {.tv_nsec = 5000000};
        nanosleep(&wait, NULL);
    }
    assert_int_equal(count_files(f, ".idx"), segments - 1);
    fixture_close(f);
    expect_the_same_start(f);
}

/* A folder where the index would be written, as when no file can be created: batches are taken. */
static void index_that_cant_be_made_stops_nothing(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = SEGMENT_BYTES;
    assert_int_equal(mkdir(index_path(f, 1, ".idx.new"), 0750), 0);
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    assert_int_equal(access(index_path(f, 1, ".idx.new"), F_OK), 0);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    fixture_put_many(f, 100);
    fixture_close(f);
    assert_int_equal(count_files(f, ".idx") + 1, count_files(f, ".seg"));
    expect_the_same_start(f);
    assert_int_equal(by_index.place_count, 100);
}

/* Only the newest batches are asked for: older indexes give none. */
static void no_more_places_are_read_than_are_wanted(void **state)
{
    struct spool_fixture *f = *state;
    struct problem problem;
    make(f, 120);
    f->options.keys_max = 20;
    memset(&by_index, 0, sizeof by_index);
    assert_int_equal(spool_open(&f->options, note_place, &by_index, &f->spool, &problem),
                     STATUS_OK);
    assert_in_range(by_index.place_count, 20, 60);
    assert_int_equal(by_index.places[by_index.place_count - 1].position, 120);
}

/* --- repeats -------------------------------------------------------------------------------- */

/* What the spool says about the batch at the position. */
static struct batch *recall(struct spool_fixture *f, uint64_t position, uint64_t offset)
{
    struct batch *b = fixture_batch(f, 9999);
    b->recall.place = (struct batch_place){position, offset};
    assert_int_equal(spool_recall(f->spool, &b), STATUS_OK);
    assert_null(b);
    struct mail *mail = mailbox_wait(&f->replies, 20 * NS_PER_S);
    assert_non_null(mail);
    assert_null(mail->next);
    return batch_from_mail(mail);
}

static void expect_recall(struct spool_fixture *f, uint64_t n, uint64_t offset)
{
    struct batch *b = recall(f, n, offset), *first = fixture_batch(f, n);
    assert_int_equal(b->recall.status, STATUS_OK);
    assert_memory_equal(b->recall.record.key, first->meta.key, SHA256_BYTES);
    assert_true(b->recall.record.key_is_plain == first->meta.key_is_plain);
    assert_memory_equal(b->recall.record.body, first->meta.body_digest, RECALL_DIGEST_BYTES);
    assert_memory_equal(b->recall.report.batch_uid, first->meta.batch_uid, 6); /* its time */
    assert_int_equal(b->recall.report.position, n);
    assert_int_equal(b->recall.report.accepted, first->meta.accepted);
    assert_int_equal(b->recall.report.duplicates, first->meta.duplicates);
    assert_int_equal(b->recall.report.quarantined, first->meta.quarantined);
    assert_true(slice_equal(b->recall.report.errors, first->meta.report_errors));
    batch_destroy(b);
    batch_destroy(first);
}

static void record_of_a_repeat_is_found_wherever_it_is(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    make(f, 100);
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    fixture_open(f);
    fixture_put_many(f, 10);
    for (uint64_t n = 1; n <= 110; n++)
        expect_recall(f, n, 0);
    for (size_t i = 0; i < by_index.place_count; i++)
        expect_recall(f, by_index.places[i].position, by_index.places[i].offset);
    expect_recall(f, 50, 8192 + 8); /* not a record's place */
    struct batch *none = recall(f, 5000, 8192);
    assert_int_equal(none->recall.status, STATUS_NOT_FOUND);
    batch_destroy(none);
}

/* A record that was damaged after it was indexed: the index still has the report. */
static void index_answers_for_a_damaged_record(void **state)
{
    struct spool_fixture *f = *state;
    make(f, 100);
    fixture_open(f);
    const char *path = fixture_nth_segment(f, 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, 8192 + 100), 6);
    close(fd);
    expect_recall(f, 1, 8192);
}

static void wait_until_retired(struct spool_fixture *f, uint64_t first)
{
    for (int i = 0; i < 4000 && access(fixture_segment(f, first), F_OK) == 0; i++) {
        struct timespec wait = {.tv_nsec = 5000000};
        nanosleep(&wait, NULL);
    }
    assert_int_not_equal(access(fixture_segment(f, first), F_OK), 0);
}

/* The window outlives the segments: their keys and reports are kept, over a restart too, until
 * nobody needs them. */
static void keys_of_removed_segments_are_kept_while_they_are_needed(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    spool_cursor_t cursor;
    uint64_t position;
    f->options.segment_bytes = SEGMENT_BYTES;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    spool_keys_needed(f->spool, 1);
    assert_int_equal(spool_cursor_open(f->spool, "sink", &cursor, &position), STATUS_OK);
    spool_cursors_settle(f->spool);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    fixture_put_many(f, 100);
    spool_cursor_advance(f->spool, cursor, 100);
    wait_until_retired(f, 1);
    for (uint64_t n = 1; n <= 100; n++)
        expect_recall(f, n, 8192);
    fixture_close(f);
    assert_true(count_files(f, ".keys") > 0);
    look(f->dir, &by_index, &spool);
    assert_int_equal(by_index.place_count, 100);
    for (uint64_t n = 1; n <= 100; n++)
        assert_int_equal(by_index.places[n - 1].position, n);
    f->spool = spool;
    spool_keys_needed(f->spool, 1);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    for (uint64_t n = 1; n <= 100; n++)
        expect_recall(f, n, 0);
    spool_keys_needed(f->spool, UINT64_MAX);
    for (int i = 0; i < 2000 && count_files(f, ".keys"); i++) {
        struct timespec wait = {.tv_nsec = 5000000};
        nanosleep(&wait, NULL);
    }
    assert_int_equal(count_files(f, ".keys"), 0);
}

/* A sink passes the 100 batches of the open spool: waits until the first segment is
 * removed. */
static void pass_all(struct spool_fixture *f)
{
    spool_cursor_t cursor;
    uint64_t position;
    assert_int_equal(spool_cursor_open(f->spool, "sink", &cursor, &position), STATUS_OK);
    spool_cursors_settle(f->spool);
    spool_cursor_advance(f->spool, cursor, 100);
    wait_until_retired(f, 1);
}

/* A crash after the index got the name of kept keys, and before the segment was removed. */
static void keys_are_kept_when_a_crash_interrupted_the_removal(void **state)
{
    struct spool_fixture *f = *state;
    char from[600];
    make(f, 100);
    snprintf(from, sizeof from, "%s", index_path(f, 1, ".idx"));
    assert_int_equal(rename(from, index_path(f, 1, ".keys")), 0);
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    spool_keys_needed(f->spool, 1);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    pass_all(f);
    expect_recall(f, 1, 8192);
}

/* The disk was full when a segment was sealed, and is not when it is removed. */
static void index_that_failed_is_made_before_its_segment_is_removed(void **state)
{
    struct spool_fixture *f = *state;
    f->options.segment_bytes = SEGMENT_BYTES;
    assert_int_equal(spool_open(&f->options, NULL, NULL, &f->spool, &f->problem), STATUS_OK);
    assert_int_equal(mkdir(index_path(f, 1, ".idx.new"), 0750), 0);
    spool_keys_needed(f->spool, 1);
    assert_int_equal(spool_start(f->spool), STATUS_OK);
    fixture_put_many(f, 100);
    for (int i = 0; i < 2000 && count_files(f, ".idx") + 2 < count_files(f, ".seg"); i++) {
        struct timespec wait = {.tv_nsec = 5000000};
        nanosleep(&wait, NULL);
    }
    assert_int_not_equal(access(index_path(f, 1, ".idx"), F_OK), 0);
    assert_int_equal(rmdir(index_path(f, 1, ".idx.new")), 0);
    pass_all(f);
    expect_recall(f, 1, 8192);
}

/* Somebody tidies up: the segment is created without it. */
static void removed_spare_file_stops_nothing(void **state)
{
    struct spool_fixture *f = *state;
    char spare[600];
    unsigned removed = 0;
    snprintf(spare, sizeof spare, "%s/" SPOOL_SPARE_FILE, f->dir);
    f->options.segment_bytes = SEGMENT_BYTES;
    fixture_open(f);
    for (int i = 0; i < 2000 && removed < 3; i++) {
        fixture_put_many(f, 1);
        removed += unlink(spare) == 0;
    }
    assert_int_equal(removed, 3);
    fixture_put_many(f, 50);
}

/* Keys that are damaged, or of a segment that was lost and not removed, answer nothing. */
static void keys_without_a_right_are_dropped(void **state)
{
    struct spool_fixture *f = *state;
    struct spool *spool;
    make(f, 60);
    uint64_t second;
    assert_true(spool_segment_parse_name(strrchr(fixture_nth_segment(f, 1), '/') + 1, &second));
    assert_int_equal(unlink(fixture_segment(f, 1)), 0); /* its index stays */
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    assert_int_equal(by_index.places[0].position, second);
    assert_int_not_equal(access(index_path(f, 1, ".idx"), F_OK), 0);
    fixture_store(index_path(f, 1, ".keys"), "nothing", 7);
    look(f->dir, &by_index, &spool);
    spool_close(spool);
    assert_int_equal(by_index.places[0].position, second);
    assert_int_not_equal(access(index_path(f, 1, ".keys"), F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(clean_stop_leaves_an_index_of_every_segment),
        TEST(start_in_an_empty_and_a_young_spool_is_the_same),
        TEST(nothing_of_sealed_segments_is_read_after_a_clean_stop),
        TEST(last_segment_is_not_read_after_a_clean_stop),
        TEST(last_segment_has_no_index_while_it_is_written),
        TEST(damage_of_a_segment_is_found_as_without_an_index),
        TEST(missing_segments_are_found_as_without_an_index),
        TEST(torn_tail_is_found_as_without_an_index),
        TEST(bad_index_is_not_believed),
        TEST(foreign_and_stale_indexes_are_not_believed),
        TEST(spool_without_indexes_gets_them),
        TEST(index_that_cant_be_made_stops_nothing),
        TEST(no_more_places_are_read_than_are_wanted),
        TEST(record_of_a_repeat_is_found_wherever_it_is),
        TEST(index_answers_for_a_damaged_record),
        TEST(keys_of_removed_segments_are_kept_while_they_are_needed),
        TEST(keys_are_kept_when_a_crash_interrupted_the_removal),
        TEST(index_that_failed_is_made_before_its_segment_is_removed),
        TEST(removed_spare_file_stops_nothing),
        TEST(keys_without_a_right_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
