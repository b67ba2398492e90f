#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "parsers/catalog/catalog_unknown.h"
#include "parsers/read/text.h"

#define TABLES 3

static struct catalog_unknown *tables[TABLES];

static int setup(void **state)
{
    (void)state;
    for (size_t i = 0; i < TABLES; i++) {
        tables[i] = catalog_unknown_create();
        if (!tables[i])
            return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < TABLES; i++)
        catalog_unknown_destroy(tables[i]);
    return 0;
}

static void count(size_t table, const char *id, size_t times)
{
    for (size_t i = 0; i < times; i++)
        catalog_unknown_count(tables[table], SLICE_LITERAL("oem"), SLICE_LITERAL("eve"),
                              slice_from_text(id));
}

static const struct catalog_unknown_item *find(const struct catalog_unknown_list *list,
                                               const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal_text(list->items[i].id, id))
            return &list->items[i];
    return NULL;
}

static void few_ids_are_counted_exactly_over_all_tables(void **state)
{
    struct catalog_unknown_list list;
    (void)state;
    count(0, "1:1", 3);
    count(1, "1:1", 4);
    count(2, "1:2", 9);
    catalog_unknown_count(tables[0], SLICE_LITERAL("other"), SLICE_LITERAL("eve"),
                          SLICE_LITERAL("1:1"));
    catalog_unknown_count(tables[0], SLICE_LITERAL("oem"), SLICE_EMPTY, SLICE_LITERAL("0x8001"));
    assert_int_equal(catalog_unknown_list(tables, TABLES, &list), STATUS_OK);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.total, 18);
    assert_int_equal(list.others_at_most, 0);
    assert_true(slice_equal_text(list.items[0].id, "1:2"));
    assert_true(slice_equal_text(list.items[1].tenant, "oem"));
    assert_int_equal(list.items[1].count, 7);
    assert_int_equal(find(&list, "0x8001")->format.size, 0);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(list.items[i].error, 0);
    catalog_unknown_list_fini(&list);
}

/* A flood of ids that come once, and some that come often, spread over the tables. */
static void frequent_ids_survive_a_flood_within_the_error_told(void **state)
{
    struct catalog_unknown_list list;
    char id[32];
    (void)state;
    for (size_t i = 0; i < 30000; i++) {
        snprintf(id, sizeof id, "flood %zu", i);
        count(i % TABLES, id, 1);
        snprintf(id, sizeof id, "often %zu", i % 10);
        if (i % 3 == 0)
            count(0, id, 1);
    }
    assert_int_equal(catalog_unknown_list(tables, TABLES, &list), STATUS_OK);
    assert_int_equal(list.total, 40000);
    assert_int_equal(list.count, CATALOG_UNKNOWN_IDS);
    assert_true(list.others_at_most <= 40000 / CATALOG_UNKNOWN_IDS + TABLES);
    for (size_t i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "often %zu", i);
        const struct catalog_unknown_item *item = find(&list, id);
        assert_non_null(item);
        assert_true(item->count >= 1000 && item->count - item->error <= 1000);
        assert_true(item->error <= list.others_at_most);
    }
    for (size_t i = 0; i < list.count; i++)
        if (slice_starts_with(list.items[i].id, "flood"))
            assert_true(list.items[i].count - list.items[i].error <= 1);
    catalog_unknown_list_fini(&list);
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct catalog_unknown_list list;
    char id[CATALOG_UNKNOWN_ID + 9];
    (void)state;
    memset(id, 'x', sizeof id);
    memcpy(id + CATALOG_UNKNOWN_ID - 1, "\xE2\x82\xAC", 3);
    id[sizeof id - 1] = '\0';
    count(0, id, 2);
    id[sizeof id - 2] = 'y'; /* behind what is kept */
    count(0, id, 1);
    assert_int_equal(catalog_unknown_list(tables, 1, &list), STATUS_OK);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].count, 3);
    assert_int_equal(list.items[0].id.size, CATALOG_UNKNOWN_ID - 1);
    assert_int_equal(utf8_check(list.items[0].id), STATUS_OK);
    catalog_unknown_list_fini(&list);
}

static void a_reset_forgets(void **state)
{
    struct catalog_unknown_list list;
    (void)state;
    count(0, "1:1", 3);
    assert_int_equal(catalog_unknown_total(tables[0]), 3);
    catalog_unknown_reset(tables[0]);
    assert_int_equal(catalog_unknown_total(tables[0]), 0);
    assert_int_equal(catalog_unknown_list(tables, 1, &list), STATUS_OK);
    assert_int_equal(list.count, 0);
    catalog_unknown_list_fini(&list);
}

static void *count_many(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < 20000; i++) {
        char id[32];
        snprintf(id, sizeof id, "%zu", i % 400);
        count(0, id, 1);
    }
    return NULL;
}

static void a_reader_meets_a_busy_counter(void **state)
{
    struct catalog_unknown_list list;
    pthread_t thread;
    uint64_t seen = 0;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, count_many, NULL), 0);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(catalog_unknown_list(tables, 1, &list), STATUS_OK);
        assert_true(list.total >= seen);
        seen = list.total;
        catalog_unknown_list_fini(&list);
    }
    pthread_join(thread, NULL);
    assert_int_equal(catalog_unknown_total(tables[0]), 20000);
}

#define unknown_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        unknown_test(few_ids_are_counted_exactly_over_all_tables),
        unknown_test(frequent_ids_survive_a_flood_within_the_error_told),
        unknown_test(long_texts_are_cut_between_characters),
        unknown_test(a_reset_forgets),
        unknown_test(a_reader_meets_a_busy_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
