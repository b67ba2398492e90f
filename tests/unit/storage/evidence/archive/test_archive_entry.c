/* The index object of an archived segment: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage/evidence/archive/archive_entry.h"

static struct archive_entry example(void)
{
    struct archive_entry e = {.segment = 11,
                              .first = 11,
                              .last = 30,
                              .records = 20,
                              .events = 55,
                              .events_before = 7,
                              .first_leaf = 10,
                              .leaves = 20,
                              .oldest_ns = 1,
                              .newest_ns = 2,
                              .bytes = 70000,
                              .key_areas = 20,
                              .leaf_hashes = 24,
                              .head = SLICE_LITERAL("origin\n30\nroot\n\n\xe2\x80\x94 key sig\n")};
    memset(e.spool_uid, 0xab, sizeof e.spool_uid);
    memset(e.sha256, 1, sizeof e.sha256);
    memset(e.chain_before, 2, sizeof e.chain_before);
    memset(e.chain_hash, 3, sizeof e.chain_hash);
    memset(e.leaves_sha256, 4, sizeof e.leaves_sha256);
    return e;
}

static void test_what_is_written_is_read(void **state)
{
    struct archive_entry e = example(), read;
    struct writer w, head;
    (void)state;
    writer_init(&w, ARCHIVE_ENTRY_BYTES_MAX);
    writer_init(&head, ARCHIVE_HEAD_BYTES_MAX);
    archive_entry_write(&w, &e);
    assert_int_equal(archive_entry_read(writer_slice(&w), &read, &head), STATUS_OK);
    assert_true(slice_equal(read.head, e.head));
    read.head = e.head = SLICE_EMPTY;
    assert_memory_equal(&read, &e, sizeof e);
    writer_fini(&w);
    writer_fini(&head);
}

static enum status read_text(const char *text)
{
    struct archive_entry read;
    struct writer head;
    writer_init(&head, ARCHIVE_HEAD_BYTES_MAX);
    enum status status = archive_entry_read(slice_from_text(text), &read, &head);
    writer_fini(&head);
    return status;
}

static void test_other_versions_and_other_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_text(""), STATUS_MALFORMED);
    assert_int_equal(read_text("[]"), STATUS_MALFORMED);
    assert_int_equal(read_text("{}"), STATUS_MALFORMED);
    assert_int_equal(read_text("{\"format\":\"vsocd-archive/2\"}"), STATUS_VERSION);
    assert_int_equal(read_text("{\"format\":\"vsocd-archive/1\"}"), STATUS_MALFORMED);
}

static void test_numbers_that_contradict_each_other_are_refused(void **state)
{
    struct archive_entry changed[4] = {example(), example(), example(), example()}, read;
    struct writer w, head;
    (void)state;
    changed[0].last = changed[0].first - 1;
    changed[1].records = 21;
    changed[2].leaves = 21;
    changed[3].damaged_bytes = changed[3].bytes + 1;
    writer_init(&w, ARCHIVE_ENTRY_BYTES_MAX);
    writer_init(&head, ARCHIVE_HEAD_BYTES_MAX);
    for (size_t i = 0; i < 4; i++) {
        writer_reset(&w);
        archive_entry_write(&w, &changed[i]);
        assert_int_equal(archive_entry_read(writer_slice(&w), &read, &head), STATUS_MALFORMED);
    }
    writer_fini(&w);
    writer_fini(&head);
}

static void test_name_follows_from_the_content(void **state)
{
    struct archive_entry e = example();
    char name[ARCHIVE_NAME_BYTES];
    uint8_t uid[UUID_BYTES];
    uint64_t segment;
    (void)state;
    archive_object_name(&e, ARCHIVE_INDEX, name);
    assert_string_equal(name, "abababab-abab-abab-abab-abababababab/"
                              "00000000000000000011-0101010101010101.json");
    assert_true(archive_index_name_parse(slice_from_text(name), uid, &segment));
    assert_int_equal(segment, 11);
    assert_memory_equal(uid, e.spool_uid, UUID_BYTES);
    archive_object_name(&e, ARCHIVE_SEGMENT, name);
    assert_false(archive_index_name_parse(slice_from_text(name), uid, &segment));
    assert_false(archive_index_name_parse(SLICE_LITERAL("lost+found/x.json"), uid, &segment));
    /* An attempt that was killed had an older head, so fewer leaf hashes: the next one's are
     * another object. */
    struct archive_entry later = e;
    char other[ARCHIVE_NAME_BYTES];
    later.leaves_sha256[0] ^= 1;
    archive_object_name(&e, ARCHIVE_LEAVES, name);
    archive_object_name(&later, ARCHIVE_LEAVES, other);
    assert_string_not_equal(name, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_other_versions_and_other_files_are_refused),
        cmocka_unit_test(test_numbers_that_contradict_each_other_are_refused),
        cmocka_unit_test(test_name_follows_from_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
