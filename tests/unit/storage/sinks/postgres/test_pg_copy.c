/* test_pg_copy.c: rows byte by byte against vectors worked out by hand from the manual's "Binary
 * Format" of COPY and the receive functions' layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "core/clock.h"
#include "storage/sinks/postgres/pg_copy.h"

static const uint8_t id[16] = {0x01, 0x9b, 0x76, 0xda, 0xc3, 0xd0, 0x70, 0,
                               0x80, 0,    0,    0,    0,    0,    0,    1};

static void set_required(struct event *e)
{
    event_clear(e);
    EVENT_SET(e, event_uid, slice_make(id, 16));
    EVENT_SET(e, schema_version, SLICE_LITERAL("1.0"));
    EVENT_SET(e, tenant_id, SLICE_LITERAL("demo"));
    EVENT_SET(e, batch_uid, slice_make(id, 16));
    EVENT_SET(e, batch_index, 7);
    EVENT_SET(e, dedup_key, slice_make(id, 16));
    EVENT_SET(e, sensor_kind, SLICE_LITERAL("diag"));
    EVENT_SET(e, event_name, SLICE_LITERAL("SEV_X"));
    EVENT_SET(e, event_category, SLICE_LITERAL("other"));
    EVENT_SET(e, count, 1);
    EVENT_SET(e, time_source, SLICE_LITERAL("none"));
    EVENT_SET(e, time_quality, SLICE_LITERAL("unknown"));
    EVENT_SET(e, time_received, 0);
    EVENT_SET(e, time_ingested, 0);
    EVENT_SET(e, severity_id, 3);
    EVENT_SET(e, parser_name, SLICE_LITERAL("vsoc_json"));
    EVENT_SET(e, parser_version, SLICE_LITERAL("1.0.0"));
    EVENT_SET(e, parse_status, SLICE_LITERAL("ok"));
    EVENT_SET(e, raw_offset, 0);
    EVENT_SET(e, raw_size, 380);
}

/* Value of a column in a row: its bytes, data NULL for SQL NULL. Fails when the row is malformed.
 */
static struct slice column_of(const struct writer *w, enum event_field field)
{
    const uint8_t *p = w->data, *end = w->data + w->size;
    assert_int_equal(p[0] << 8 | p[1], EVENT_FIELD_COUNT);
    p += 2;
    struct slice found = SLICE_EMPTY;
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        assert_true(end - p >= 4);
        uint32_t size = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        p += 4;
        if (size == UINT32_MAX)
            continue;
        assert_true((size_t)(end - p) >= size);
        if (i == (unsigned)field)
            found = slice_make(p, size);
        p += size;
    }
    assert_ptr_equal(p, end);
    return found;
}

static const struct pg_columns *all_columns(void)
{
    static struct pg_columns all;
    pg_columns_all(&all);
    return &all;
}

static void assert_column(const struct event *e, enum event_field field, const void *bytes,
                          size_t size)
{
    struct writer w;
    const struct event_field_info *bad = NULL;
    writer_init(&w, 1 << 20);
    assert_int_equal(pg_copy_event(&w, e, all_columns(), &bad), STATUS_OK);
    struct slice found = column_of(&w, field);
    assert_int_equal(found.size, size);
    assert_memory_equal(found.data, bytes, size);
    writer_fini(&w);
}

#define ASSERT_COLUMN(e, field, ...)                                                               \
    do {                                                                                           \
        const uint8_t expected[] = {__VA_ARGS__};                                                  \
        assert_column(e, EVENT_##field, expected, sizeof expected);                                \
    } while (0)

static void stream_head_and_end_are_the_manuals(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1024);
    pg_copy_begin(&w);
    pg_copy_end(&w);
    const uint8_t expected[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377";
    assert_int_equal(w.size, sizeof expected - 1);
    assert_memory_equal(w.data, expected, w.size);
    writer_fini(&w);
}

static void row_of_values_is_lengths_and_big_endian_bytes(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1024);
    pg_copy_row(&w, 5);
    pg_copy_int4(&w, -2);
    pg_copy_null(&w);
    pg_copy_time(&w, INT64_C(946684800000001999)); /* 1.999 µs after the epoch */
    pg_copy_bytes(&w, SLICE_LITERAL("ab"));
    pg_copy_int8(&w, 258);
    const uint8_t expected[] = {
        0, 5, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 8, 0, 0, 0, 0,
        0, 0, 0, 1, 0, 0, 0,    2,    'a',  'b',  0,    0,    0,    8,    0, 0, 0, 0, 0, 0, 1, 2};
    assert_int_equal(w.size, sizeof expected);
    assert_memory_equal(w.data, expected, w.size);
    writer_fini(&w);
}

static void event_kinds_have_the_layouts_of_their_types(void **state)
{
    (void)state;
    static struct event e;
    static const struct slice threats[] = {{(const uint8_t *)"11.3", 4}, {(const uint8_t *)"6", 1}};
    set_required(&e);
    EVENT_SET(&e, vin_key_id, -2);
    EVENT_SET(&e, sev_id, 0x01020304);
    EVENT_SET(&e, time_event_ns, INT64_MIN);
    EVENT_SET(&e, context_modified, 1);
    EVENT_SET(&e, is_moving, 0);
    EVENT_SET(&e, speed_kmh, 48.5);
    EVENT_SET(&e, time_sent, INT64_C(-1)); /* before 1970: floor of the µs */
    EVENT_SET(&e, attributes, SLICE_LITERAL("{\"a\":1}"));
    EVENT_SET(&e, src_ip, SLICE_LITERAL("192.0.2.7"));
    EVENT_SET(&e, dst_ip, SLICE_LITERAL("2001:db8::1"));
    EVENT_SET(&e, r155_threat, ((struct slice_list){threats, 2}));
    EVENT_SET(&e, cve, ((struct slice_list){NULL, 0}));
    EVENT_SET(&e, context_raw, slice_make("\0\xff", 2));
    EVENT_SET(&e, message, SLICE_EMPTY);
    assert_column(&e, EVENT_event_uid, id, 16);
    assert_column(&e, EVENT_tenant_id, "demo", 4);
    ASSERT_COLUMN(&e, batch_index, 0, 0, 0, 7);
    ASSERT_COLUMN(&e, vin_key_id, 0xff, 0xfe);
    ASSERT_COLUMN(&e, sev_id, 1, 2, 3, 4);
    ASSERT_COLUMN(&e, time_event_ns, 0x80, 0, 0, 0, 0, 0, 0, 0);
    ASSERT_COLUMN(&e, context_modified, 1);
    ASSERT_COLUMN(&e, is_moving, 0);
    ASSERT_COLUMN(&e, speed_kmh, 0x42, 0x42, 0, 0); /* IEEE 754: 48.5 = 1.515625 · 2^5 */
    /* -946684800000001 µs */
    ASSERT_COLUMN(&e, time_sent, 0xff, 0xfc, 0xa2, 0xfe, 0xc4, 0xc8, 0x1f, 0xff);
    ASSERT_COLUMN(&e, attributes, 1, '{', '"', 'a', '"', ':', '1', '}');
    ASSERT_COLUMN(&e, src_ip, 2, 32, 0, 4, 192, 0, 2, 7);
    ASSERT_COLUMN(&e, dst_ip, 3, 128, 0, 16, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                  0, 1);
    ASSERT_COLUMN(&e, r155_threat, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0,
                  0, 0, 4, '1', '1', '.', '3', 0, 0, 0, 1, '6');
    ASSERT_COLUMN(&e, cve, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25);
    ASSERT_COLUMN(&e, context_raw, 0, 0xff);
    assert_column(&e, EVENT_message, "", 0);
}

static void unset_fields_are_null(void **state)
{
    (void)state;
    static struct event e;
    struct writer w;
    const struct event_field_info *bad;
    set_required(&e);
    writer_init(&w, 1 << 20);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OK);
    assert_null(column_of(&w, EVENT_vehicle_pid).data);
    assert_null(column_of(&w, EVENT_message).data);
    writer_fini(&w);
}

static void columns_that_are_not_named_are_not_in_the_row(void **state)
{
    (void)state;
    static struct event e;
    static struct pg_columns columns;
    struct writer w;
    const struct event_field_info *bad;
    set_required(&e);
    pg_columns_init(&columns);
    assert_true(pg_columns_fit(&columns, &e));
    EVENT_SET(&e, ecu_id, SLICE_LITERAL("GW"));
    assert_false(pg_columns_fit(&columns, &e));
    pg_columns_add(&columns, &e);
    assert_true(pg_columns_fit(&columns, &e));
    pg_columns_keep(&columns, EVENT_region);
    writer_init(&w, 1 << 20);
    assert_int_equal(pg_copy_event(&w, &e, &columns, &bad), STATUS_OK);
    assert_int_equal(w.data[0] << 8 | w.data[1], columns.count);
    /* Read by place: region is NULL, the others are as in a row of all columns. */
    struct writer full;
    writer_init(&full, 1 << 20);
    assert_int_equal(pg_copy_event(&full, &e, all_columns(), &bad), STATUS_OK);
    const uint8_t *p = w.data + 2;
    for (unsigned field = 0; field < EVENT_FIELD_COUNT; field++) {
        if (!pg_columns_have(&columns, field))
            continue;
        struct slice expected = column_of(&full, (enum event_field)field);
        uint32_t size = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        assert_int_equal(size, expected.data ? expected.size : UINT32_MAX);
        p += 4;
        if (size != UINT32_MAX)
            assert_memory_equal(p, expected.data, size);
        p += expected.size;
    }
    assert_ptr_equal(p, w.data + w.size);
    writer_fini(&full);
    writer_fini(&w);
}

static void columns_that_no_event_sets_any_more_are_forgotten_after_some_loads(void **state)
{
    (void)state;
    static struct event e;
    static struct pg_columns columns;
    pg_columns_init(&columns);
    unsigned needed = columns.count;
    set_required(&e);
    EVENT_SET(&e, ecu_id, SLICE_LITERAL("GW"));
    assert_false(pg_columns_fit(&columns, &e));
    pg_columns_add(&columns, &e);
    assert_int_equal(columns.count, needed + 1);
    for (unsigned renewals = 0, loads = 0; renewals < 2; renewals++) {
        unsigned before = columns.count;
        for (loads = 0; loads < 1000 && (columns.count == before) && columns.loads < 1000;
             loads++) {
            pg_columns_renew(&columns);
            if (columns.loads == 0)
                break;
        }
        assert_int_equal(columns.count, renewals == 0 ? needed + 1 : needed);
    }
    assert_false(pg_columns_have(&columns, EVENT_ecu_id));
    assert_true(pg_columns_have(&columns, EVENT_event_uid));
}

static void value_that_does_not_fit_names_its_field_and_leaves_no_bytes(void **state)
{
    (void)state;
    static struct event e;
    struct writer w;
    const struct event_field_info *bad;
    writer_init(&w, 1 << 20);
    set_required(&e);
    EVENT_SET(&e, vin_key_id, 32768);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OUT_OF_RANGE);
    assert_string_equal(bad->name, "vin_key_id");
    set_required(&e);
    EVENT_SET(&e, count, INT64_C(1) << 31);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OUT_OF_RANGE);
    assert_string_equal(bad->name, "count");
    set_required(&e);
    EVENT_SET(&e, src_ip, SLICE_LITERAL("300.1.1.1"));
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_MALFORMED);
    assert_string_equal(bad->name, "src_ip");
    set_required(&e);
    EVENT_SET(&e, dst_ip, SLICE_LITERAL("0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"));
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_MALFORMED);
    set_required(&e);
    event_unmark(&e, EVENT_raw_size);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_NOT_FOUND);
    assert_string_equal(bad->name, "raw_size");
    set_required(&e);
    EVENT_SET(&e, speed_kmh, 1e300);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OUT_OF_RANGE);
    assert_int_equal(w.size, 0);
    assert_int_equal(w.status, STATUS_OK);
    writer_fini(&w);
}

static void long_values_grow_the_buffer_and_its_limit_is_told(void **state)
{
    (void)state;
    static struct event e;
    static uint8_t text[40000];
    struct writer w;
    const struct event_field_info *bad;
    memset(text, 'x', sizeof text);
    set_required(&e);
    EVENT_SET(&e, context_raw, slice_make(text, sizeof text));
    EVENT_SET(&e, message, slice_make(text, sizeof text));
    writer_init(&w, 200000);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OK);
    assert_int_equal(column_of(&w, EVENT_message).size, sizeof text);
    assert_memory_equal(column_of(&w, EVENT_context_raw).data, text, sizeof text);
    size_t one = w.size;
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OK);
    assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_TOO_LARGE);
    assert_int_equal(w.size, 2 * one);
    writer_fini(&w);
}

static void foreign_text_becomes_valid_utf8(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1024);
    pg_copy_text(&w, slice_make("a\0\xc3\xa4\xff\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82", 14));
    const uint8_t expected[] =
        "\0\0\0\x1c"
        "a\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd";
    assert_int_equal(w.size, 4 + 28);
    assert_memory_equal(w.data, expected, w.size);
    writer_reset(&w);
    pg_copy_text_or_null(&w, SLICE_EMPTY);
    assert_memory_equal(w.data, "\377\377\377\377", 4);
    writer_fini(&w);
}

static void array_parameter_has_one_dimension(void **state)
{
    (void)state;
    struct writer w;
    writer_init(&w, 1024);
    pg_copy_array(&w, PG_BYTEA, 1);
    pg_copy_bytes(&w, SLICE_LITERAL("k"));
    const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 17, 0,
                                0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'k'};
    assert_int_equal(w.size, sizeof expected);
    assert_memory_equal(w.data, expected, w.size);
    writer_fini(&w);
}

/* Not a test of time, which no test machine keeps: says what a row costs. */
static void typical_row_cost_is_printed(void **state)
{
    (void)state;
    static struct event e;
    struct writer w;
    const struct event_field_info *bad;
    set_required(&e);
    static uint8_t hash[32];
    EVENT_SET(&e, vehicle_pid, slice_make(hash, 32));
    EVENT_SET(&e, vin_key_id, 1);
    EVENT_SET(&e, source_event_id, SLICE_LITERAL("7f3a-118"));
    EVENT_SET(&e, time_event_ns, 1);
    EVENT_SET(&e, ecu_id, SLICE_LITERAL("GW-3"));
    EVENT_SET(&e, bus_id, SLICE_LITERAL("can0"));
    EVENT_SET(&e, can_id, 1808);
    EVENT_SET(&e, src_ip, SLICE_LITERAL("192.0.2.7"));
    EVENT_SET(&e, attributes, SLICE_LITERAL("{\"attempt\":4}"));
    EVENT_SET(&e, chain_hash, slice_make(hash, 32));
    writer_init(&w, 1 << 20);
    int rounds = 200000;
    int64_t start = clock_monotonic_ns();
    for (int i = 0; i < rounds; i++) {
        if (i % 100 == 0)
            writer_reset(&w);
        assert_int_equal(pg_copy_event(&w, &e, all_columns(), &bad), STATUS_OK);
    }
    print_message("%.0f ns a row of %zu bytes\n", (double)(clock_monotonic_ns() - start) / rounds,
                  w.size / 100);
    writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_head_and_end_are_the_manuals),
        cmocka_unit_test(row_of_values_is_lengths_and_big_endian_bytes),
        cmocka_unit_test(event_kinds_have_the_layouts_of_their_types),
        cmocka_unit_test(unset_fields_are_null),
        cmocka_unit_test(columns_that_are_not_named_are_not_in_the_row),
        cmocka_unit_test(columns_that_no_event_sets_any_more_are_forgotten_after_some_loads),
        cmocka_unit_test(value_that_does_not_fit_names_its_field_and_leaves_no_bytes),
        cmocka_unit_test(long_values_grow_the_buffer_and_its_limit_is_told),
        cmocka_unit_test(foreign_text_becomes_valid_utf8),
        cmocka_unit_test(array_parameter_has_one_dimension),
        cmocka_unit_test(typical_row_cost_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
