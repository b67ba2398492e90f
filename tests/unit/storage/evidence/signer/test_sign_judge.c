#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "storage/evidence/signer/sign_judge.h"

#define LEAVES 20

/* Two trees with the same first leaves; the other one is a fork. */
struct trees {
    uint8_t mine[LEAVES][MERKLE_HASH_BYTES], other[LEAVES][MERKLE_HASH_BYTES];
};

static enum status hash_of(void *arg, unsigned level, uint64_t index,
                           uint8_t out[MERKLE_HASH_BYTES])
{
    uint8_t left[MERKLE_HASH_BYTES], right[MERKLE_HASH_BYTES];
    if (!level) {
        memcpy(out, (const uint8_t *)arg + index * MERKLE_HASH_BYTES, MERKLE_HASH_BYTES);
        return STATUS_OK;
    }
    enum status a = hash_of(arg, level - 1, 2 * index, left);
    enum status b = hash_of(arg, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return a == STATUS_OK ? b : a;
}

static void make_trees(struct trees *trees)
{
    for (uint8_t i = 0; i < LEAVES; i++) {
        const uint8_t mine[] = {i}, other[] = {i, 1};
        merkle_leaf_hash(slice_make(mine, sizeof mine), trees->mine[i]);
        merkle_leaf_hash(i < 5 ? slice_make(mine, sizeof mine) : slice_make(other, sizeof other),
                         trees->other[i]);
    }
}

static void head_of(uint8_t (*leaves)[MERKLE_HASH_BYTES], uint64_t size, struct sign_head *head)
{
    const struct merkle_source source = {hash_of, leaves};
    head->size = size;
    assert_int_equal(merkle_root(&source, size, head->root), STATUS_OK);
}

/* Asks for a head of `size` leaves, with a proof from `old` in the same tree. */
static enum status judge(uint8_t (*leaves)[MERKLE_HASH_BYTES], const struct sign_head *last,
                         uint64_t old, uint64_t size, const char *origin, const char *extension)
{
    const struct merkle_source source = {hash_of, leaves};
    struct sign_head head, next = {.size = 99};
    struct problem problem = {""};
    struct writer text;
    head_of(leaves, size, &head);
    struct checkpoint checkpoint = {
        .origin = slice_from_text(origin), .size = size, .extensions = slice_from_text(extension)};
    memcpy(checkpoint.root, head.root, sizeof head.root);
    writer_init(&text, 4096);
    checkpoint_write(&text, &checkpoint);
    struct add_checkpoint request = {.old_size = old, .note = writer_slice(&text)};
    if (old <= size)
        assert_int_equal(merkle_consistency(&source, old, size, &request.path), STATUS_OK);
    enum status status = sign_judge(SLICE_LITERAL("log"), last, &request, &next, &problem);
    assert_int_equal(next.size, status == STATUS_OK ? size : 99);
    if (status == STATUS_OK)
        assert_memory_equal(next.root, head.root, sizeof head.root);
    if (status == STATUS_REFUSED)
        assert_true(problem.text[0]);
    writer_fini(&text);
    return status;
}

static void only_what_continues_the_last_head_is_signed(void **state)
{
    struct trees trees;
    struct sign_head last;
    (void)state;
    make_trees(&trees);
    for (uint64_t old = 0; old < LEAVES; old++)
        for (uint64_t size = 1; size <= LEAVES; size++) {
            head_of(trees.mine, old, &last);
            enum status mine = judge(trees.mine, &last, old, size, "log", "");
            enum status other = judge(trees.other, &last, old, size, "log", "");
            assert_int_equal(mine, size < old ? STATUS_REFUSED : STATUS_OK);
            assert_int_equal(other, size < old || old > 5 ? STATUS_REFUSED : STATUS_OK);
        }
}

static void proof_from_another_size_gets_the_size_that_was_signed(void **state)
{
    struct trees trees;
    struct sign_head last;
    (void)state;
    make_trees(&trees);
    head_of(trees.mine, 7, &last);
    assert_int_equal(judge(trees.mine, &last, 6, 9, "log", ""), STATUS_CONFLICT);
    assert_int_equal(judge(trees.mine, &last, 0, 9, "log", ""), STATUS_CONFLICT);
    assert_int_equal(judge(trees.mine, &last, 8, 9, "log", ""), STATUS_CONFLICT);
    assert_int_equal(judge(trees.mine, &last, 0, 5, "log", ""), STATUS_CONFLICT);
}

static void another_origin_and_extensions_are_refused(void **state)
{
    struct trees trees;
    struct sign_head last = {.size = 0};
    (void)state;
    merkle_empty_root(last.root);
    make_trees(&trees);
    assert_int_equal(judge(trees.mine, &last, 0, 3, "log2", ""), STATUS_REFUSED);
    assert_int_equal(judge(trees.mine, &last, 0, 3, "lo", ""), STATUS_REFUSED);
    assert_int_equal(judge(trees.mine, &last, 0, 3, "log", "more\n"), STATUS_REFUSED);
}

static void text_that_is_no_checkpoint_is_malformed(void **state)
{
    static const char *const texts[] = {"", "log\n", "log\n1\n", "log\n1\nAAAA\n",
                                        "log\nx\nAAAA\n"};
    struct sign_head last = {.size = 0}, next;
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct add_checkpoint request = {.note = slice_from_text(texts[i])};
        assert_int_equal(sign_judge(SLICE_LITERAL("log"), &last, &request, &next, &problem),
                         STATUS_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_continues_the_last_head_is_signed),
        cmocka_unit_test(proof_from_another_size_gets_the_size_that_was_signed),
        cmocka_unit_test(another_origin_and_extensions_are_refused),
        cmocka_unit_test(text_that_is_no_checkpoint_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
