/* test_audit_text.c: a record is one JSON object without VINs and broken bytes; what a command
 * posts is read back, or refused with the field's name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/arena.h"
#include "core/json/json.h"
#include "core/vin.h"
#include "server/audit/audit_text.h"

static struct writer out;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    writer_init(&out, AUDIT_RECORD_BYTES);
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    writer_fini(&out);
    arena_fini(&arena);
    return 0;
}

static const char *write(const struct audit_field *fields, size_t count)
{
    const struct audit_head head = {
        .uid = {1, 2}, .time_ns = 1764482400123456789, .instance = "one", .kind = AUDIT_hold_added};
    writer_reset(&out);
    audit_text_write(&out, &head, fields, count);
    writer_u8(&out, '\0');
    assert_int_equal(out.status, STATUS_OK);
    return (const char *)out.data;
}

static void record_is_one_object_with_its_class(void **state)
{
    (void)state;
    const struct audit_field fields[] = {AUDIT_TEXT(hold, "h\"1"), AUDIT_UINT(records, 7),
                                         AUDIT_TIME(until, 1764482400000000000),
                                         AUDIT_TEXT(reason, ""), AUDIT_TIME(from, 0)};
    assert_string_equal(
        write(fields, 5),
        "{\"audit_uid\":\"01020000-0000-0000-0000-000000000000\",\"time\":"
        "\"2025-11-30T06:00:00.123456Z\",\"instance\":\"one\",\"kind\":\"hold_added\","
        "\"severity_id\":2,\"class_uid\":3004,\"class_name\":\"Entity Management\","
        "\"activity_id\":1,\"hold\":\"h\\\"1\",\"records\":7,\"until\":"
        "\"2025-11-30T06:00:00.000000Z\"}");
}

static void vins_are_masked_but_not_in_numbers(void **state)
{
    (void)state;
    const struct audit_field fields[] = {
        AUDIT_TEXT(reason, "car 1M8GDM9AXKP042788, wvwzzz1jzxw000001. 1M8GDM9AXKP0427889"),
        AUDIT_TEXT(serial, "12345678901234567")};
    const char *text = write(fields, 2);
    assert_non_null(strstr(text, "\"reason\":\"car (VIN), (VIN). (VIN)\""));
    assert_non_null(strstr(text, "\"serial\":\"12345678901234567\""));
}

static void vins_are_masked_inside_words_and_where_a_text_is_cut(void **state)
{
    (void)state;
    static const struct {
        const char *text, *stored;
    } glued[] = {
        {"VINWVWZZZ1JZXW000001", "VI(VIN)"},
        {"vinwvwzzz1jzxw000001x", "vi(VIN)x"},
        {"WVWZZZ1JZXW0000011M8GDM9AXKP042788", "(VIN)"},
        {"token:WVWZZZ1JZXW000001", "token:(VIN)"},
        {"datenschutzbeauftragter 1764482400123456789",
         "datenschutzbeauftragter 1764482400123456789"},
        {"c0ffee00c0ffee00c0ffee00c0ffee00", "c0ffee00c0ffee00c0ffee00c0ffee00"},
    };
    uint8_t clean[AUDIT_TEXT_BYTES];
    for (size_t i = 0; i < sizeof glued / sizeof *glued; i++)
        assert_true(slice_equal_text(audit_text_clean(slice_from_text(glued[i].text), clean),
                                     glued[i].stored));
    char text[AUDIT_TEXT_BYTES + 64];
    for (size_t before = AUDIT_TEXT_BYTES - 18; before <= AUDIT_TEXT_BYTES; before++) {
        memset(text, '-', before);
        memcpy(text + before, "WVWZZZ1JZXW000001", VIN_BYTES + 1);
        struct slice stored = audit_text_clean(slice_from_text(text), clean);
        assert_true(stored.size <= AUDIT_TEXT_BYTES);
        assert_null(memmem(stored.data, stored.size, "WVW", 3));
    }
}

static void hashes_are_kept_only_in_their_form(void **state)
{
    (void)state;
    const struct audit_field fields[] = {AUDIT_TEXT(vehicle, "veh:WVWZZZ1JZXW000001"),
                                         AUDIT_TEXT(serial, "x-WVWZZZ1JZXW000001")};
    const char *text = write(fields, 2);
    assert_non_null(strstr(text, "\"vehicle\":\"veh:(VIN)\""));
    assert_non_null(strstr(text, "\"serial\":\"x-(VIN)\""));
}

static void broken_bytes_are_replaced(void **state)
{
    (void)state;
    const struct audit_field fields[] = {AUDIT_SLICE(reason, slice_make("a\0b\xff\xc3\xa4\n", 7))};
    assert_non_null(strstr(write(fields, 1), "\"reason\":\"a?b?\xc3\xa4?\""));
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    static char text[5000];
    memset(text, '-', sizeof text - 1);
    const struct audit_field fields[] = {AUDIT_TEXT(reason, text)};
    assert_int_equal(strlen(strstr(write(fields, 1), "\"reason\":\"")),
                     strlen("\"reason\":\"\"}") + AUDIT_TEXT_BYTES);
}

static enum status read(const char *json, enum audit_kind *kind, struct audit_field *fields,
                        size_t *count, struct problem *problem)
{
    static char padded[4096 + JSON_PADDING];
    size_t size = strlen(json);
    memset(padded, 0, sizeof padded);
    memcpy(padded, json, size);
    return audit_text_read(slice_make(padded, size), &arena, kind, fields, count, problem);
}

static void what_a_command_posts_is_read_back(void **state)
{
    (void)state;
    struct audit_field fields[AUDIT_FIELDS_MAX];
    const struct audit_field posted[] = {AUDIT_TEXT(hold, "h\n1"), AUDIT_TEXT(reason, ""),
                                         AUDIT_TIME(until, 99), AUDIT_TEXT(actor, "eve (7)")};
    enum audit_kind kind;
    size_t count;
    struct problem problem;
    audit_text_request(&out, AUDIT_hold_added, posted, 4);
    writer_u8(&out, '\0');
    assert_int_equal(read((const char *)out.data, &kind, fields, &count, &problem), STATUS_OK);
    assert_int_equal(kind, AUDIT_hold_added);
    assert_int_equal(count, 3);
    assert_int_equal(fields[0].id, AUDIT_FIELD_hold);
    assert_true(slice_equal_text(fields[0].text, "h?1"));
    assert_int_equal(fields[1].id, AUDIT_FIELD_until);
    assert_int_equal(fields[1].number, 99);
}

static void wrong_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
    } wrong[] = {
        {"", "one JSON object"},
        {"[]", "one JSON object"},
        {"{}", "kind"},
        {"{\"kind\":7}", "kind"},
        {"{\"kind\":\"nothing\"}", "kind"},
        {"{\"kind\":\"hold_added\",\"peer\":\"x\"}", "peer"},
        {"{\"kind\":\"hold_added\",\"nothing\":\"x\"}", "nothing"},
        {"{\"kind\":\"hold_added\",\"hold\":1}", "hold"},
        {"{\"kind\":\"hold_added\",\"until\":-1}", "until"},
        {"{\"kind\":\"hold_added\",\"until\":\"x\"}", "until"},
        {"{\"kind\":\"hold_added\",\"hold\":{\"a\":[]}}", "one JSON object"},
        {"{\"kind\":\"hold_added\",\"hold\":\"h\"}", "actor"},
        {"{\"kind\":\"hold_added\",\"actor\":\"\"}", "actor"},
        {"{\"kind\":\"hold_added\",\"vehicle\":\"WVWZZZ1JZXW000001\"}", "vehicle"},
        {"{\"kind\":\"hold_added\",\"vehicle\":7}", "vehicle"},
        {"{\"kind\":\"evidence_retired\",\"reason\":\"age\"}", "server alone"},
        {"{\"kind\":\"refused\",\"count\":1}", "server alone"},
    };
    struct audit_field fields[AUDIT_FIELDS_MAX];
    enum audit_kind kind;
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct problem problem;
        assert_int_equal(read(wrong[i].json, &kind, fields, &count, &problem), STATUS_MALFORMED);
        assert_non_null(strstr(problem.text, wrong[i].why));
    }
}

static void table_names_only_fields_that_there_are(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < AUDIT_KIND_COUNT; kind++) {
        unsigned words = 0;
        for (const char *at = audit_kind_table[kind].fields; *at; words++) {
            size_t size = strcspn(at, " ");
            assert_non_null(audit_field_find(slice_make(at, size)));
            at += size + (at[size] == ' ');
        }
        assert_true(words > 0 && words <= AUDIT_FIELDS_MAX);
        assert_int_equal(audit_kind_has(kind, "actor"), audit_kind_table[kind].by_command);
        assert_int_equal(audit_kind_find(slice_from_text(audit_kind_table[kind].name)), kind);
    }
    assert_true(audit_kind_has(AUDIT_hold_added, "until"));
    assert_false(audit_kind_has(AUDIT_hold_added, "unti"));
    assert_int_equal(audit_kind_find(SLICE_LITERAL("hold")), AUDIT_KIND_COUNT);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(record_is_one_object_with_its_class),
        T(vins_are_masked_but_not_in_numbers),
        T(vins_are_masked_inside_words_and_where_a_text_is_cut),
        T(hashes_are_kept_only_in_their_form),
        T(broken_bytes_are_replaced),
        T(long_texts_are_cut),
        T(what_a_command_posts_is_read_back),
        T(wrong_requests_are_refused),
        T(table_names_only_fields_that_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
