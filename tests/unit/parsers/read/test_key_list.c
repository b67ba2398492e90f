/* test_key_list.c: keys are unique, whatever their number and whatever the sender does for them to
 * share bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "parsers/read/key_list.h"

static void *blocks[4096];
static size_t block_count, blocks_allowed;

static void *test_alloc(const struct parser_context *context, size_t size)
{
    (void)context;
    if (block_count == blocks_allowed)
        return NULL;
    return blocks[block_count++] = malloc(size ? size : 1);
}

static const struct parser_context context = {.alloc = test_alloc, .received_ns = 17};

static int setup(void **state)
{
    (void)state;
    block_count = 0;
    blocks_allowed = sizeof blocks / sizeof *blocks;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    while (block_count)
        free(blocks[--block_count]);
    return 0;
}

static void assert_added(struct key_list *list, const char *key, const char *as)
{
    struct slice added = key_list_add(list, &context, slice_from_text(key));
    if (!slice_equal_text(added, as))
        fail_msg("%s was added as %.*s instead of %s", key, SLICE_ARGS(added), as);
}

static void a_repeated_key_gets_a_number(void **state)
{
    struct key_list list = {.count = 0};
    (void)state;
    assert_added(&list, "ip", "ip");
    assert_added(&list, "port", "port");
    assert_added(&list, "ip", "ip#2");
    assert_added(&list, "ip", "ip#3");
    assert_added(&list, "ip#4", "ip#4");
    assert_added(&list, "ip", "ip#5");
    assert_added(&list, "", "_");
    assert_added(&list, "", "_#2");
    list.count = 0;
    assert_added(&list, "ip", "ip");
}

/* Keys whose first and last eight bytes agree have one bit of the cheap hash. */
static void every_key_of_a_full_list_is_found_again(void **state)
{
    static char keys[KEY_LIST_MAX][48];
    (void)state;
    for (unsigned form = 0; form < 3; form++)
        for (size_t count = 1; count < KEY_LIST_MAX; count += count < 60 ? 1 : 97) {
            struct key_list list = {.count = 0};
            for (unsigned i = 0; i < count; i++) {
                snprintf(keys[i], sizeof keys[i],
                         form == 0   ? "%u"
                         : form == 1 ? "key-%u"
                                     : "the same head %u the same tail",
                         i);
                assert_added(&list, keys[i], keys[i]);
            }
            for (unsigned i = 0; i < count && list.count < KEY_LIST_MAX; i++) {
                char numbered[64];
                snprintf(numbered, sizeof numbered, "%s#2", keys[i]);
                assert_added(&list, keys[i], numbered);
            }
            teardown(NULL);
        }
}

static void a_full_list_takes_no_more(void **state)
{
    struct key_list list = {.count = 0};
    static char keys[KEY_LIST_MAX][8];
    (void)state;
    for (unsigned i = 0; i < KEY_LIST_MAX; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        assert_added(&list, keys[i], keys[i]);
    }
    assert_int_equal(key_list_add(&list, &context, SLICE_LITERAL("more")).size, 0);
    assert_int_equal(list.count, KEY_LIST_MAX);
}

static void without_memory_nothing_is_added(void **state)
{
    struct key_list list = {.count = 0};
    static char keys[KEY_LIST_FEW][8];
    (void)state;
    blocks_allowed = 0;
    for (unsigned i = 0; i < KEY_LIST_FEW; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        assert_added(&list, keys[i], keys[i]);
    }
    assert_int_equal(key_list_add(&list, &context, SLICE_LITERAL("more")).size, 0);
    assert_int_equal(key_list_add(&list, &context, SLICE_LITERAL("k1")).size, 0);
    assert_int_equal(list.count, KEY_LIST_FEW);
    blocks_allowed = 8;
    assert_added(&list, "more", "more");
    assert_added(&list, "k1", "k1#2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeated_key_gets_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_of_a_full_list_is_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_list_takes_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(without_memory_nothing_is_added, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
