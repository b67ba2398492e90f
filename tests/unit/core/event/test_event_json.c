/* Behaviour of core/event/event_json.h, with jansson as reader of what was written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/event/event_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct writer out;
static struct event event;

static int start(void **state)
{
    (void)state;
    writer_init(&out, 1 << 20);
    memset(&event, 0, sizeof event);
    return 0;
}

static int end(void **state)
{
    (void)state;
    writer_fini(&out);
    return 0;
}

static void assert_text(const char *expected)
{
    assert_int_equal(out.status, STATUS_OK);
    if (!slice_equal_text(writer_slice(&out), expected))
        fail_msg("%.*s\nexpected %s", SLICE_ARGS(writer_slice(&out)), expected);
}

static void event_without_fields_is_an_empty_object(void **state)
{
    (void)state;
    event_json_write(&out, &event);
    assert_text("{}");
}

/* Example D of the automotive reference: QSEv of version 2 with timestamp and context. */
static void each_kind_has_its_form(void **state)
{
    (void)state;
    static const uint8_t uid[16] = {0x01, 0x9b, 0x76, 0xda, 0xc3, 0xd0, 0x70, 0,
                                    0x80, 0,    0,    0,    0,    0,    0,    1};
    static const uint8_t key[16] = {0xde, 0xad, 0xbe, 0xef};
    static const uint8_t context[] = {0x27, 0x02, 0xff, 0xff, 0xff, 0xff, 0x0e, 0x80};
    static const struct slice threats[] = {{(const uint8_t *)"11.3", 4},
                                           {(const uint8_t *)"18.3", 4}};
    EVENT_SET(&event, event_uid, slice_make(uid, 16));
    EVENT_SET(&event, tenant_id, SLICE_LITERAL("caf\xc3\xa9 \"x\"\n"));
    EVENT_SET(&event, dedup_key, slice_make(key, 16));
    EVENT_SET(&event, sev_id, 103);
    EVENT_SET(&event, context_modified, 0);
    EVENT_SET(&event, context_raw, slice_make(context, sizeof context));
    EVENT_SET(&event, attributes, SLICE_LITERAL("{\"a\":[1]}"));
    EVENT_SET(&event, time_event_ns, INT64_C(1767225600500000000));
    EVENT_SET(&event, time_received, INT64_C(1767225607120345999));
    EVENT_SET(&event, replay, 1);
    EVENT_SET(&event, src_ip, SLICE_LITERAL("192.0.2.1"));
    EVENT_SET(&event, speed_kmh, 53.2);
    EVENT_SET(&event, r155_threat, ((struct slice_list){threats, 2}));
    EVENT_SET(&event, cve, ((struct slice_list){NULL, 0}));
    event_json_write(&out, &event);
    assert_text("{\"event_uid\":\"019b76da-c3d0-7000-8000-000000000001\","
                "\"tenant_id\":\"caf\xc3\xa9 \\\"x\\\"\\n\","
                "\"dedup_key\":\"deadbeef000000000000000000000000\",\"sev_id\":103,"
                "\"context_modified\":false,\"context_raw\":\"JwL/////DoA=\","
                "\"attributes\":{\"a\":[1]},\"time_event\":\"2026-01-01T00:00:00.500000Z\",\"time_"
                "event_ns\":\"1767225600500000000\","
                "\"time_received\":\"2026-01-01T00:00:07.120345Z\",\"replay\":true,"
                "\"src_ip\":\"192.0.2.1\",\"speed_kmh\":53.2,\"r155_threat\":[\"11.3\",\"18.3\"],"
                "\"cve\":[]}");
}

static void every_field_alone_is_one_valid_member(void **state)
{
    (void)state;
    static const uint8_t bytes[32] = {'1'};
    static const struct slice item = {(const uint8_t *)"x", 1};
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        memset(&event, 0, sizeof event);
        event_mark(&event, f);
        if (field->kind == EVENT_KIND_LIST)
            *event_list_at(&event, field) = (struct slice_list){&item, 1};
        else if (field->kind == EVENT_KIND_JSON)
            *event_slice_at(&event, field) = SLICE_LITERAL("[]");
        else if (field->kind == EVENT_KIND_UUID || field->kind == EVENT_KIND_HEX ||
                 field->kind == EVENT_KIND_BASE64)
            *event_slice_at(&event, field) = slice_make(bytes, 16);
        else if (field->kind == EVENT_KIND_TEXT || field->kind == EVENT_KIND_INET)
            *event_slice_at(&event, field) = item;
        writer_reset(&out);
        event_json_write(&out, &event);
        json_t *value = json_loadb((const char *)out.data, out.size, 0, NULL);
        size_t members = f == EVENT_time_event_ns || f == EVENT_severity_id ? 2 : 1;
        if (!value || json_object_size(value) != members || !json_object_get(value, field->name))
            fail_msg("%s: %.*s", field->name, SLICE_ARGS(writer_slice(&out)));
        json_decref(value);
    }
}

static void write_field(int64_t can_id, int64_t seq)
{
    memset(&event, 0, sizeof event);
    EVENT_SET(&event, can_id, can_id);
    EVENT_SET(&event, vehicle_seq, seq);
    writer_reset(&out);
    event_json_write(&out, &event);
}

static void integers_are_numbers_up_to_what_a_double_holds(void **state)
{
    (void)state;
    write_field(536870911, (INT64_C(1) << 53) - 1);
    assert_text("{\"vehicle_seq\":9007199254740991,\"can_id\":536870911}");
    write_field(0, INT64_C(1) << 53);
    assert_text("{\"vehicle_seq\":\"9007199254740992\",\"can_id\":0}");
    memset(&event, 0, sizeof event);
    EVENT_SET(&event, clock_skew_ms, -((INT64_C(1) << 53) - 1));
    writer_reset(&out);
    event_json_write(&out, &event);
    assert_text("{\"clock_skew_ms\":-9007199254740991}");
    EVENT_SET(&event, clock_skew_ms, INT64_MIN);
    writer_reset(&out);
    event_json_write(&out, &event);
    assert_text("{\"clock_skew_ms\":\"-9223372036854775808\"}");
}

static void times_stand_in_rfc_3339_beside_their_ns(void **state)
{
    (void)state;
    EVENT_SET(&event, time_event_ns, 5);
    event_json_write(&out, &event);
    assert_text("{\"time_event\":\"1970-01-01T00:00:00.000000Z\",\"time_event_ns\":\"5\"}");
}

static void severities_are_words_too(void **state)
{
    (void)state;
    static const char *const words[] = {"unknown", "informational", "low",  "medium",
                                        "high",    "critical",      "fatal"};
    for (int i = 0; i <= 7; i++) {
        char expected[80];
        int id = i < 7 ? i : 99;
        snprintf(expected, sizeof expected, "{\"severity\":\"%s\",\"severity_id\":%d}",
                 i < 7 ? words[i] : "other", id);
        EVENT_SET(&event, severity_id, id);
        writer_reset(&out);
        event_json_write(&out, &event);
        assert_text(expected);
    }
}

static void raw_times_are_text_when_they_were(void **state)
{
    (void)state;
    static const struct {
        struct slice raw;
        const char *expected;
    } cases[] = {
        {SLICE_LITERAL("2026-11-22T10:15:02Z"), "2026-11-22T10:15:02Z"},
        {SLICE_LITERAL("Nov 22 10:15:02"), "Nov 22 10:15:02"},
        {SLICE_LITERAL("5"), "5"},
        {SLICE_LITERAL("-1.5"), "-1.5"},
        {SLICE_LITERAL("\xbb\x9a\xc9\xff\x69\x55\xb9\x00"), "bb9ac9ff6955b900"},
        {SLICE_LITERAL("jx12:abc"), "6a7831323a616263"}, /* bytes of a clock, all of them letters */
        {SLICE_LITERAL("1234567\n"), "313233343536370a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[80];
        snprintf(expected, sizeof expected, "{\"time_event_raw\":\"%s\"}", cases[i].expected);
        EVENT_SET(&event, time_event_raw, cases[i].raw);
        writer_reset(&out);
        event_json_write(&out, &event);
        assert_text(expected);
    }
}

static void several_events_can_follow_each_other(void **state)
{
    (void)state;
    EVENT_SET(&event, count, 1);
    event_json_write(&out, &event);
    writer_u8(&out, '\n');
    event_json_write(&out, &event);
    assert_text("{\"count\":1}\n{\"count\":1}");
}

static void times_agree_with_gmtime(void **state)
{
    (void)state;
    static const int64_t corners[] = {0,
                                      -1,
                                      INT64_MIN,
                                      INT64_MAX,
                                      INT64_C(951782399999999999),
                                      INT64_C(951782400000000000),
                                      INT64_C(4107542399000000000)};
    for (int64_t i = 0; i < 3000; i++) {
        int64_t ns = i < 7 ? corners[i] : (i - 1500) * INT64_C(6123456789012345);
        int64_t seconds = ns / 1000000000 - (ns % 1000000000 < 0);
        time_t t = (time_t)seconds;
        struct tm tm;
        char date[32], expected[96];
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", gmtime_r(&t, &tm));
        snprintf(expected, sizeof expected, "\"%s.%06ldZ\"", date,
                 (long)((ns % 1000000000 + (ns % 1000000000 < 0 ? 1000000000 : 0)) / 1000));
        writer_reset(&out);
        event_json_write_time(&out, ns);
        assert_text(expected);
    }
}

static void reject_keeps_its_bytes_and_leads_with_the_extra_members(void **state)
{
    (void)state;
    struct event_reject reject = {.index = 7,
                                  .raw_offset = 2113,
                                  .raw_size = 5,
                                  .raw = SLICE_LITERAL("\x00\xff{\"a"),
                                  .parser = SLICE_LITERAL("vsoc_json"),
                                  .code = SLICE_LITERAL("malformed"),
                                  .detail = SLICE_LITERAL("a \"key\"")};
    event_json_write_reject(&out, SLICE_LITERAL("\"batch_uid\":\"b\","), &reject);
    assert_text("{\"batch_uid\":\"b\",\"index\":7,\"raw_offset\":2113,\"raw_size\":5,"
                "\"parser\":\"vsoc_json\",\"code\":\"malformed\",\"detail\":\"a \\\"key\\\"\","
                "\"raw\":\"AP97ImE=\"}");
    writer_reset(&out);
    reject = (struct event_reject){.index = 0};
    event_json_write_reject(&out, SLICE_EMPTY, &reject);
    assert_text("{\"index\":0,\"raw_offset\":0,\"raw_size\":0,\"code\":\"\","
                "\"detail\":\"\"}");
}

static void a_full_writer_is_told_by_its_status(void **state)
{
    (void)state;
    struct writer small;
    writer_init(&small, 32);
    EVENT_SET(&event, message, SLICE_LITERAL("longer than what the writer takes, by far"));
    event_json_write(&small, &event);
    assert_int_equal(small.status, STATUS_TOO_LARGE);
    writer_fini(&small);
    writer_init(&small, 0);
    event_json_write(&small, &event);
    assert_int_equal(small.status, STATUS_TOO_LARGE);
    writer_fini(&small);
}

/* Every length of number and text, with room for whole words behind it and with no byte too many:
 * both ways give the same bytes. */
static void assert_same_with_and_without_room(void)
{
    writer_reset(&out);
    assert_true(writer_reserve(&out, 1 << 16));
    event_json_write(&out, &event);
    assert_int_equal(out.status, STATUS_OK);
    uint8_t *exact = malloc(out.size);
    struct writer tight = {.data = exact, .capacity = out.size, .limit = out.size};
    event_json_write(&tight, &event);
    assert_int_equal(tight.status, STATUS_OK);
    assert_int_equal(tight.size, out.size);
    assert_memory_equal(tight.data, out.data, out.size);
    free(exact);
}

static void numbers_of_every_length_are_right(void **state)
{
    (void)state;
    char expected[64];
    for (int64_t power = 1;; power *= 10) {
        const int64_t values[] = {power - 1, power,     power + 1, -power,
                                  power * 9, INT64_MAX, INT64_MIN};
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            event_clear(&event);
            EVENT_SET(&event, batch_index, values[i]);
            assert_same_with_and_without_room();
            snprintf(expected, sizeof expected, "{\"batch_index\":%lld}", (long long)values[i]);
            assert_text(expected);
        }
        if (power > INT64_MAX / 10)
            return;
    }
}

static void texts_of_every_length_are_right_with_and_without_escapes(void **state)
{
    (void)state;
    char text[40], expected[120];
    static const char *const odd[] = {"x", "\"", "\\", "\n", "\x01", "\x7f", "\xc3\xa9"};
    static const char *const escaped[] = {"x",       "\\\"", "\\\\",    "\\n",
                                          "\\u0001", "\x7f", "\xc3\xa9"};
    for (size_t size = 0; size < 33; size++) {
        for (size_t at = 0; at <= size; at++) {
            for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
                const int before = (int)at, after = (int)(size - at);
                snprintf(text, sizeof text, "%.*s%s%.*s", before,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", odd[k], after,
                         "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
                snprintf(expected, sizeof expected, "{\"tenant_id\":\"%.*s%s%.*s\"}", before,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", escaped[k], after,
                         "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
                event_clear(&event);
                EVENT_SET(&event, tenant_id, slice_from_text(text));
                assert_same_with_and_without_room();
                assert_text(expected);
            }
        }
    }
}

static void assert_says(const char *part)
{
    assert_non_null(memmem(out.data, out.size, part, strlen(part)));
}

static void every_kind_is_the_same_with_and_without_room(void **state)
{
    (void)state;
    static uint8_t bytes[256];
    static const struct slice items[] = {{(const uint8_t *)"11.3", 4},
                                         {(const uint8_t *)"a\"b", 3}};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    EVENT_SET(&event, event_uid, slice_make(bytes, 16));
    EVENT_SET(&event, dedup_key, slice_make(bytes + 100, 16));
    EVENT_SET(&event, chain_hash, slice_make(bytes + 200, 32));
    EVENT_SET(&event, time_event_raw, slice_make(bytes, 256));
    EVENT_SET(&event, context_raw, slice_make(bytes, 255));
    EVENT_SET(&event, attributes, SLICE_LITERAL("{\"a\":[1,null]}"));
    EVENT_SET(&event, src_ip, SLICE_LITERAL("2001:db8::1"));
    EVENT_SET(&event, speed_kmh, -0.125);
    EVENT_SET(&event, is_moving, 1);
    EVENT_SET(&event, clock_skew_ms, (INT64_C(1) << 53) - 1);
    EVENT_SET(&event, vehicle_seq, INT64_C(1) << 53);
    EVENT_SET(&event, time_event_ns, -1);
    EVENT_SET(&event, time_received, INT64_C(1795342502250000999));
    EVENT_SET(&event, r155_threat, ((struct slice_list){items, 1}));
    EVENT_SET(&event, cve, ((struct slice_list){items, 2}));
    EVENT_SET(&event, cwe, ((struct slice_list){items, 0}));
    static const int64_t severities[] = {0, 1, 2, 3, 4, 5, 6, 99};
    for (size_t i = 0; i < sizeof severities / sizeof *severities; i++) {
        EVENT_SET(&event, severity_id, severities[i]);
        assert_same_with_and_without_room();
    }
    assert_says("\"time_event\":\"1969-12-31T23:59:59.999999Z\"");
    assert_says("\"cve\":[\"11.3\",\"a\\\"b\"],\"cwe\":[]");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(event_without_fields_is_an_empty_object),
        CASE(each_kind_has_its_form),
        CASE(every_field_alone_is_one_valid_member),
        CASE(integers_are_numbers_up_to_what_a_double_holds),
        CASE(times_stand_in_rfc_3339_beside_their_ns),
        CASE(severities_are_words_too),
        CASE(raw_times_are_text_when_they_were),
        CASE(several_events_can_follow_each_other),
        CASE(times_agree_with_gmtime),
        CASE(reject_keeps_its_bytes_and_leads_with_the_extra_members),
        CASE(a_full_writer_is_told_by_its_status),
        CASE(numbers_of_every_length_are_right),
        CASE(texts_of_every_length_are_right_with_and_without_escapes),
        CASE(every_kind_is_the_same_with_and_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
