/* test_arena.c: the arena keeps to its limit, aligns, and gives all back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/arena.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    uint8_t *pieces[200];
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&arena, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(pieces[i][k], (uint8_t)i);
    arena_fini(&arena);
}

static void limit_counts_all_memory_taken(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    size_t got = 0;
    while (arena_alloc(&arena, 1000))
        got += 1000;
    assert_in_range(got, 70000, 100000);
    assert_in_range(arena.used_bytes, got, 100000);
    assert_null(arena_alloc(&arena, 1000));
    arena_fini(&arena);
    assert_int_equal(arena.used_bytes, 0);
}

static void one_piece_may_take_nearly_all_of_the_limit(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_non_null(arena_alloc(&arena, (1 << 20) - 64));
    assert_null(arena_alloc(&arena, 64));
    arena_fini(&arena);
}

static void absurd_size_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    arena_fini(&arena);
    arena_init(&arena, 0);
    assert_null(arena_alloc(&arena, 0));
    arena_fini(&arena);
}

static void large_piece_leaves_the_open_block_in_use(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    assert_non_null(arena_alloc(&arena, 16));
    assert_non_null(arena_alloc(&arena, 100000));
    size_t before = arena.used_bytes;
    assert_non_null(arena_alloc(&arena, 16));
#ifdef VSOCD_SANITIZED
    assert_true(arena.used_bytes > before);
#else
    assert_int_equal(arena.used_bytes, before);
#endif
    arena_fini(&arena);
}

static void copy_is_a_copy_and_leaves_out_alone_on_failure(void **state)
{
    (void)state;
    struct arena arena;
    char text[] = "gateway";
    struct slice out = SLICE_EMPTY;
    arena_init(&arena, 8192);
    assert_int_equal(arena_copy(&arena, slice_from_text(text), &out), STATUS_OK);
    text[0] = 'G';
    assert_true(slice_equal_text(out, "gateway"));
    struct slice huge = slice_make(text, 1 << 20);
    assert_int_equal(arena_copy(&arena, huge, &out), STATUS_NO_MEMORY);
    assert_true(slice_equal_text(out, "gateway"));
    arena_fini(&arena);
}

static void format_says_so_when_memory_is_out(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 8192);
    assert_string_equal(arena_format(&arena, "%d of %s", 3, "four"), "3 of four");
    arena_fini(&arena);
    arena_init(&arena, 0);
    assert_non_null(strstr(arena_format(&arena, "%d", 3), "no memory"));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
        cmocka_unit_test(limit_counts_all_memory_taken),
        cmocka_unit_test(one_piece_may_take_nearly_all_of_the_limit),
        cmocka_unit_test(absurd_size_is_refused),
        cmocka_unit_test(large_piece_leaves_the_open_block_in_use),
        cmocka_unit_test(copy_is_a_copy_and_leaves_out_alone_on_failure),
        cmocka_unit_test(format_says_so_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
