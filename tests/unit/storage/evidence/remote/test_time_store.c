#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "storage/evidence/remote/time_store.h"
#include "storage/evidence/remote/time_token.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/vsocd-tokens-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static enum status put(uint64_t size, unsigned authority, const char *text)
{
    const struct time_place place = {size, authority};
    return time_store_put(folder, &place, slice_from_text(text));
}

static void newest_token_is_the_one_over_the_largest_head(void **state)
{
    struct time_place newest;
    unsigned second = 1, third = 2;
    (void)state;
    assert_int_equal(time_store_newest(folder, NULL, &newest), STATUS_NOT_FOUND);
    assert_int_equal(put(9, 0, "a"), STATUS_OK);
    assert_int_equal(put(UINT64_C(1) << 40, 0, "b"), STATUS_OK);
    assert_int_equal(put(100, 1, "c"), STATUS_OK);
    assert_int_equal(time_store_newest(folder, NULL, &newest), STATUS_OK);
    assert_true(newest.size == UINT64_C(1) << 40 && newest.authority == 0);
    assert_int_equal(time_store_newest(folder, &second, &newest), STATUS_OK);
    assert_true(newest.size == 100 && newest.authority == 1);
    assert_int_equal(time_store_newest(folder, &third, &newest), STATUS_NOT_FOUND);
}

static void token_is_written_once(void **state)
{
    struct writer w;
    const struct time_place place = {7, 3}, missing = {8, 3};
    (void)state;
    writer_init(&w, 4 * TIME_TOKEN_BYTES_MAX);
    assert_int_equal(put(7, 3, "first"), STATUS_OK);
    assert_int_equal(put(7, 3, "second"), STATUS_EXISTS);
    assert_int_equal(time_store_get(folder, &place, &w), STATUS_OK);
    assert_true(slice_equal_text(writer_slice(&w), "first"));
    assert_int_equal(time_store_get(folder, &missing, &w), STATUS_NOT_FOUND);
    writer_fini(&w);
}

static void other_files_are_no_tokens(void **state)
{
    static const char *const names[] = {"7-0.tsr",
                                        "00000000000000000007-0.tsr.new",
                                        "00000000000000000007-00.tsr",
                                        "00000000000000000007-99.tsr",
                                        "x",
                                        "99999999999999999999-0.tsr"};
    struct time_place newest;
    (void)state;
    assert_int_equal(put(1, 0, "a"), STATUS_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/tokens/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
    assert_int_equal(time_store_newest(folder, NULL, &newest), STATUS_OK);
    assert_int_equal(newest.size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newest_token_is_the_one_over_the_largest_head, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(token_is_written_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(other_files_are_no_tokens, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
