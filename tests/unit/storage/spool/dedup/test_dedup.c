/* test_dedup.c: what a repeat is answered, what the window forgets, and what it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/thread.h"
#include "storage/spool/dedup/dedup.h"

#define WINDOW_NS (3600 * NS_PER_S)

static struct dedup *dedup;
static _Atomic int64_t passed_ns; /* time that passed */

static int64_t fake_monotonic(void)
{
    return passed_ns;
}

static int setup(void **state)
{
    (void)state;
    passed_ns = 0;
    clock_fake(NULL, fake_monotonic);
    dedup = dedup_create(1000, WINDOW_NS);
    return dedup ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dedup_destroy(dedup);
    clock_fake(NULL, NULL);
    return 0;
}

/* Batch number n: key, body, id and counts follow from it. */
static struct batch_meta meta_of(uint32_t n, int64_t ingested_ns)
{
    struct batch_meta meta = {.position = n, .ingested_ns = ingested_ns, .accepted = n};
    sha256_bytes(slice_make(&n, sizeof n), meta.key);
    memset(meta.body_digest, (int)n, sizeof meta.body_digest);
    memset(meta.batch_uid, (int)n + 1, sizeof meta.batch_uid);
    return meta;
}

/* The spool: records by position. */
#define RECORDS 2000
static struct batch_meta records[RECORDS];
static unsigned reads;

static struct batch_place store(const struct batch_meta *meta)
{
    assert_true(meta->position < RECORDS);
    records[meta->position] = *meta;
    return (struct batch_place){meta->position, 8192 + 8 * meta->position};
}

static void commit_to(struct dedup *to, const struct batch_meta *meta)
{
    struct batch_place place = store(meta);
    dedup_commit(to, meta->key, &place);
}

static void commit(const struct batch_meta *meta)
{
    commit_to(dedup, meta);
}

static void restore_to(struct dedup *to, const struct batch_meta *meta)
{
    struct batch_place place = store(meta);
    dedup_restore(to, meta->key, &place, meta->ingested_ns);
}

static void restore(const struct batch_meta *meta)
{
    restore_to(dedup, meta);
}

static void read_record(struct batch_recall *recall)
{
    assert_int_equal(recall->place.offset, 8192 + 8 * recall->place.position);
    const struct batch_meta *meta = &records[recall->place.position];
    reads++;
    recall->status = STATUS_OK;
    memcpy(recall->record.key, meta->key, SHA256_BYTES);
    memcpy(recall->record.body, meta->body_digest, RECALL_DIGEST_BYTES);
    recall->record.has_content = meta->inflated_digest.size == SHA256_BYTES;
    if (recall->record.has_content)
        memcpy(recall->record.content, meta->inflated_digest.data, RECALL_DIGEST_BYTES);
    recall->report = (struct dedup_report){.position = meta->position,
                                           .accepted = meta->accepted,
                                           .duplicates = meta->duplicates,
                                           .quarantined = meta->quarantined,
                                           .errors = meta->report_errors};
    memcpy(recall->report.batch_uid, meta->batch_uid, UUID_BYTES);
}

/* What a worker does: asks, has the record read, and asks again when it is another batch's. */
static enum dedup_answer ask(struct dedup *of, const struct batch_meta *meta,
                             const uint8_t *content, struct dedup_report *report)
{
    struct batch_recall recall = {0};
    enum dedup_answer answer;
    do {
        answer = dedup_begin(of, meta->key, &recall);
        if (answer == DEDUP_KNOWN) {
            read_record(&recall);
            answer = dedup_judge(&recall, meta->key, meta->body_digest, content);
        }
    } while (answer == DEDUP_OTHER);
    if (answer == DEDUP_REPEAT)
        *report = recall.report;
    return answer;
}

static enum dedup_answer begin(const struct batch_meta *meta, struct dedup_report *report)
{
    return ask(dedup, meta, NULL, report);
}

static void repeat_gets_the_first_report(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta meta = meta_of(7, NS_PER_S);
    meta.duplicates = 2;
    meta.quarantined = 1;
    meta.report_errors = SLICE_LITERAL("[{\"index\":3}]");
    assert_int_equal(begin(&meta, &report), DEDUP_NEW);
    commit(&meta);
    assert_int_equal(begin(&meta, &report), DEDUP_REPEAT);
    assert_memory_equal(report.batch_uid, meta.batch_uid, UUID_BYTES);
    assert_int_equal(report.position, 7);
    assert_int_equal(report.accepted, 7);
    assert_int_equal(report.duplicates, 2);
    assert_int_equal(report.quarantined, 1);
    assert_true(slice_equal_text(report.errors, "[{\"index\":3}]"));
    assert_int_equal(dedup_count(dedup), 1);
}

static void key_is_in_progress_until_it_ends(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta meta = meta_of(7, NS_PER_S);
    assert_int_equal(begin(&meta, &report), DEDUP_NEW);
    assert_int_equal(begin(&meta, &report), DEDUP_IN_PROGRESS);
    assert_int_equal(begin(&meta, &report), DEDUP_IN_PROGRESS);
    assert_int_equal(dedup_count(dedup), 0);
    dedup_abort(dedup, meta.key);
    assert_int_equal(begin(&meta, &report), DEDUP_NEW);
}

static void key_with_another_body_is_a_conflict(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta meta = meta_of(7, NS_PER_S), other = meta;
    other.body_digest[0] ^= 1;
    assert_int_equal(begin(&meta, &report), DEDUP_NEW);
    assert_int_equal(begin(&other, &report), DEDUP_IN_PROGRESS);
    commit(&meta);
    assert_int_equal(begin(&other, &report), DEDUP_CONFLICT);
    assert_int_equal(begin(&meta, &report), DEDUP_REPEAT);
}

static enum dedup_answer compare(const struct batch_meta *meta, const uint8_t *content,
                                 struct dedup_report *report)
{
    return ask(dedup, meta, content, report);
}

/* Packed again, the same content is other bytes. */
static void same_content_in_other_bytes_is_the_repeat(void **state)
{
    (void)state;
    struct dedup_report report = {0};
    uint8_t content[SHA256_BYTES] = {1, 2, 3}, else_content[SHA256_BYTES] = {1, 2, 4};
    struct batch_meta meta = meta_of(7, NS_PER_S), other = meta;
    other.body_digest[0] ^= 1;
    assert_int_equal(begin(&meta, &report), DEDUP_NEW);
    meta.inflated_digest = slice_make(content, sizeof content);
    commit(&meta);
    assert_int_equal(begin(&meta, &report), DEDUP_REPEAT);
    assert_int_equal(begin(&other, &report), DEDUP_COMPARE);
    report.position = 0;
    assert_int_equal(compare(&other, content, &report), DEDUP_REPEAT);
    assert_int_equal(report.position, 7);
    assert_int_equal(compare(&other, else_content, &report), DEDUP_CONFLICT);
    passed_ns = WINDOW_NS + 1; /* the key left the window while the content was read */
    assert_int_equal(compare(&other, else_content, &report), DEDUP_NEW);
    assert_int_equal(compare(&other, else_content, &report), DEDUP_IN_PROGRESS);
    dedup_abort(dedup, meta.key);
}

static void content_is_known_after_a_restart_and_missing_in_older_records(void **state)
{
    (void)state;
    struct dedup_report report;
    uint8_t content[SHA256_BYTES] = {9};
    struct batch_meta a = meta_of(1, NS_PER_S), b = meta_of(2, NS_PER_S), other;
    a.inflated_digest = slice_make(content, sizeof content);
    restore(&a);
    restore(&b);
    other = a;
    other.body_digest[0] ^= 1;
    assert_int_equal(begin(&other, &report), DEDUP_COMPARE);
    assert_int_equal(compare(&other, content, &report), DEDUP_REPEAT);
    other = b;
    other.body_digest[0] ^= 1;
    assert_int_equal(begin(&other, &report), DEDUP_CONFLICT);
}

static void abort_does_not_touch_a_durable_key(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta meta = meta_of(7, NS_PER_S);
    commit(&meta);
    dedup_abort(dedup, meta.key);
    assert_int_equal(begin(&meta, &report), DEDUP_REPEAT);
}

static void keys_older_than_the_window_are_new_again(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta a = meta_of(1, 0), b = meta_of(2, 0);
    commit(&a);
    passed_ns = 9 * NS_PER_S;
    commit(&b);
    passed_ns = WINDOW_NS;
    assert_int_equal(begin(&a, &report), DEDUP_REPEAT);
    passed_ns = WINDOW_NS + 1;
    assert_int_equal(begin(&a, &report), DEDUP_NEW);
    assert_int_equal(begin(&b, &report), DEDUP_REPEAT);
    passed_ns = 9 * NS_PER_S + WINDOW_NS + 1;
    assert_int_equal(begin(&b, &report), DEDUP_NEW);
    assert_int_equal(dedup_count(dedup), 0);
}

static void restored_keys_have_the_age_that_the_spool_says(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta a = meta_of(1, 1000 * NS_PER_S), b = meta_of(2, 1900 * NS_PER_S);
    restore(&a);
    restore(&b);
    passed_ns = WINDOW_NS - 900 * NS_PER_S;
    assert_int_equal(begin(&a, &report), DEDUP_REPEAT);
    passed_ns++;
    assert_int_equal(begin(&a, &report), DEDUP_NEW);
    assert_int_equal(begin(&b, &report), DEDUP_REPEAT);
}

/* The clock was a year ahead, then three years back, then right. */
static void clock_that_was_set_does_not_age_restored_keys(void **state)
{
    (void)state;
    const int64_t year_ns = 365 * 24 * 3600 * NS_PER_S;
    const int64_t times_ns[] = {50 * year_ns, 51 * year_ns, 48 * year_ns, 50 * year_ns};
    struct dedup_report report;
    struct dedup *day = dedup_create(1000, 24 * WINDOW_NS);
    for (uint32_t n = 0; n < 4; n++) {
        struct batch_meta meta = meta_of(n, times_ns[n]);
        restore_to(day, &meta);
    }
    struct batch_meta first = meta_of(0, 0);
    assert_int_equal(dedup_count(day), 4);
    assert_int_equal(ask(day, &first, NULL, &report), DEDUP_REPEAT);
    passed_ns = 25 * WINDOW_NS;
    assert_int_equal(ask(day, &first, NULL, &report), DEDUP_NEW);
    assert_int_equal(dedup_count(day), 0);
    dedup_destroy(day);
}

static void oldest_keys_go_when_there_are_too_many(void **state)
{
    (void)state;
    struct dedup_report report;
    for (uint32_t n = 0; n < 1500; n++) {
        struct batch_meta meta = meta_of(n, NS_PER_S + n);
        assert_int_equal(begin(&meta, &report), DEDUP_NEW);
        commit(&meta);
    }
    assert_int_equal(dedup_count(dedup), 1000);
    struct batch_meta gone = meta_of(499, 0), kept = meta_of(500, 0);
    assert_int_equal(begin(&kept, &report), DEDUP_REPEAT);
    assert_int_equal(report.position, 500);
    assert_int_equal(begin(&gone, &report), DEDUP_NEW);
}

static void restored_keys_answer_and_the_later_record_counts(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta meta = meta_of(7, NS_PER_S), again = meta_of(7, 3 * NS_PER_S);
    meta.report_errors = SLICE_LITERAL("[1]");
    again.position = 99;
    restore(&meta);
    restore(&again);
    assert_int_equal(dedup_count(dedup), 1);
    assert_int_equal(begin(&meta, &report), DEDUP_REPEAT);
    assert_int_equal(report.position, 99);
    assert_int_equal(report.errors.size, 0);
}

/* The record distinguishes keys that begin alike, newest first; no key is lost. */
static void keys_that_begin_alike_are_different_batches(void **state)
{
    (void)state;
    struct dedup_report report;
    struct batch_meta a = meta_of(1, NS_PER_S), b = meta_of(2, NS_PER_S), c = meta_of(3, NS_PER_S);
    memcpy(b.key, a.key, DEDUP_PRINT_BYTES);
    memcpy(c.key, a.key, DEDUP_PRINT_BYTES);
    assert_int_equal(begin(&a, &report), DEDUP_NEW);
    assert_int_equal(begin(&b, &report), DEDUP_NEW);
    assert_int_equal(begin(&b, &report), DEDUP_IN_PROGRESS);
    commit(&a);
    assert_int_equal(begin(&b, &report), DEDUP_IN_PROGRESS);
    commit(&b);
    reads = 0;
    assert_int_equal(begin(&b, &report), DEDUP_REPEAT);
    assert_int_equal(report.position, 2);
    assert_int_equal(reads, 1);
    assert_int_equal(begin(&a, &report), DEDUP_REPEAT);
    assert_int_equal(report.position, 1);
    assert_int_equal(reads, 3);
    assert_int_equal(begin(&c, &report), DEDUP_NEW);
    assert_int_equal(reads, 5);
    dedup_abort(dedup, c.key);
    assert_int_equal(begin(&a, &report), DEDUP_REPEAT);
}

/* A record that can't be read any more is no proof: its batch is stored again. */
static void key_whose_record_is_gone_is_new(void **state)
{
    (void)state;
    struct batch_meta meta = meta_of(7, NS_PER_S);
    struct batch_recall recall = {0};
    commit(&meta);
    assert_int_equal(dedup_begin(dedup, meta.key, &recall), DEDUP_KNOWN);
    recall.status = STATUS_CORRUPT;
    assert_int_equal(dedup_judge(&recall, meta.key, meta.body_digest, NULL), DEDUP_OTHER);
    assert_int_equal(dedup_begin(dedup, meta.key, &recall), DEDUP_NEW);
}

/* The queue goes round its chunks and the numbers of its entries many times. */
static void window_slides_over_many_batches(void **state)
{
    (void)state;
    struct batch_recall recall;
    struct dedup *sliding = dedup_create(5000, WINDOW_NS);
    for (uint32_t n = 0; n < 300000; n++) {
        struct batch_place place = {n, 8192 + (uint64_t)n * 8};
        uint64_t key[SHA256_BYTES / 8] = {n * UINT64_C(0x9e3779b97f4a7c15)};
        dedup_commit(sliding, (const uint8_t *)key, &place);
        if (n % 1000 == 999) /* empties it: the next entry begins a chunk */
            passed_ns += n % 7000 == 6999 ? WINDOW_NS + 1 : 1;
        if (n % 7919)
            continue;
        assert_true(dedup_count(sliding) <= 5000);
        recall = (struct batch_recall){0};
        assert_int_equal(dedup_begin(sliding, (const uint8_t *)key, &recall), DEDUP_KNOWN);
        assert_int_equal(recall.place.position, n);
        assert_int_equal(recall.place.offset, place.offset);
        assert_true(dedup_oldest(sliding) <= n);
    }
    passed_ns += WINDOW_NS + 1;
    assert_int_equal(dedup_oldest(sliding), UINT64_MAX);
    assert_int_equal(dedup_count(sliding), 0);
    dedup_destroy(sliding);
}

static void key_costs_little_memory(void **state)
{
    (void)state;
    struct dedup *large = dedup_create(200000, WINDOW_NS);
    size_t before = mallinfo2().uordblks;
    for (uint32_t n = 0; n < 100000; n++) {
        struct batch_meta meta = meta_of(n, NS_PER_S);
        struct batch_place place = {n, 8192};
        dedup_commit(large, meta.key, &place);
    }
    size_t bytes = (mallinfo2().uordblks - before) / 100000;
#ifndef VSOCD_SANITIZED
    assert_in_range(bytes, 32, 40);
#endif
    (void)bytes;
    dedup_destroy(large);
}

static _Atomic unsigned new_answers;

static void ask_for_all_keys(void *arg)
{
    for (uint32_t n = 0; n < 500; n++) {
        struct batch_meta meta = meta_of(n, NS_PER_S);
        struct batch_recall recall = {0};
        enum dedup_answer answer = dedup_begin(arg, meta.key, &recall);
        ensure(answer == DEDUP_NEW || answer == DEDUP_IN_PROGRESS || answer == DEDUP_KNOWN);
        ensure(answer != DEDUP_KNOWN || recall.place.position == n);
        if (answer == DEDUP_NEW) {
            struct batch_place place = {n, 8192};
            new_answers++;
            dedup_commit(arg, meta.key, &place);
        }
    }
}

static void one_of_many_threads_gets_the_key(void **state)
{
    (void)state;
    struct thread threads[4] = {0};
    new_answers = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(thread_start(&threads[i], THREAD_WORKER, "ask", ask_for_all_keys, dedup),
                         STATUS_OK);
    for (int i = 0; i < 4; i++)
        thread_join(&threads[i]);
    assert_int_equal(new_answers, 500);
    assert_int_equal(dedup_count(dedup), 500);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(repeat_gets_the_first_report),
        TEST(key_is_in_progress_until_it_ends),
        TEST(key_with_another_body_is_a_conflict),
        TEST(same_content_in_other_bytes_is_the_repeat),
        TEST(content_is_known_after_a_restart_and_missing_in_older_records),
        TEST(abort_does_not_touch_a_durable_key),
        TEST(keys_older_than_the_window_are_new_again),
        TEST(restored_keys_have_the_age_that_the_spool_says),
        TEST(clock_that_was_set_does_not_age_restored_keys),
        TEST(oldest_keys_go_when_there_are_too_many),
        TEST(restored_keys_answer_and_the_later_record_counts),
        TEST(keys_that_begin_alike_are_different_batches),
        TEST(key_whose_record_is_gone_is_new),
        TEST(window_slides_over_many_batches),
        TEST(key_costs_little_memory),
        TEST(one_of_many_threads_gets_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
