/* test_scrub.c: VINs out of texts and events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/arena.h"
#include "core/hash.h"
#include "core/writer.h"
#include "parsers/privacy/scrub.h"

#define FITS  "1M8GDM9AXKP042788"
#define FITS2 "1G4AH59H45G118341"
#define OTHER "WVWZZZ1JZXW000001"

static struct arena arena;
static unsigned made;

/* The VIN's last character, four times. */
static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg;
    (void)tenant;
    memset(pid, vin.data[16], 32);
    made++;
    return 1;
}

static void *alloc(void *arg, size_t size)
{
    return arena_alloc(arg, size);
}

static struct scrub make(void)
{
    return (struct scrub){
        .pseudonym = pseudonym, .tenant = SLICE_LITERAL("t"), .alloc = alloc, .alloc_arg = &arena};
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    made = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void check(struct scrub *s, enum scrub_form form, const char *text, const char *expected)
{
    struct slice out = slice_from_text(text);
    assert_true(scrub_text(s, form, &out));
    if (!slice_equal_text(out, expected))
        fail_msg("%s became %.*s, not %s", text, SLICE_ARGS(out), expected);
    if (!strcmp(text, expected))
        assert_ptr_equal(out.data, text);
}

static void texts_lose_vins_and_nothing_else(void **state)
{
    (void)state;
    struct scrub s = make();
    check(&s, SCRUB_TEXT, "nothing", "nothing");
    check(&s, SCRUB_TEXT, "vin " FITS " and " FITS2 "!", "vin vin:38383838 and vin:31313131!");
    check(&s, SCRUB_TEXT, OTHER, OTHER);
    scrub_know(&s, SLICE_LITERAL("wvwzzz1jzxw000001"), NULL);
    check(&s, SCRUB_TEXT, "x" OTHER "y", "xvin:31313131y");
}

static void json_stays_json(void **state)
{
    (void)state;
    struct scrub s = make();
    check(&s, SCRUB_JSON, "{\"" FITS "\":[\"a\\n" FITS "\"]}",
          "{\"vin:38383838\":[\"a\\nvin:38383838\"]}");
    check(&s, SCRUB_JSON, "{\"a\":\"\\\"" FITS "\\\"\"}", "{\"a\":\"\\\"vin:38383838\\\"\"}");
    check(&s, SCRUB_JSON, "{\"a\":\"\\u0031M8GDM9AXKP042788\"}", "{\"a\":\"vin:38383838\"}");
    /* a number is no VIN, unless it is known to be one */
    check(&s, SCRUB_JSON, "{\"t\":11111111111111111}", "{\"t\":11111111111111111}");
    check(&s, SCRUB_JSON, "{\"t\":\"11111111111111111\"}", "{\"t\":\"vin:31313131\"}");
    scrub_know(&s, SLICE_LITERAL("11111111111111111"), NULL);
    check(&s, SCRUB_JSON, "{\"t\":[11111111111111111]}", "{\"t\":[\"vin:31313131\"]}");
}

/* A number with a VIN in it goes as a whole; one whose digits are the hex of a VIN stays a number.
 */
static void numbers_stay_json(void **state)
{
    (void)state;
    struct scrub s = make();
    static const char ones[] = "{\"t\":3131313131313131313131313131313131}";
    check(&s, SCRUB_JSON, ones, ones);
    scrub_know(&s, SLICE_LITERAL("11111111111111111"), NULL);
    check(&s, SCRUB_JSON, "{\"t\":1.11111111111111111}", "{\"t\":\"vin:31313131\"}");
    check(&s, SCRUB_JSON, "{\"t\":-11111111111111111e1}", "{\"t\":\"vin:31313131\"}");
    check(&s, SCRUB_JSON, "[11111111111111111.11111111111111111]", "[\"vin:31313131\"]");
    check(&s, SCRUB_JSON, "[11111,1111,1111,1111]", "[\"vin:31313131\"]");
    check(&s, SCRUB_JSON, "[911111.1111,1111,1111]", "[\"vin:31313131\"]");
    check(&s, SCRUB_JSON, ones, "{\"t\":9999999999999999999999999999999999}");
    scrub_know(&s, SLICE_LITERAL("E2222222222222222"), NULL);
    check(&s, SCRUB_JSON, "[true,2222,2222,2222,2222]", "[\"vin:32323232\"]");
}

static void data_keep_their_size(void **state)
{
    (void)state;
    struct scrub s = make();
    check(&s, SCRUB_BYTES, "\x01\x11" FITS "\xff", "\x01\x11vin:38383838.....\xff");
}

/* base64 and hex of bytes around a VIN, as parsers write them: every place in the code. */
static void bytes_in_hex_and_base64_are_looked_into(void **state)
{
    (void)state;
    struct scrub s = make();
    static const char label[] = "vin:38383838.....";
    for (size_t before = 0; before < 7; before++) {
        uint8_t bytes[40];
        char text[400], expected[400];
        size_t size = before + VIN_BYTES + 5;
        memset(bytes, 0xfe, sizeof bytes);
        for (int form = 0; form < 4; form++) {
            for (int done = 0; done < 2; done++) {
                struct writer w;
                writer_init(&w, 4096);
                memcpy(bytes + before, done ? label : FITS, VIN_BYTES);
                if (form == 0)
                    writer_hex(&w, slice_make(bytes, size));
                else if (form == 1)
                    writer_base64(&w, slice_make(bytes, size));
                for (size_t i = 0; form >= 2 && i < size; i++)
                    writer_format(&w, "%s%02x", i ? form == 2 ? " " : "'" : "", bytes[i]);
                snprintf(done ? expected : text, sizeof text, "{\"data/\":\"%.*s\"}", (int)w.size,
                         (const char *)w.data);
                writer_fini(&w);
            }
            check(&s, SCRUB_JSON, text, expected);
            check(&s, SCRUB_TEXT, text, expected);
        }
    }
}

static void hex_behind_other_characters_is_looked_into(void **state)
{
    (void)state;
    struct scrub s = make();
    const char *const hex = "314d3847444d3941584b50303432373838"; /* FITS */
    const char *const done = "76696e3a33383338333833382e2e2e2e2e";
    static const char *const around[][2] = {{"DID=0xf190", "ff"}, {"0x", ""},   {"suc", "cess"},
                                            {"0xf1902", "e"},     {"h", "xyz"}, {"0xg", "h 0x12"}};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        char text[120], expected[120];
        snprintf(text, sizeof text, "%s%s%s", around[i][0], hex, around[i][1]);
        snprintf(expected, sizeof expected, "%s%s%s", around[i][0], done, around[i][1]);
        check(&s, SCRUB_TEXT, text, expected);
    }
    /* Twice in a word, with other letters between. */
    char text[200], expected[200];
    snprintf(text, sizeof text, "x%sx%sx", hex, hex);
    snprintf(expected, sizeof expected, "x%sx%sx", done, done);
    check(&s, SCRUB_TEXT, text, expected);
}

static void data_around_a_vin_may_be_letters(void **state)
{
    (void)state;
    struct scrub s = make();
    check(&s, SCRUB_BYTES, "\x01v" FITS "\xff", "\x01vvin:38383838.....\xff");
    check(&s, SCRUB_BYTES, "\x01" FITS "ab\xff", "\x01vin:38383838.....ab\xff");
    check(&s, SCRUB_TEXT, "v" FITS, "v" FITS);
}

static void hashes_and_ids_stay(void **state)
{
    (void)state;
    struct scrub s = make();
    scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
    for (unsigned n = 0; n < 2000; n++) {
        uint8_t digest[SHA256_BYTES];
        struct writer w;
        writer_init(&w, 4096);
        sha256_bytes(slice_make(&n, sizeof n), digest);
        writer_hex(&w, slice_make(digest, sizeof digest));
        writer_u8(&w, ' ');
        writer_base64(&w, slice_make(digest, sizeof digest));
        for (size_t i = 0; i < sizeof digest; i++)
            writer_format(&w, " %02x", digest[i]);
        struct slice out = writer_slice(&w);
        assert_true(scrub_text(&s, SCRUB_TEXT, &out));
        assert_ptr_equal(out.data, w.data);
        writer_fini(&w);
    }
}

static void pseudonyms_for_strangers_are_few(void **state)
{
    (void)state;
    struct scrub s = make();
    char text[17 * 18 + 1] = "";
    static const char *const vins[] = {"1G4AH59H45G118341", "1M8GDM9AXKP042788"};
    for (int i = 0; i < 16; i++)
        snprintf(text + 18 * i, 19, "%s ", vins[i % 2]);
    struct slice out = slice_from_text(text);
    assert_true(scrub_text(&s, SCRUB_TEXT, &out));
    assert_int_equal(made, 4);
    assert_null(memmem(out.data, out.size, "1M8", 3));
    assert_null(memmem(out.data, out.size, "1G4", 3));
    scrub_forget(&s, 0);
    check(&s, SCRUB_TEXT, FITS, "vin:38383838");
}

static void a_request_has_few_vehicles_and_a_record_its_own(void **state)
{
    (void)state;
    struct scrub s = make();
    scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
    scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
    scrub_know(&s, SLICE_LITERAL("no vin"), NULL);
    assert_int_equal(s.known_count, 1);
    scrub_know(&s, SLICE_LITERAL("WVWZZZ1JZXW000002"), (const uint8_t *)"\x12\x34\x56\x78");
    check(&s, SCRUB_TEXT, "aWVWZZZ1JZXW000002", "avin:12345678");
    scrub_forget(&s, 1);
    check(&s, SCRUB_TEXT, "aWVWZZZ1JZXW000002", "aWVWZZZ1JZXW000002");
    check(&s, SCRUB_TEXT, "a" OTHER, "avin:31313131");
}

static void a_known_vin_may_be_given_with_letters_for_digits(void **state)
{
    (void)state;
    struct scrub s = make();
    scrub_know(&s, SLICE_LITERAL("wvwzzz1jzxwoo0o0i"), NULL);
    scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
    assert_int_equal(s.known_count, 1);
    check(&s, SCRUB_TEXT, "WVWZZZ1JZXWOO0O0I " OTHER, "vin:31313131 vin:31313131");
}

/* A vehicle that the next record names again costs nothing; one that it does not name is unknown.
 */
static void the_vehicle_of_the_record_before_is_at_hand(void **state)
{
    (void)state;
    struct scrub s = make();
    scrub_know(&s, SLICE_LITERAL(FITS), NULL);
    check(&s, SCRUB_TEXT, "x" FITS "y", "xvin:38383838y");
    scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
    check(&s, SCRUB_TEXT, "x" OTHER "y", "xvin:31313131y");
    assert_int_equal(made, 2);
    for (int i = 0; i < 3; i++) {
        scrub_forget(&s, 1);
        check(&s, SCRUB_TEXT, "x" OTHER "y", "x" OTHER "y");
        scrub_know(&s, SLICE_LITERAL(FITS), NULL);
        scrub_know(&s, SLICE_LITERAL(OTHER), NULL);
        assert_int_equal(s.known_count, 2);
        check(&s, SCRUB_TEXT, "x" OTHER "y", "xvin:31313131y");
    }
    assert_int_equal(made, 2);
    scrub_forget(&s, 1);
    scrub_know(&s, SLICE_LITERAL(FITS2), NULL);
    check(&s, SCRUB_TEXT, "x" FITS2 OTHER, "xvin:31313131" OTHER);
    assert_int_equal(made, 3);
}

/* Every field that a sender may write, each with a VIN. */
static void every_field_of_a_sender_is_scrubbed(void **state)
{
    (void)state;
    struct scrub s = make();
    struct slice one = SLICE_LITERAL("x " FITS), json = SLICE_LITERAL("{\"a\":\"" FITS "\"}");
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        struct event event;
        event_clear(&event);
        bool is_json = field->kind == EVENT_KIND_JSON, is_list = field->kind == EVENT_KIND_LIST;
        bool is_text = field->kind == EVENT_KIND_TEXT || field->kind == EVENT_KIND_BASE64 ||
                       field->kind == EVENT_KIND_HEX;
        bool of_sender =
            field->origin == EVENT_ORIGIN_SENDER || is_json || f == EVENT_time_event_raw;
        if (!(is_json || is_list || is_text) || !of_sender || (!is_json && field->max < VIN_BYTES))
            continue;
        event_mark(&event, f);
        if (is_list)
            *event_list_at(&event, field) = (struct slice_list){&one, 1};
        else
            *event_slice_at(&event, field) = is_json ? json : one;
        assert_true(scrub_event(&s, &event));
        struct slice now =
            is_list ? event_list_at(&event, field)->items[0] : *event_slice_at(&event, field);
        if (memmem(now.data, now.size, "1M8GDM", 6) || !memmem(now.data, now.size, "vin:38", 6))
            fail_msg("%s keeps the VIN", field->name);
    }
    assert_true(slice_equal_text(one, "x " FITS)); /* the record's own bytes are as they were */
}

static void want_of_memory_is_reported(void **state)
{
    (void)state;
    struct arena small;
    struct scrub s = make();
    char text[4096];
    arena_init(&small, 64);
    s.alloc_arg = &small;
    memset(text, ' ', sizeof text);
    memcpy(text, FITS, 17);
    struct slice out = slice_make(text, sizeof text);
    assert_false(scrub_text(&s, SCRUB_TEXT, &out));
    assert_true(s.failed);
    arena_fini(&small);
}

#define scrub_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        scrub_test(texts_lose_vins_and_nothing_else),
        scrub_test(json_stays_json),
        scrub_test(numbers_stay_json),
        scrub_test(data_keep_their_size),
        scrub_test(bytes_in_hex_and_base64_are_looked_into),
        scrub_test(hex_behind_other_characters_is_looked_into),
        scrub_test(data_around_a_vin_may_be_letters),
        scrub_test(hashes_and_ids_stay),
        scrub_test(pseudonyms_for_strangers_are_few),
        scrub_test(a_request_has_few_vehicles_and_a_record_its_own),
        scrub_test(the_vehicle_of_the_record_before_is_at_hand),
        scrub_test(a_known_vin_may_be_given_with_letters_for_digits),
        scrub_test(every_field_of_a_sender_is_scrubbed),
        scrub_test(want_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
