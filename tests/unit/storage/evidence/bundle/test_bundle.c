/* test_bundle.c: the archive of a bundle has one form, and what the writer makes is what the reader
 * takes. Whole bundles: tests/interop/test_bundles.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/thread.h"
#include "storage/evidence/bundle/bundle_custody.h"
#include "storage/evidence/bundle/bundle_names.h"
#include "storage/evidence/bundle/bundle_verify.h"
#include "storage/evidence/bundle/bundle_writer.h"

/* The archive that a writer makes of files[], malloc'ed. */
static struct slice archive_of(const char *const files[][2], size_t count)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    struct bundle_writer *w = bundle_writer_create(fd);
    assert_non_null(w);
    for (size_t i = 0; i < count; i++)
        bundle_writer_add(w, slice_from_text(files[i][0]), slice_from_text(files[i][1]));
    assert_int_equal(bundle_writer_finish(w), STATUS_OK);
    size_t size = (size_t)bundle_writer_bytes(w);
    assert_int_equal(lseek(fd, 0, SEEK_END), size);
    uint8_t *bytes = malloc(size);
    ensure(bytes);
    assert_int_equal(pread(fd, bytes, size, 0), size);
    bundle_writer_destroy(w);
    close(fd);
    return slice_make(bytes, size);
}

static void drop(struct slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static void files_come_back_by_name(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"README.txt", "page"}, {"records/7/leaf.bin", ""}, {"records/12/body", "b"}, {"a", "1"}};
    struct slice archive = archive_of(files, 4);
    struct bundle_files read;
    struct problem problem;
    assert_int_equal(bundle_files_read(archive, &read, &problem), STATUS_OK);
    assert_int_equal(read.count, 5); /* and SHA256SUMS */
    for (size_t i = 0; i < 4; i++) {
        const struct bundle_file *file = bundle_files_find(&read, SLICE_EMPTY, files[i][0]);
        assert_non_null(file);
        assert_true(slice_equal_text(file->bytes, files[i][1]));
    }
    assert_non_null(bundle_files_find(&read, SLICE_LITERAL("records/12/"), "body"));
    assert_null(bundle_files_find(&read, SLICE_LITERAL("records/12/"), "bod"));
    assert_null(bundle_files_find(&read, SLICE_LITERAL("records/1/"), "body"));
    bundle_files_fini(&read);
    drop(archive);
}

static void each_byte_of_an_archive_is_checked(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"README.txt", "page"}, {"heads/1.checkpoint", "h"}};
    struct slice archive = archive_of(files, 2);
    uint8_t *bytes = (uint8_t *)(uintptr_t)archive.data;
    struct bundle_files read;
    struct problem problem;
    for (size_t i = 0; i < archive.size; i++) {
        bytes[i] ^= 0x20;
        assert_int_equal(bundle_files_read(archive, &read, &problem), STATUS_CORRUPT);
        bytes[i] ^= 0x20;
    }
    for (size_t size = 0; size < archive.size; size++)
        assert_int_equal(bundle_files_read(slice_sub(archive, 0, size), &read, &problem),
                         STATUS_CORRUPT);
    assert_int_equal(bundle_files_read(archive, &read, &problem), STATUS_OK);
    bundle_files_fini(&read);
    drop(archive);
}

static void a_name_twice_is_refused(void **state)
{
    (void)state;
    static const char *const files[][2] = {{"a", "1"}, {"b", "2"}, {"a", "1"}};
    struct slice archive = archive_of(files, 3);
    struct bundle_files read;
    struct problem problem;
    assert_int_equal(bundle_files_read(archive, &read, &problem), STATUS_CORRUPT);
    assert_string_equal(problem.text, "a is there twice");
    drop(archive);
}

static void contents_are_what_was_there_before_the_export_was_recorded(void **state)
{
    (void)state;
    assert_true(bundle_is_content(SLICE_LITERAL("README.txt")));
    assert_true(bundle_is_content(SLICE_LITERAL("records/1/body")));
    assert_false(bundle_is_content(SLICE_LITERAL("records/1/proof.tlog-proof")));
    assert_false(bundle_is_content(SLICE_LITERAL("heads/1.checkpoint")));
    assert_false(bundle_is_content(SLICE_LITERAL("time/1-0.tsr")));
    assert_false(bundle_is_content(SLICE_LITERAL("custody/body")));
    assert_false(bundle_is_content(SLICE_LITERAL("SHA256SUMS")));
    static const char *const with[][2] = {{"a", "1"}, {"heads/1.checkpoint", "h"}};
    static const char *const without[][2] = {{"a", "1"}};
    struct slice archives[] = {archive_of(with, 2), archive_of(without, 1)};
    struct bundle_files read[2];
    struct problem problem;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(bundle_files_read(archives[i], &read[i], &problem), STATUS_OK);
    assert_memory_equal(read[0].contents, read[1].contents, SHA256_BYTES);
    for (size_t i = 0; i < 2; i++) {
        bundle_files_fini(&read[i]);
        drop(archives[i]);
    }
}

static void names_and_sizes_over_the_limits_are_refused(void **state)
{
    (void)state;
    uint8_t header[BUNDLE_BLOCK_BYTES];
    char name[BUNDLE_NAME_BYTES_MAX + 1];
    memset(name, 'n', sizeof name);
    struct slice whole = slice_make(name, sizeof name);
    assert_int_equal(bundle_archive_header(whole, 0, header), STATUS_TOO_LARGE);
    whole.size--;
    assert_int_equal(bundle_archive_header(whole, BUNDLE_FILE_BYTES_MAX - 1, header), STATUS_OK);
    assert_int_equal(bundle_archive_header(whole, BUNDLE_FILE_BYTES_MAX, header), STATUS_TOO_LARGE);
    assert_int_equal(bundle_archive_header(SLICE_EMPTY, 0, header), STATUS_MALFORMED);
    assert_int_equal(bundle_archive_header(SLICE_LITERAL("a b"), 0, header), STATUS_MALFORMED);
    assert_int_equal(bundle_archive_header(SLICE_LITERAL("\xc3\xa4"), 0, header), STATUS_MALFORMED);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"/a",    "a/",     "a//b", ".", "..",  "./a",
                                        "a/./b", "a/../b", "a/..", "/", "../a"};
    uint8_t header[BUNDLE_BLOCK_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(bundle_archive_header(slice_from_text(names[i]), 0, header),
                         STATUS_MALFORMED);
    assert_int_equal(bundle_archive_header(SLICE_LITERAL(".a/b../...c"), 0, header), STATUS_OK);
}

static void the_names_of_a_bundle_are_a_closed_list(void **state)
{
    (void)state;
    static const char *const known[] = {
        "README.txt",         "SHA256SUMS",
        "heads/1.checkpoint", "heads/9223372036854775807.consistency",
        "time/7-15.tsr",      "custody/proof.tlog-proof",
        "records/0/erased",   "records/18446744073709551615/leaf.bin",
        "records/7/part-0",   "records/7/part-4294967295.seed"};
    static const char *const unknown[] = {"readme.txt",
                                          "heads/0.checkpoint",
                                          "heads/01.checkpoint",
                                          "heads/1.txt",
                                          "heads/",
                                          "heads/9223372036854775808.checkpoint",
                                          "time/7-16.tsr",
                                          "time/7-01.tsr",
                                          "time/7.tsr",
                                          "time/0-0.tsr",
                                          "custody/record.json",
                                          "custody/part-0",
                                          "custody/erased",
                                          "records/7",
                                          "records/07/body",
                                          "records/x/body",
                                          "records/7/BODY",
                                          "records/7/part-01",
                                          "records/7/part-4294967296",
                                          "records/7/part-1.seeds",
                                          "records/7/a/body",
                                          "records/18446744073709551616/body",
                                          "records//body",
                                          "body",
                                          "SHA256SUMS/"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(bundle_name_is_known(slice_from_text(known[i])));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_false(bundle_name_is_known(slice_from_text(unknown[i])));
}

static void an_export_is_recorded_in_one_spelling(void **state)
{
    (void)state;
    uint8_t contents[SHA256_BYTES];
    memset(contents, 0xAB, sizeof contents);
#define HEX32  "abababababababababababababababab"
#define DIGEST "\"digest\":\"" HEX32 HEX32 "\""
#define KIND   "\"kind\":\"evidence_exported\""
    static const char *const right[] = {"{" KIND "," DIGEST "}",
                                        "{\"a\":\"\\\"}\",\"n\":12," KIND ",\"b\":\"\"," DIGEST
                                        ",\"c_d\":\"x\"}"};
    static const char *const wrong[] = {"",
                                        "{",
                                        "{}",
                                        "{" KIND "}",
                                        "{" DIGEST "}",
                                        "{" DIGEST "," KIND "}",
                                        "{" KIND "," DIGEST "," DIGEST "}",
                                        "{" KIND "," KIND "," DIGEST "}",
                                        "{" KIND "," DIGEST "} ",
                                        "{" KIND ", " DIGEST "}",
                                        "{" KIND "," DIGEST ",}",
                                        "{" KIND "," DIGEST,
                                        "{" KIND ",\"x\":{" DIGEST "}}",
                                        "{" KIND ",\"x\":\"\\\"," DIGEST "}",
                                        "{\"kind\":\"hold_added\"," DIGEST "}",
                                        "{" KIND ",\"digest\":\"" HEX32 HEX32 "0\"}",
                                        "{" KIND ",\"digest\":1}",
                                        "{" KIND ",\"X\":1," DIGEST "}"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_true(bundle_custody_is_of(slice_from_text(right[i]), contents));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(bundle_custody_is_of(slice_from_text(wrong[i]), contents));
    contents[31] = 0xAC;
    assert_false(bundle_custody_is_of(slice_from_text(right[0]), contents));
}

/* From the Python of docs/verify_bundle.py: hmac.digest(hmac.digest(bytes(range(32)),
 * b"vsocd commitment meta", "sha256"), b"x", "sha256"). */
static void commitments_are_those_of_the_format(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xc8, 0xa6, 0x55, 0xfa, 0x04, 0xf7, 0x28, 0xa4,
                                       0x58, 0x2b, 0x5d, 0xd6, 0xb1, 0x49, 0xb1, 0x46,
                                       0x15, 0xa0, 0x46, 0x17, 0xfa, 0x5b, 0xa8, 0x97,
                                       0x51, 0xfb, 0x96, 0x67, 0xb3, 0xfe, 0xea, 0xd0};
    uint8_t seed[BUNDLE_SEED_BYTES], commitment[SHA256_BYTES];
    for (size_t i = 0; i < sizeof seed; i++)
        seed[i] = (uint8_t)i;
    bundle_commit(seed, BUNDLE_META, SLICE_LITERAL("x"), commitment);
    assert_memory_equal(commitment, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_come_back_by_name),
        cmocka_unit_test(each_byte_of_an_archive_is_checked),
        cmocka_unit_test(a_name_twice_is_refused),
        cmocka_unit_test(contents_are_what_was_there_before_the_export_was_recorded),
        cmocka_unit_test(names_and_sizes_over_the_limits_are_refused),
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(the_names_of_a_bundle_are_a_closed_list),
        cmocka_unit_test(an_export_is_recorded_in_one_spelling),
        cmocka_unit_test(commitments_are_those_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
