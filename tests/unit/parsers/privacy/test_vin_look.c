/* test_vin_look.c: the first look against plain loops that say the same, and against the searches
 * that it saves: what they find it must not deny. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/vin.h"
#include "parsers/privacy/vin_look.h"
#include "parsers/privacy/vin_spaced.h"
#include "parsers/privacy/vin_window.h"

enum { TEXT_MAX = 220, ROUNDS = 300000, ONE_WINDOW = 64 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool joins(uint8_t c)
{
    return is_digit(c) || is_letter(c) || memchr(" -._:/,", c, 7);
}

static bool has_word(struct slice text)
{
    size_t row = 0;
    for (size_t i = 0; i < text.size && row < VIN_BYTES; i++) {
        uint8_t c = text.data[i];
        row = is_digit(c) || is_letter(c) || c == '%' || c == '\\' || c >= 0x80 ? row + 1 : 0;
    }
    return row == VIN_BYTES;
}

static bool has_group(struct slice text)
{
    for (size_t start = 0, end; start < text.size; start = end + 1) {
        for (end = start; end < text.size && is_digit(text.data[end]);)
            end++;
        if (end - start >= 4 && end > VIN_BYTES && start >= 2 && joins(text.data[start - 1]) &&
            joins(text.data[start - 2]))
            return true;
    }
    return false;
}

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % limit;
}

/* Pieces of VINs, of what is between them, and of ordinary texts, cut at random. */
static struct slice make_text(uint8_t room[TEXT_MAX])
{
    static const char *const pieces[] = {
        "1M8GDM9AXKP042788",
        "1M8-GDM9AX-KP042788",
        "WVW ZZZ1JZ XW000001",
        "wvwzzz1jzxw000001",
        "%31M8",
        "\\u0031M8",
        "\xef\xbc\x91M8",
        "2026-11-22T10:15:00",
        "security",
        " access ",
        "refused_while",
        "\":\"",
        "0000",
        "12345678901234567",
        "MTVCMU04R0RNOUFYS1A",
        "31 4D 38 47 44 4D 39 41",
        "314d3847444d394158",
        "r1-00000012-",
        ", ",
        "{\"a\":4}",
        "Stra\xc3\x9f"
        "e",
    };
    size_t size = 0, wanted = random_below(random_below(2) ? TEXT_MAX : ONE_WINDOW);
    while (size < wanted) {
        struct slice piece = slice_from_text(pieces[random_below(sizeof pieces / sizeof *pieces)]);
        if (random_below(3) == 0) {
            size_t start = random_below((uint32_t)piece.size);
            piece = slice_sub(piece, start, 1 + random_below(8));
        }
        piece = slice_sub(piece, 0, TEXT_MAX - size);
        memcpy(room + size, piece.data, piece.size);
        size += piece.size;
        if (random_below(20) == 0)
            room[size - 1] = (uint8_t)random_below(256);
    }
    return slice_make(room, size);
}

static void assert_look_is_right(struct slice text, const struct vin_window *known)
{
    unsigned look = vin_look(text);
    struct vin_scan pieces = {.text = text, .known = known, .known_count = 1};
    struct vin_spaced_scan groups = {text, known, 1, 0};
    struct vin_match match;
    assert_int_equal(look & VIN_LOOK_WORDS, has_word(text) ? VIN_LOOK_WORDS : 0);
    if (text.size <= ONE_WINDOW)
        assert_int_equal(look & VIN_LOOK_GROUPS, has_group(text) ? VIN_LOOK_GROUPS : 0);
    else if (has_group(text))
        assert_true(look & VIN_LOOK_GROUPS);
    if (!(look & VIN_LOOK_WORDS)) {
        assert_false(vin_scan_may_match(text));
        assert_false(vin_scan_next(&pieces, &match));
    }
    if (!(look & VIN_LOOK_GROUPS))
        assert_false(vin_spaced_next(&groups, &match));
}

static void what_a_search_finds_is_not_denied(void **state)
{
    (void)state;
    uint8_t room[TEXT_MAX + VIN_BYTES];
    const struct vin_window known = vin_window_of((const uint8_t *)"WVWZZZ1JZXW000001");
    size_t words = 0, groups = 0, neither = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct slice text = make_text(room);
        assert_look_is_right(text, &known);
        unsigned look = vin_look(text);
        words += look == VIN_LOOK_WORDS;
        groups += look == VIN_LOOK_GROUPS;
        neither += !look;
    }
    /* The texts are of every sort. */
    assert_true(words > ROUNDS / 20 && groups > ROUNDS / 200 && neither > ROUNDS / 20);
}

/* One word and one group at every place of texts of every size around the windows. */
static void every_place_is_looked_at(void **state)
{
    (void)state;
    uint8_t room[TEXT_MAX];
    for (size_t size = VIN_BYTES; size <= TEXT_MAX; size++)
        for (size_t at = 0; at + VIN_BYTES <= size; at++) {
            struct slice text = slice_make(room, size);
            memset(room, '"', size);
            assert_int_equal(vin_look(text), 0);
            memset(room + at, 'x', VIN_BYTES);
            assert_int_equal(vin_look(text), VIN_LOOK_WORDS);
            room[at + VIN_BYTES / 2] = '"';
            assert_int_equal(vin_look(text), 0);
            memcpy(room + at, "\"\"\"\"\"1M8-GDM9-7788", VIN_BYTES + 1 <= size - at ? 18 : 17);
            assert_int_equal(vin_look(text), has_group(text) ? VIN_LOOK_GROUPS : 0);
        }
}

static void a_short_text_holds_nothing(void **state)
{
    (void)state;
    assert_int_equal(vin_look(SLICE_EMPTY), 0);
    assert_int_equal(vin_look(SLICE_LITERAL("1M8GDM9AXKP04278")), 0);
    assert_int_equal(vin_look(SLICE_LITERAL("1M8GDM9AXKP042788")), VIN_LOOK_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_search_finds_is_not_denied),
        cmocka_unit_test(every_place_is_looked_at),
        cmocka_unit_test(a_short_text_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
