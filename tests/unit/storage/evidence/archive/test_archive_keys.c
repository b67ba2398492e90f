/* A segment's image is the same whatever was erased in it; key areas leave it and come back. */
#include "tests/support/spool_fixture.h"

#include "storage/evidence/archive/archive_keys.h"
#include "storage/evidence/archive/archive_restore.h"

/* A sealed segment's image with made-up key areas: the format of this build has none. */
static void open_image(struct spool_fixture *f, struct archive_image *image,
                       struct archive_blank *blanks, size_t count)
{
    int dir = open(f->dir, O_RDONLY | O_DIRECTORY);
    struct spool_sealed sealed;
    assert_true(dir >= 0);
    assert_int_equal(spool_sealed_after(f->spool, 0, &sealed), STATUS_OK);
    assert_int_equal(archive_image_open(dir, sealed.first_position, sealed.bytes, image),
                     STATUS_OK);
    free(image->blanks);
    image->blanks = malloc(count * sizeof *blanks);
    assert_non_null(image->blanks);
    memcpy(image->blanks, blanks, count * sizeof *blanks);
    image->blank_count = image->blank_room = count;
    close(dir);
}

static void fill_segments(struct spool_fixture *f)
{
    struct spool_sealed sealed;
    f->options.segment_bytes = 1 << 16;
    fixture_open(f);
    while (spool_sealed_after(f->spool, 0, &sealed) != STATUS_OK)
        fixture_put_many(f, 100);
}

static void test_blanks_are_zeros_wherever_a_read_begins(void **state)
{
    struct spool_fixture *f = *state;
    struct archive_image image;
    struct archive_blank blanks[] = {{.offset = 9000, .bytes = 100, .is_damage = false},
                                     {.offset = 9100, .bytes = 50, .is_damage = false},
                                     {.offset = 20000, .bytes = 3000, .is_damage = true}};
    fill_segments(f);
    open_image(f, &image, blanks, 3);
    uint8_t *whole = malloc(image.size), *part = malloc(image.size), *raw = malloc(image.size);
    size_t got;
    assert_int_equal(archive_image_read(&image, 0, whole, image.size), STATUS_OK);
    assert_int_equal(spool_read_all(image.fd, raw, image.size, 0, &got), STATUS_OK);
    for (uint64_t i = 0; i < image.size; i++) {
        bool blank = (i >= 9000 && i < 9150) || (i >= 20000 && i < 23000);
        if (whole[i] != (blank ? 0 : raw[i]))
            fail_msg("byte %llu", (unsigned long long)i);
    }
    for (uint64_t at = 8950; at < 9200; at++) {
        size_t size = 1 + at % 130;
        assert_int_equal(archive_image_read(&image, at, part, size), STATUS_OK);
        assert_memory_equal(part, whole + at, size);
    }
    free(whole);
    free(part);
    free(raw);
    archive_image_close(&image);
}

static void test_key_areas_are_kept_and_joined(void **state)
{
    struct spool_fixture *f = *state;
    struct archive_image image;
    struct archive_blank blanks[] = {{.offset = 9000, .bytes = 100, .is_damage = false},
                                     {.offset = 10000, .bytes = 7, .is_damage = true},
                                     {.offset = 20000, .bytes = 3000, .is_damage = false}};
    uint8_t *whole, *raw;
    uint64_t joined;
    size_t got;
    int folder;
    char path[300];
    fill_segments(f);
    open_image(f, &image, blanks, 3);
    assert_int_equal(archive_keys_lock(f->dir, true, &folder), STATUS_OK);
    assert_int_equal(archive_keys_save(folder, &image), STATUS_OK);
    whole = malloc(image.size);
    raw = malloc(image.size);
    assert_int_equal(archive_image_read(&image, 0, whole, image.size), STATUS_OK);
    snprintf(path, sizeof path, "%s/copy", f->dir);
    int copy = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_int_equal(spool_write_all(copy, slice_make(whole, image.size), 0), STATUS_OK);
    assert_int_equal(archive_keys_join(folder, image.header.first_position, copy, &joined),
                     STATUS_OK);
    assert_int_equal(joined, 2);
    assert_int_equal(spool_read_all(copy, whole, image.size, 0, &got), STATUS_OK);
    assert_int_equal(spool_read_all(image.fd, raw, image.size, 0, &got), STATUS_OK);
    memset(raw + 10000, 0, 7);
    assert_memory_equal(whole, raw, image.size);
    assert_int_equal(archive_keys_join(folder, 12345, copy, &joined), STATUS_NOT_FOUND);
    close(copy);
    close(folder);
    free(whole);
    free(raw);
    archive_image_close(&image);
}

static void test_changed_directory_of_keys_is_refused(void **state)
{
    struct spool_fixture *f = *state;
    struct archive_image image;
    struct archive_blank blanks[] = {{.offset = 9000, .bytes = 100, .is_damage = false}};
    uint64_t joined;
    int folder;
    char name[SPOOL_NAME_BYTES];
    fill_segments(f);
    open_image(f, &image, blanks, 1);
    assert_int_equal(archive_keys_lock(f->dir, true, &folder), STATUS_OK);
    assert_int_equal(archive_keys_save(folder, &image), STATUS_OK);
    archive_keys_name(image.header.first_position, name);
    int keys = openat(folder, name, O_RDWR);
    int copy = open(f->dir, O_RDWR | O_TMPFILE, 0600);
    assert_true(keys >= 0 && copy >= 0 && ftruncate(copy, 20000) == 0);
    assert_int_equal(pwrite(keys, "\xff", 1, 48), 1);
    assert_int_equal(archive_keys_join(folder, image.header.first_position, copy, &joined),
                     STATUS_CORRUPT);
    close(keys);
    close(copy);
    close(folder);
    archive_image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blanks_are_zeros_wherever_a_read_begins, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_key_areas_are_kept_and_joined, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_changed_directory_of_keys_is_refused, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
