#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "storage/evidence/signer/sign_state.h"

static char folder[64], dir[80], path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/vsocd-signer-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(dir, sizeof dir, "%s/state", folder);
    snprintf(path, sizeof path, "%s/signed", dir);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    rmdir(dir);
    return rmdir(folder);
}

static enum status open_state(const char *origin, bool is_first, struct sign_state **out)
{
    struct problem problem = {""};
    enum status status = sign_state_open(dir, slice_from_text(origin), is_first, out, &problem);
    assert_true(status == STATUS_OK || problem.text[0]);
    return status;
}

static void head_survives_a_close(void **state)
{
    struct sign_state *s = NULL;
    struct problem problem;
    struct sign_head head = {.size = UINT64_C(1) << 40, .root = {7}};
    (void)state;
    assert_int_equal(open_state("log", true, &s), STATUS_OK);
    assert_int_equal(sign_state_head(s)->size, 0);
    assert_int_equal(sign_state_advance(s, &head, &problem), STATUS_OK);
    assert_int_equal(sign_state_head(s)->size, head.size);
    sign_state_close(s);
    assert_int_equal(open_state("log", false, &s), STATUS_OK);
    assert_int_equal(sign_state_head(s)->size, head.size);
    assert_memory_equal(sign_state_head(s)->root, head.root, sizeof head.root);
    sign_state_close(s);
}

static void state_is_begun_once_and_never_by_itself(void **state)
{
    struct sign_state *s = NULL;
    (void)state;
    assert_int_equal(open_state("log", false, &s), STATUS_NOT_FOUND);
    assert_int_equal(open_state("log", true, &s), STATUS_OK);
    sign_state_close(s);
    assert_int_equal(open_state("log", true, &s), STATUS_EXISTS);
}

static void second_process_is_kept_out(void **state)
{
    struct sign_state *s = NULL, *second = NULL;
    (void)state;
    assert_int_equal(open_state("log", true, &s), STATUS_OK);
    assert_int_equal(open_state("log", false, &second), STATUS_LOCKED);
    sign_state_close(s);
}

static void state_of_another_origin_is_refused(void **state)
{
    struct sign_state *s = NULL;
    (void)state;
    assert_int_equal(open_state("log", true, &s), STATUS_OK);
    sign_state_close(s);
    assert_int_equal(open_state("log2", false, &s), STATUS_CORRUPT);
    assert_int_equal(open_state("log", false, &s), STATUS_OK);
    sign_state_close(s);
}

/* Reads the file, changes or cuts it at one place, and writes it. */
static void damage(long at, bool cut)
{
    char text[1024];
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    text[at] ^= 1;
    file = fopen(path, "w");
    assert_non_null(file);
    size = cut ? (size_t)at : size;
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void one_byte_changed_or_missing_is_found(void **state)
{
    struct sign_state *s = NULL;
    struct problem problem;
    struct sign_head head = {.size = 12345, .root = {9}};
    (void)state;
    for (long at = 0; at < 80; at++)
        for (int cut = 0; cut < 2; cut++) {
            unlink(path);
            assert_int_equal(open_state("log", true, &s), STATUS_OK);
            assert_int_equal(sign_state_advance(s, &head, &problem), STATUS_OK);
            sign_state_close(s);
            damage(at, cut);
            assert_int_equal(open_state("log", false, &s), STATUS_CORRUPT);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(head_survives_a_close, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(state_is_begun_once_and_never_by_itself, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(second_process_is_kept_out, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(state_of_another_origin_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(one_byte_changed_or_missing_is_found, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
