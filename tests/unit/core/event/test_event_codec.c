/* Behaviour of core/event/event_codec.h: what goes in comes out; damaged bytes give a status. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/event/event_codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct writer out;
static struct event_encoder encoder;
static struct event_decoder decoder;
static struct event_item item;

static int start(void **state)
{
    (void)state;
    writer_init(&out, 1 << 24);
    event_encoder_init(&encoder, &out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    writer_fini(&out);
    return 0;
}

static void decode_start(void)
{
    assert_int_equal(out.status, STATUS_OK);
    assert_int_equal(event_decoder_init(&decoder, writer_slice(&out)), STATUS_OK);
}

static void assert_same_slice(struct slice a, struct slice b, const char *name)
{
    if (!slice_equal(a, b))
        fail_msg("%s: %zu bytes %.*s, expected %zu bytes", name, a.size, SLICE_ARGS(a), b.size);
}

static void assert_same_list(const struct slice_list *a, const struct slice_list *b,
                             const char *name)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_same_slice(a->items[i], b->items[i], name);
}

static void assert_same_event(const struct event *a, const struct event *b)
{
    assert_memory_equal(a->set, b->set, sizeof a->set);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        if (!event_is_set(b, f))
            continue;
        switch (field->kind) {
        case EVENT_KIND_INT:
        case EVENT_KIND_BIG:
        case EVENT_KIND_BOOL:
        case EVENT_KIND_TIME:
            if (*event_int_at(a, field) != *event_int_at(b, field))
                fail_msg("%s: %ld, expected %ld", field->name, *event_int_at(a, field),
                         *event_int_at(b, field));
            break;
        case EVENT_KIND_REAL:
            assert_memory_equal(event_real_at(a, field), event_real_at(b, field), sizeof(double));
            break;
        case EVENT_KIND_LIST:
            assert_same_list(event_list_at(a, field), event_list_at(b, field), field->name);
            break;
        default:
            assert_same_slice(*event_slice_at(a, field), *event_slice_at(b, field), field->name);
        }
    }
}

static void assert_next_event(const struct event *expected)
{
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
    assert_false(item.is_reject);
    assert_same_event(&item.event, expected);
}

static void assert_no_more(void)
{
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_END);
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_END);
}

/* --- generated values --- */

static uint64_t seed;

static uint64_t random_bits(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

static size_t below(size_t n)
{
    return (size_t)((random_bits() >> 8) % n);
}

static uint8_t pool[8192]; /* what slices point into */
static struct slice texts[8];

static struct slice some_slice(const struct event_field_info *field)
{
    size_t size = below(5) ? below(40) : below(4000);
    if (field->kind == EVENT_KIND_UUID)
        size = 16;
    if (field->kind == EVENT_KIND_HEX && field->min == field->max)
        size = (size_t)field->max;
    return slice_make(pool + below(sizeof pool - size), size);
}

static int64_t some_integer(const struct event_field_info *field)
{
    static const int64_t corners[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, 1 << 20};
    if (field->kind == EVENT_KIND_BOOL)
        return (int64_t)below(2);
    return below(3) ? (int64_t)below(100) : corners[below(sizeof corners / sizeof *corners)];
}

static double some_real(void)
{
    static const double corners[] = {0,       -0.0,   53.2,       -0.001, 1e300,    INFINITY,
                                     1.0 / 3, 0.0005, 999999.999, -12.5,  4.9e-324, 1e9};
    return corners[below(sizeof corners / sizeof *corners)];
}

static void fill_field(struct event *event, unsigned f)
{
    const struct event_field_info *field = &event_field_table[f];
    event_mark(event, f);
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        *event_int_at(event, field) = some_integer(field);
        break;
    case EVENT_KIND_REAL:
        *event_real_at(event, field) = some_real();
        break;
    case EVENT_KIND_LIST:
        *event_list_at(event, field) = (struct slice_list){texts, below(9)};
        break;
    default:
        *event_slice_at(event, field) = some_slice(field);
    }
}

static void pool_fill(void)
{
    seed = 7;
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)random_bits();
    for (size_t i = 0; i < 8; i++)
        texts[i] = slice_make(pool + 100 * i, i * 7);
}

/* A copy that decodes without the decoder: texts of lists are shared, they do not change. */
static void random_batch_comes_back(void **state)
{
    (void)state;
    enum { EVENTS = 400 };
    pool_fill();
    struct event *events = calloc(EVENTS, sizeof *events);
    struct event *event = calloc(1, sizeof *event);
    for (size_t i = 0; i < EVENTS; i++) {
        for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
            if (below(8) == 0)
                fill_field(event, f);
            else if (below(16) == 0)
                event_unmark(event, f);
        }
        events[i] = *event;
        event_encoder_add(&encoder, event);
    }
    assert_int_equal(encoder.events, EVENTS);
    decode_start();
    for (size_t i = 0; i < EVENTS; i++)
        assert_next_event(&events[i]);
    assert_no_more();
    free(event);
    free(events);
}

static void each_field_alone_comes_back(void **state)
{
    (void)state;
    pool_fill();
    struct event *events = calloc(3 * EVENT_FIELD_COUNT, sizeof *events);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        event_clear(&events[3 * f]); /* set, changed, not set */
        fill_field(&events[3 * f], f);
        event_clear(&events[3 * f + 1]);
        fill_field(&events[3 * f + 1], f);
        event_clear(&events[3 * f + 2]);
        for (unsigned k = 0; k < 3; k++)
            event_encoder_add(&encoder, &events[3 * f + k]);
    }
    decode_start();
    for (unsigned i = 0; i < 3 * EVENT_FIELD_COUNT; i++)
        assert_next_event(&events[i]);
    assert_no_more();
    free(events);
}

static void empty_texts_and_lists_stay_set(void **state)
{
    (void)state;
    struct event event;
    memset(&event, 0, sizeof event);
    EVENT_SET(&event, message, SLICE_EMPTY);
    EVENT_SET(&event, context_raw, SLICE_EMPTY);
    EVENT_SET(&event, cve, ((struct slice_list){NULL, 0}));
    EVENT_SET(&event, count, 0);
    event_encoder_add(&encoder, &event);
    event_encoder_add(&encoder, &event);
    decode_start();
    assert_next_event(&event);
    assert_next_event(&event);
    assert_no_more();
}

static struct event_reject some_reject(uint32_t index)
{
    return (struct event_reject){.index = index,
                                 .raw_offset = 100 * index,
                                 .raw_size = 99,
                                 .raw = slice_make(pool + index, 20),
                                 .parser = SLICE_LITERAL("cef"),
                                 .code = SLICE_LITERAL("malformed"),
                                 .detail = index % 2 ? SLICE_LITERAL("no header")
                                                     : SLICE_LITERAL("severity is no number")};
}

static void rejects_between_events_come_back(void **state)
{
    (void)state;
    pool_fill();
    struct event event;
    memset(&event, 0, sizeof event);
    for (uint32_t i = 0; i < 100; i++) {
        struct event_reject reject = some_reject(i);
        EVENT_SET(&event, batch_index, i);
        EVENT_SET(&event, raw_offset, 100 * i);
        EVENT_SET(&event, raw_size, 99);
        if (i % 3 == 0)
            event_encoder_reject(&encoder, &reject);
        else
            event_encoder_add(&encoder, &event);
    }
    assert_int_equal(encoder.rejects, 34);
    decode_start();
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
        assert_int_equal(item.is_reject, i % 3 == 0);
        if (!item.is_reject) {
            assert_int_equal(item.event.batch_index, i);
            assert_int_equal(item.event.raw_offset, 100 * i);
            continue;
        }
        struct event_reject expected = some_reject(i);
        assert_int_equal(item.reject.index, i);
        assert_int_equal(item.reject.raw_offset, expected.raw_offset);
        assert_int_equal(item.reject.raw_size, expected.raw_size);
        assert_same_slice(item.reject.raw, expected.raw, "raw");
        assert_same_slice(item.reject.parser, expected.parser, "parser");
        assert_same_slice(item.reject.code, expected.code, "code");
        assert_same_slice(item.reject.detail, expected.detail, "detail");
    }
    assert_no_more();
}

static void reject_with_corner_values_comes_back(void **state)
{
    (void)state;
    struct event_reject reject = {
        .index = UINT32_MAX, .raw_offset = UINT64_MAX, .raw_size = UINT64_MAX};
    event_encoder_reject(&encoder, &reject);
    reject.index = 0;
    reject.raw_offset = 0;
    event_encoder_reject(&encoder, &reject);
    decode_start();
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
    assert_int_equal(item.reject.index, UINT32_MAX);
    assert_true(item.reject.raw_offset == UINT64_MAX && item.reject.raw_size == UINT64_MAX);
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
    assert_int_equal(item.reject.index, 0);
    assert_true(item.reject.raw_offset == 0);
    assert_no_more();
}

/* --- a typical batch --- */

struct typical {
    char id[24], time[32];
    uint8_t dedup[16];
    struct event event;
};

static void typical_make(struct typical *t, uint32_t i)
{
    static const uint8_t pid[32] = {1, 2, 3};
    static const struct slice threats[] = {{(const uint8_t *)"11.3", 4},
                                           {(const uint8_t *)"18.3", 4}};
    struct event *e = &t->event;
    memset(t, 0, sizeof *t);
    snprintf(t->id, sizeof t->id, "7f3a-%u", i);
    snprintf(t->time, sizeof t->time, "2026-11-22T10:15:%02u.250Z", i % 60);
    for (size_t k = 0; k < sizeof t->dedup; k++)
        t->dedup[k] = (uint8_t)random_bits();
    EVENT_SET(e, batch_index, i);
    EVENT_SET(e, dedup_key, slice_make(t->dedup, 16));
    EVENT_SET(e, source_event_id, slice_from_text(t->id));
    EVENT_SET(e, vehicle_pid, slice_make(pid, 32));
    EVENT_SET(e, vin_key_id, 1);
    EVENT_SET(e, wmi, SLICE_LITERAL("1M8"));
    EVENT_SET(e, sw_baseline, SLICE_LITERAL("2026.40.1"));
    EVENT_SET(e, sensor_kind, SLICE_LITERAL("can_ids"));
    EVENT_SET(e, ecu_id, SLICE_LITERAL("GW-3"));
    EVENT_SET(e, sev_id, 100 + i % 7);
    EVENT_SET(e, sev_range, SLICE_LITERAL("autosar"));
    EVENT_SET(e, event_name,
              i % 2 ? SLICE_LITERAL("SEV_UDS_SECURITY_ACCESS_FAILED")
                    : SLICE_LITERAL("SEV_UDS_SECURITY_ACCESS_NEEDED"));
    EVENT_SET(e, event_category, SLICE_LITERAL("diagnostic_access"));
    EVENT_SET(e, attributes, SLICE_LITERAL("{\"attempt\":4}"));
    EVENT_SET(e, count, 1 + i % 5);
    EVENT_SET(e, time_event_ns, INT64_C(1795342502250000000) + i * INT64_C(1000000000));
    EVENT_SET(e, time_event_raw, slice_from_text(t->time));
    EVENT_SET(e, time_source, SLICE_LITERAL("rtc"));
    EVENT_SET(e, time_quality, SLICE_LITERAL("unknown"));
    EVENT_SET(e, clock_skew_ms, 5000 - i * INT64_C(1000));
    EVENT_SET(e, severity_id, 3);
    EVENT_SET(e, bus_id, SLICE_LITERAL("can0"));
    EVENT_SET(e, can_id, (int64_t)below(2048));
    EVENT_SET(e, is_moving, 1);
    EVENT_SET(e, speed_kmh, (double)below(2000) / 10);
    EVENT_SET(e, r155_threat, ((struct slice_list){threats, 2}));
    EVENT_SET(e, parse_status, SLICE_LITERAL("ok"));
    EVENT_SET(e, raw_offset, i * INT64_C(381));
    EVENT_SET(e, raw_size, 380);
}

static void what_repeats_takes_no_bytes(void **state)
{
    (void)state;
    seed = 3;
    struct typical t;
    for (uint32_t i = 0; i < 1000; i++) {
        typical_make(&t, i);
        event_encoder_add(&encoder, &t.event);
    }
    decode_start();
    seed = 3;
    for (uint32_t i = 0; i < 1000; i++) {
        typical_make(&t, i);
        assert_next_event(&t.event);
    }
    assert_no_more();
    print_message("%zu bytes a typical event\n", out.size / 1000);
    assert_in_range(out.size / 1000, 40, 120);

    size_t before = out.size;
    for (uint32_t i = 1000; i < 2000; i++) { /* only its place changes */
        t.event.batch_index = i;
        t.event.raw_offset = i * INT64_C(381);
        event_encoder_add(&encoder, &t.event);
    }
    assert_in_range((out.size - before) / 1000, 1, 6); /* head and bitmap */
}

/* --- damage --- */

/* Decodes a heap copy of exactly size bytes to its end; returns the last status. */
static enum status decode_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    size_t bytes = 0; /* reads all that is given out, so that a sanitizer sees it */
    enum status status = event_decoder_init(&decoder, slice_make(copy, size));
    while (status == STATUS_OK && (status = event_decoder_next(&decoder, &item)) == STATUS_OK) {
        if (item.is_reject) {
            for (size_t i = 0; i < item.reject.raw.size; i++)
                bytes += item.reject.raw.data[i];
            continue;
        }
        for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
            const struct event_field_info *field = &event_field_table[f];
            if (!event_is_set(&item.event, f))
                continue;
            if (field->kind == EVENT_KIND_LIST) {
                const struct slice_list *list = event_list_at(&item.event, field);
                for (size_t i = 0; i < list->count; i++)
                    bytes += list->items[i].size ? list->items[i].data[0] : 0;
            } else if (field->kind == EVENT_KIND_UUID) {
                const struct slice *s = event_slice_at(&item.event, field);
                assert_int_equal(s->size, 16);
                bytes += s->data[15];
            } else if (field->kind == EVENT_KIND_TEXT || field->kind == EVENT_KIND_HEX) {
                const struct slice *s = event_slice_at(&item.event, field);
                for (size_t i = 0; i < s->size; i++)
                    bytes += s->data[i];
            }
        }
    }
    free(copy);
    return bytes == SIZE_MAX ? STATUS_OK : status;
}

static void encode_some(void)
{
    pool_fill();
    struct typical t;
    for (uint32_t i = 0; i < 4; i++) {
        typical_make(&t, i);
        event_encoder_add(&encoder, &t.event);
        struct event_reject reject = some_reject(i);
        event_encoder_reject(&encoder, &reject);
    }
    struct event *event = calloc(1, sizeof *event);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++)
        fill_field(event, f);
    event_encoder_add(&encoder, event);
    free(event);
    assert_int_equal(out.status, STATUS_OK);
}

static void every_prefix_ends_or_is_truncated(void **state)
{
    (void)state;
    encode_some();
    unsigned whole = 0;
    for (size_t size = 0; size <= out.size; size++) {
        enum status status = decode_copy(out.data, size);
        assert_true(status == STATUS_END || status == STATUS_TRUNCATED ||
                    status == STATUS_MALFORMED);
        whole += status == STATUS_END;
    }
    assert_int_equal(whole, 10); /* behind the version byte and behind each of nine items */
}

static void every_changed_byte_gives_a_status(void **state)
{
    (void)state;
    encode_some();
    uint8_t *copy = malloc(out.size);
    unsigned refused = 0;
    for (size_t at = 0; at < out.size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, out.data, out.size);
            copy[at] ^= (uint8_t)(1u << bit);
            enum status status = decode_copy(copy, out.size);
            assert_int_not_equal(status, STATUS_OK);
            refused += status != STATUS_END;
        }
    }
    assert_true(refused > 1000);
    free(copy);
}

static void random_bytes_give_a_status(void **state)
{
    (void)state;
    uint8_t bytes[256];
    seed = 11;
    for (int round = 0; round < 20000; round++) {
        size_t size = below(sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = below(3) ? (uint8_t)below(4) : (uint8_t)random_bits();
        bytes[0] = EVENT_CODEC_VERSION;
        assert_int_not_equal(decode_copy(bytes, size), STATUS_OK);
    }
}

static void declared_sizes_are_checked_against_the_bytes_at_hand(void **state)
{
    (void)state;
    /* reject with a raw text of 2^62 bytes */
    static const uint8_t huge[] = {
        EVENT_CODEC_VERSION, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 'x'};
    assert_int_equal(decode_copy(huge, sizeof huge), STATUS_TRUNCATED);
}

static void newer_version_is_told_apart(void **state)
{
    (void)state;
    static const uint8_t newer[] = {EVENT_CODEC_VERSION + 1};
    assert_int_equal(event_decoder_init(&decoder, slice_make(newer, 1)), STATUS_VERSION);
    static const uint8_t oldest[] = {EVENT_CODEC_OLDEST};
    assert_int_equal(event_decoder_init(&decoder, slice_make(oldest, 1)), STATUS_OK);
    static const uint8_t zero[] = {0};
    assert_int_equal(event_decoder_init(&decoder, slice_make(zero, 1)), STATUS_MALFORMED);
    assert_int_equal(event_decoder_init(&decoder, SLICE_EMPTY), STATUS_TRUNCATED);
}

/* Runs between restarts refer to nothing outside them. */
static void runs_can_be_removed_and_joined(void **state)
{
    (void)state;
    struct typical t;
    struct writer joined;
    size_t ends[4] = {0};
    out.size = 0;
    for (uint32_t run = 0; run < 3; run++) {
        event_encoder_restart(&encoder);
        for (uint32_t n = 0; n < 5; n++) {
            seed = 10 * run + n + 1;
            typical_make(&t, 10 * run + n);
            event_encoder_add(&encoder, &t.event);
        }
        ends[run + 1] = out.size;
    }
    writer_init(&joined, 1 << 20);
    writer_add_slice(&joined, slice_make(out.data + ends[2], ends[3] - ends[2]));
    writer_add_slice(&joined, slice_make(out.data, ends[1]));
    assert_int_equal(event_decoder_init(&decoder, writer_slice(&joined)), STATUS_OK);
    for (uint32_t n = 0; n < 10; n++) {
        uint32_t made = n < 5 ? 20 + n : n - 5;
        seed = made + 1;
        typical_make(&t, made);
        assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
        assert_same_event(&item.event, &t.event);
    }
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_END);
    joined.data[0] = 0x80 | (EVENT_CODEC_VERSION + 1);
    assert_int_equal(event_decoder_init(&decoder, writer_slice(&joined)), STATUS_VERSION);
    writer_fini(&joined);
}

/* The layout of version 1 is that of 2, with fewer fields. */
static void a_batch_of_version_1_is_read(void **state)
{
    (void)state;
    struct typical t;
    struct writer w;
    writer_init(&w, 1 << 16);
    event_encoder_init(&encoder, &w);
    typical_make(&t, 1);
    event_encoder_add(&encoder, &t.event);
    assert_int_equal(w.status, STATUS_OK);
    assert_int_equal(w.data[0], EVENT_CODEC_VERSION);
    w.data[0] = 1;
    assert_int_equal(event_decoder_init(&decoder, writer_slice(&w)), STATUS_OK);
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
    assert_false(item.is_reject);
    assert_true(slice_equal(item.event.event_name, t.event.event_name));
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_END);
    writer_fini(&w);
}

static void a_full_writer_stops_the_encoder(void **state)
{
    (void)state;
    struct writer small;
    struct typical t;
    writer_init(&small, 4096);
    event_encoder_init(&encoder, &small);
    for (uint32_t i = 0; i < 1000; i++) {
        typical_make(&t, i);
        event_encoder_add(&encoder, &t.event);
        struct event_reject reject = some_reject(i);
        event_encoder_reject(&encoder, &reject);
    }
    assert_int_equal(small.status, STATUS_TOO_LARGE);
    assert_true(small.size <= 4096);
    writer_fini(&small);
}

static void more_list_texts_than_fit_are_refused(void **state)
{
    (void)state;
    struct slice many[EVENT_LIST_ITEMS_MAX + 1];
    for (size_t i = 0; i <= EVENT_LIST_ITEMS_MAX; i++)
        many[i] = SLICE_LITERAL("CVE-2026-1");
    struct event event;
    memset(&event, 0, sizeof event);
    EVENT_SET(&event, cve, ((struct slice_list){many, EVENT_LIST_ITEMS_MAX - 1}));
    EVENT_SET(&event, cwe, ((struct slice_list){many, 1}));
    event_encoder_add(&encoder, &event);
    decode_start();
    assert_next_event(&event);
    event.cwe.count = 2;
    event_encoder_add(&encoder, &event);
    assert_int_equal(out.status, STATUS_TOO_MANY);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(random_batch_comes_back),
        CASE(each_field_alone_comes_back),
        CASE(empty_texts_and_lists_stay_set),
        CASE(rejects_between_events_come_back),
        CASE(reject_with_corner_values_comes_back),
        CASE(what_repeats_takes_no_bytes),
        CASE(every_prefix_ends_or_is_truncated),
        CASE(every_changed_byte_gives_a_status),
        CASE(random_bytes_give_a_status),
        CASE(declared_sizes_are_checked_against_the_bytes_at_hand),
        CASE(runs_can_be_removed_and_joined),
        CASE(newer_version_is_told_apart),
        CASE(a_batch_of_version_1_is_read),
        CASE(a_full_writer_stops_the_encoder),
        CASE(more_list_texts_than_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
