/* test_tile_path.c: names of tiles: examples of c2sp.org/tlog-tiles. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage/evidence/formats/tile_path.h"

static const struct {
    const char *text;
    struct tile_path path;
} cases[] = {
    {"0/000", {0, 0, 256}},
    {"0/x001/x234/067", {0, 1234067, 256}},
    {"0/273.p/112", {0, 273, 112}},
    {"1/001.p/17", {1, 1, 17}},
    {"63/x001/000.p/1", {63, 1000, 1}},
    {"2/999.p/255", {2, 999, 255}},
    {"0/x009/x223/x372/x036/x854/x775/807", {0, INT64_MAX, 256}},
};

static void names_are_read_and_written(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tile_path path;
        assert_int_equal(tile_path_parse(slice_from_text(cases[i].text), &path), STATUS_OK);
        assert_int_equal(path.level, cases[i].path.level);
        assert_int_equal(path.index, cases[i].path.index);
        assert_int_equal(path.width, cases[i].path.width);
        writer_reset(&w);
        tile_path_write(&w, &path);
        assert_true(slice_equal_text(writer_slice(&w), cases[i].text));
    }
    writer_fini(&w);
}

static void other_spellings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "0/",
                                      "/000",
                                      "00/000",
                                      "64/000",
                                      "0/00",
                                      "0/0000",
                                      "0/1",
                                      "0/x000/001",
                                      "0/x001",
                                      "0/x001/",
                                      "0/x01/000",
                                      "0/001/x000",
                                      "0/001/002",
                                      "0/000.p/",
                                      "0/000.p/0",
                                      "0/000.p/256",
                                      "0/000.p/01",
                                      "0/000.p/1/",
                                      "0/000/",
                                      "0/000.p",
                                      "0/../000",
                                      "-1/000",
                                      "0/x009/x223/x372/x036/x854/x775/808",
                                      "0/x001/x000/x000/x000/x000/x000/x000/000",
                                      "entries/000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tile_path path;
        assert_int_equal(tile_path_parse(slice_from_text(bad[i]), &path), STATUS_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_and_written),
        cmocka_unit_test(other_spellings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
