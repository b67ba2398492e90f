/* parsers/formats/json/vsoc_json_quick.h makes of a record what the reader of any native event
 * makes of it, or nothing: made-up records, most of them plain, some wrong in one place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/arena.h"
#include "core/event/event_codec.h"
#include "core/json/json_names.h"
#include "parsers/engine/pipeline.h"
#include "parsers/engine/pipeline_run.h"
#include "parsers/formats/json/vsoc_json.h"
#include "parsers/formats/json/vsoc_json_keys.h"
#include "parsers/registry/builtin.h"

enum { BODY = 1 << 17, RECORDS = 400, ROUNDS = 60, MEMBERS = 12 };

struct bench {
    struct json_parser *ahead, *alone;
    struct arena arena;
    uint8_t *body;
    size_t size, starts[RECORDS + 1];
    uint64_t seed;
    struct event event;
    unsigned emitted, quick;
};

static struct bench b;

static int start(void **state)
{
    (void)state;
    b.ahead = json_parser_create(16, 1000);
    b.alone = json_parser_create(16, 1000);
    b.body = malloc(BODY + JSON_PADDING);
    return b.ahead && b.alone && b.body ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    json_parser_destroy(b.ahead);
    json_parser_destroy(b.alone);
    free(b.body);
    return 0;
}

static size_t below(size_t n)
{
    b.seed = b.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((b.seed >> 33) % n);
}

static void put(const char *text)
{
    size_t size = strlen(text);
    assert_true(b.size + size <= BODY);
    memcpy(b.body + b.size, text, size);
    b.size += size;
}

/* ---- records ---- */

static const char *any_of(const char *const *items, size_t count)
{
    return items[below(count)];
}
#define ANY(items) any_of(items, sizeof items / sizeof *items)

static const char *const objects[] = {
    "{\"a\":1}",
    "{\"a\":1,\"b\":\"x\"}",
    "{\"attempt\":4,\"vin\":\"1M8GDM9AXKP042788\",\"on\":true,\"off\":null}",
    "{\"a\":1,\"a\":2}",
    "{ \"a\" : 1}",
    "{\"a\":{\"b\":1}}",
    "{\"a\":1.25,\"b\":12345678901234567890}",
    "{}",
    "{\"a\":\"x\\n\"}",
    "{\"a\":tru}",
    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}"};

static void put_value(unsigned field)
{
    static const char *const texts[] = {"\"\"",
                                        "\"a\"",
                                        "\"can_ids\"",
                                        "\"receive error counter rising while driving\"",
                                        "\"\xC3\xA9\xE2\x82\xAC\"",
                                        "\"a, b: {c} [d]\""};
    static const char *const numbers[] = {"0",
                                          "7",
                                          "-1",
                                          "12",
                                          "255",
                                          "1234567",
                                          "12345678",
                                          "99999999",
                                          "123456789",
                                          "-12345678",
                                          "0.5",
                                          "12.25",
                                          "-3.125",
                                          "1e3",
                                          "35.7",
                                          "100000.0",
                                          "1E-2",
                                          "4.0",
                                          "12345678901234567890"};
    static const char *const integers[] = {"0",        "7",         "-1",         "12",
                                           "255",      "1234567",   "12345678",   "99999999",
                                           "10000000", "123456789", "-123456789", "-12345678"};
    static const char *const small[] = {"1", "5", "6", "3"};
    static const char *const times[] = {"\"2026-11-29T23:38:41.230Z\"",
                                        "\"2026-11-29T23:38:41+01:00\"",
                                        "1795342505",
                                        "1795342505123",
                                        "\"1795342505.5\"",
                                        "\"soon\"",
                                        "1795342505.25",
                                        "123456789012345678",
                                        "\"2026-13-01T00:00:00Z\""};
    static const char *const words[] = {"true", "false"};
    static const char *const odd[] = {
        "null", "tru",   "01",  "\"\\u0041\"", "{\"k\":1}",       "[]",         "1.",
        "-",    "truee", "1 2", "nul",         "[\"T1\",\"T2\"]", "\"a\\\"b\"", "+1"};
    enum event_kind kind =
        field < EVENT_FIELD_COUNT ? event_field_table[field].kind : EVENT_KIND_TIME;
    if (below(100) == 0)
        put(ANY(odd));
    else if (below(80) == 0)
        put(ANY(numbers));
    else if (kind == EVENT_KIND_JSON)
        put(ANY(objects));
    else if (kind == EVENT_KIND_REAL)
        put(ANY(numbers));
    else if (kind == EVENT_KIND_INT || kind == EVENT_KIND_BIG)
        put(below(8) ? ANY(small) : ANY(integers));
    else if (kind == EVENT_KIND_BOOL)
        put(ANY(words));
    else if (kind == EVENT_KIND_TIME)
        put(ANY(times));
    else
        put(ANY(texts));
}

static void put_space(void)
{
    static const char *const spaces[] = {" ", "  ", "\t", " \r"};
    if (below(8) == 0)
        put(ANY(spaces));
}

/* A key is rarely there twice. */
static bool is_taken(uint64_t used[4], unsigned field, char name)
{
    unsigned bit = name == 'v' ? 200 : field;
    bool taken = used[bit / 64] >> bit % 64 & 1;
    used[bit / 64] |= UINT64_C(1) << bit % 64;
    return taken && below(20);
}

static void put_member(bool is_first, uint64_t used[4])
{
    static const unsigned usual[] = {
        EVENT_sensor_kind, EVENT_ecu_id,    EVENT_event_name, EVENT_severity_id, EVENT_count,
        EVENT_can_id,      EVENT_is_moving, EVENT_speed_kmh,  EVENT_message,     EVENT_sev_id,
        EVENT_attributes,  EVENT_src_port,  EVENT_src_ip,     EVENT_vehicle_seq};
    char key[80];
    unsigned field = usual[below(sizeof usual / sizeof *usual)];
    const char *name = event_field_table[field].name;
    switch (below(12)) {
    case 0:
        field = EVENT_source_event_id;
        name = "id";
        break;
    case 1:
        field = EVENT_source_event_id;
        name = "vin";
        break;
    case 2:
        field = EVENT_FIELD_COUNT;
        name = "time";
        break;
    case 3:
        if (below(6) == 0) {
            field = (unsigned)below(EVENT_FIELD_COUNT);
            name = event_field_table[field].name;
        }
        break;
    default:
        break;
    }
    if (is_taken(used, field, name[0] == 'v' && name[1] == 'i' ? 'v' : 0))
        return;
    put(is_first ? "" : ",");
    snprintf(key, sizeof key, below(200) ? "\"%s\"" : "\"x%s\"", name);
    put_space();
    put(key);
    put_space();
    put(below(300) ? ":" : "::");
    put_space();
    put_value(field);
    put_space();
}

static void put_record(void)
{
    size_t members = 1 + below(MEMBERS);
    uint64_t used[4] = {0};
    put("{");
    for (size_t i = 0; i < members; i++) {
        put_member(!i, used);
    }
    put(below(100) ? "}" : ",}");
}

/* ---- both readers ---- */

static void *take_memory(const struct parser_context *context, size_t size)
{
    (void)context;
    return arena_alloc(&b.arena, size);
}

static void keep_event(const struct parser_context *context, struct event *event)
{
    (void)context;
    b.event = *event;
    b.emitted++;
}

static void encode(const struct event *event, struct writer *w)
{
    static struct event_encoder encoder;
    writer_init(w, 1 << 20);
    event_encoder_init(&encoder, w);
    event_encoder_add(&encoder, event);
    assert_int_equal(w->status, STATUS_OK);
}

static void read_both(struct slice record)
{
    struct frame frame = {.below = NULL};
    struct run run = {.frame = &frame};
    struct parser_context context = {
        .alloc = take_memory, .emit = keep_event, .server = &run, .json = b.ahead};
    struct json_document document;
    struct json_error error;
    struct parser_outcome outcome = {.result = PARSER_OK};
    const struct json_repair repair = {.repeated = SLICE_EMPTY};
    struct event event;
    struct writer quick, other;
    size_t size;
    json_parser_ahead(b.ahead, slice_make(b.body, b.size)); /* forgets failures */
    if (!parser_vsoc_json_quick(record.data, &context, &event, &size))
        return;
    assert_int_equal(size, record.size);
    b.quick++;
    b.emitted = 0;
    context.json = b.alone;
    assert_int_equal(json_parse_named(b.alone, &vsoc_json_names, record, &document, &error),
                     STATUS_OK);
    vsoc_json_read(record, &context, &document, &repair, &outcome);
    assert_int_equal(b.emitted, 1);
    assert_true(slice_equal(event.vin, b.event.vin));
    assert_int_equal(event.vin.data == NULL, b.event.vin.data == NULL);
    assert_memory_equal(event.guessed, b.event.guessed, sizeof event.guessed);
    encode(&event, &quick);
    encode(&b.event, &other);
    assert_int_equal(quick.size, other.size);
    assert_memory_equal(quick.data, other.data, quick.size);
    writer_fini(&quick);
    writer_fini(&other);
}

static void a_record_gives_the_same_event_or_none(void **state)
{
    (void)state;
    unsigned records = 0;
    for (b.seed = 1, b.quick = 0; records < ROUNDS * RECORDS;) {
        arena_init(&b.arena, (size_t)64 << 20);
        b.size = 0;
        size_t count = 0;
        for (; count < RECORDS && b.size < BODY / 2; count++) {
            b.starts[count] = b.size;
            put_record();
            put("\n");
        }
        b.starts[count] = b.size;
        json_parser_ahead(b.ahead, slice_make(b.body, b.size));
        for (size_t i = 0; i < count; i++)
            read_both(slice_make(b.body + b.starts[i], b.starts[i + 1] - 1 - b.starts[i]));
        json_parser_ahead(b.ahead, SLICE_EMPTY);
        arena_fini(&b.arena);
        records += (unsigned)count;
    }
    assert_true(b.quick > records / 16); /* else this tests nothing */
}

static bool is_quick(const char *text)
{
    struct parser_context context = {.alloc = take_memory, .emit = keep_event, .json = b.ahead};
    struct event event;
    size_t size;
    b.size = 0;
    put(text);
    json_parser_ahead(b.ahead, slice_make(b.body, b.size));
    bool quick = parser_vsoc_json_quick(b.body, &context, &event, &size) && size == b.size;
    json_parser_ahead(b.ahead, SLICE_EMPTY);
    return quick;
}

static void what_is_not_plain_is_left_to_the_other_reader(void **state)
{
    static const char *const others[] = {
        "{}",
        "{\"message\":\"m\",\"message\":\"n\"}",
        "{\"message\":\"m\",\"id\":\"1\",\"source_event_id\":\"2\"}",
        "{\"message\":\"m\",\"time\":1,\"time_event_ns\":1}",
        "{\"message\":\"m\",\"unknown\":1}",
        "{\"message\":\"m\",\"tenant_id\":\"t\"}",
        "{\"message\":\"m\",\"attributes\":{}}",
        "{\"message\":\"m\",\"attributes\":{ \"a\":1}}",
        "{\"message\":\"m\",\"attributes\":{\"a\": 1}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":1 }}",
        "{\"message\":\"m\",\"attributes\":{\"a\":1,\"a\":2}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":{}}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":[1]}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":1,}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":01}}",
        "{\"message\":\"m\",\"attributes\":{\"a\":1}",
        "{\"message\":\"m\",\"attributes\":{\"a\":1},\"attributes\":{\"b\":1}}",
        "{\"message\":\"m\",\"attributes\":1}",
        "{\"message\":\"m\\n\"}",
        "{\"message\":null}",
        "{\"message\":\"m\",\"count\":\"1\"}",
        "{\"message\":\"m\",\"count\":01}",
        "{\"message\":\"m\",\"count\":0}",
        "{\"message\":\"m\",\"speed_kmh\":1000.5}",
        "{\"message\":\"m\",\"wmi\":\"long\"}",
        "{\"message\":\"\"}",
        "{\"message\":\"m\",\"count\":1.0}",
        "{\"message\":\"m\",\"is_moving\":1}",
        "{\"message\":\"m\",\"time\":-1}",
        "{\"message\":\"m\",\"time\":\"soon\"}",
        "{\"count\":1}",
        "{\"message\":\"m}",
        "{\"message\":\"m\",}",
        "{\"message\":\"m\"}}",
        "{\"message\" \"m\"}",
        "{\"message\":\"m\" \"count\":1}",
        "[\"message\",\"m\"]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is_quick(others[i]))
            fail_msg("%s is not plain", others[i]);
    assert_true(is_quick("{\"message\":\"m\"}"));
    assert_true(is_quick("{\"attributes\":{\"a\":1,\"b\":\"x y\",\"c\":null},\"message\":\"m\"}"));
    assert_true(is_quick("{\"message\":\"m\",\"attributes\":{\"a\":-1.5} }"));
    assert_true(
        is_quick("{\"sev_id\":4711,\"can_id\":12345678,\"time\":\"2026-11-29T23:38:41.230Z\"}"));
    assert_true(is_quick("{ \"event_name\": \"e\", \"speed_kmh\": 35, \"time\": 1795342505 }"));
}

/* ---- whole bodies ---- */

static void put_separator(void)
{
    static const char *const usual[] = {"\n", "\n", "\n", "\r\n", " \n", "\n\n"};
    static const char *const odd[] = {"", " ", ",", ",\n", "x\n", "}", "\x1e", "[", "]\n", "7 "};
    put(below(12) ? ANY(usual) : ANY(odd));
}

static void encode_item(void *arg, const struct event *event)
{
    event_encoder_add(arg, event);
}

static void encode_reject(void *arg, const struct event_reject *reject)
{
    event_encoder_reject(arg, reject);
}

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg, (void)tenant;
    memset(pid, 0, 32);
    memcpy(pid, vin.data, vin.size < 32 ? vin.size : 32);
    return 1;
}

/* All items of the body, encoded. */
static void run_body(struct json_parser *json, const struct registry *registry,
                     const struct catalog *catalog, struct slice ecu_id, struct writer *w)
{
    struct arena arena;
    struct event_encoder encoder;
    struct pipeline_result result;
    arena_init(&arena, (size_t)64 << 20);
    writer_init(w, (size_t)64 << 20);
    event_encoder_init(&encoder, w);
    struct normaliser normaliser = {.catalog = catalog,
                                    .received_ns = INT64_C(1795342505000000000),
                                    .tenant_id = SLICE_LITERAL("t"),
                                    .pseudonym = pseudonym,
                                    .arena = &arena};
    const struct pipeline_options options = {.parser = &parser_vsoc_json,
                                             .event_bytes = 600,
                                             .batch_events = 100000,
                                             .json_depth = 16,
                                             .ecu_id = ecu_id,
                                             .normaliser = &normaliser,
                                             .json = json,
                                             .json_inner = b.alone,
                                             .registry = registry,
                                             .on_event = encode_item,
                                             .on_reject = encode_reject,
                                             .arg = &encoder};
    assert_int_equal(pipeline_run(&options, slice_make(b.body, b.size), &result), STATUS_OK);
    assert_int_equal(w->status, STATUS_OK);
    arena_fini(&arena);
}

/* A parser with room for few nodes binds nothing: each record goes through the nodes. */
static void a_body_gives_the_same_items_with_and_without_binding(void **state)
{
    (void)state;
    struct json_parser *nodes_only = json_parser_create(16, JSON_NAMES_COUNT);
    struct registry *registry = registry_create();
    struct catalog *catalog = catalog_create_builtin();
    b.seed = 7;
    for (unsigned round = 0; round < 400; round++) {
        struct writer bound, other;
        static uint8_t long_ecu[200];
        struct slice ecu_id = round % 50 ? SLICE_EMPTY : slice_make(long_ecu, sizeof long_ecu);
        memset(long_ecu, 'e', sizeof long_ecu);
        b.size = 0;
        for (size_t records = 1 + below(60); records; records--) {
            put_record();
            put_separator();
        }
        memset(b.body + b.size, 0, JSON_PADDING);
        run_body(b.ahead, registry, catalog, ecu_id, &bound);
        run_body(nodes_only, registry, catalog, ecu_id, &other);
        assert_int_equal(bound.size, other.size);
        assert_memory_equal(bound.data, other.data, bound.size);
        writer_fini(&bound);
        writer_fini(&other);
    }
    json_parser_destroy(nodes_only);
    registry_destroy(registry);
    catalog_destroy(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gives_the_same_event_or_none),
        cmocka_unit_test(a_body_gives_the_same_items_with_and_without_binding),
        cmocka_unit_test(what_is_not_plain_is_left_to_the_other_reader),
    };
    return cmocka_run_group_tests(tests, start, end);
}
