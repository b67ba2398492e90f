/* fuzz_scrub.c: any bytes as a text that leaves, and as a value beside a claim. What must hold: no
 * VIN that is known is left in clear, percent-escaped or in hex, and none whose check digit fits
 * between blanks; nothing grows; the work is linear; the claim is found. */
#include <stdlib.h>
#include <time.h>

#include "core/arena.h"
#include "core/hex.h"
#include "core/thread.h"
#include "core/writer.h"
#include "parsers/privacy/scrub.h"
#include "parsers/privacy/vehicle_claims.h"

#define MADE_MAX   (SCRUB_KNOWN + 4)
#define LONG_BYTES ((size_t)64 * 1024)
#define NS_OF_BYTE                                                                                 \
    2000 /* of CPU time, with sanitizers; a square would be a thousand times that                  \
          */
#define PLANTED      2
#define ARENA_BYTES  ((size_t)16 << 20)
#define CLAIM_AT_END ",\"b\":{\"Vin\":\"1M8GDM9AXKP042788\"}}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char planted[PLANTED][VIN_BYTES + 1] = {"1M8GDM9AXKP042788", "WVWZZZ1JZXW000001"};
static unsigned made;

static int64_t pseudonym(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32])
{
    (void)arg;
    (void)tenant;
    ensure(vin.size == VIN_BYTES);
    memset(pid, 0xab, 32);
    made++;
    return 1;
}

static void *alloc(void *arg, size_t size)
{
    return arena_alloc(arg, size);
}

/* ---- a scan of its own, as slow and plain as can be ---- */

static uint8_t folded(uint8_t c)
{
    c = c >= 'a' && c <= 'z' ? c - 32 : c;
    return c == 'O' || c == 'Q' ? '0' : c == 'I' ? '1' : c;
}

static bool is_word(uint8_t c)
{
    c = c >= 'a' && c <= 'z' ? c - 32 : c;
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool holds_planted(struct slice text)
{
    for (size_t at = 0; at + VIN_BYTES <= text.size; at++)
        for (size_t v = 0; v < PLANTED; v++) {
            size_t i = 0;
            while (i < VIN_BYTES && folded(text.data[at + i]) == (uint8_t)planted[v][i])
                i++;
            if (i == VIN_BYTES)
                return true;
        }
    return false;
}

/* 49 CFR 565.15. */
static bool fits(const uint8_t *p)
{
    static const char letters[] = "ABCDEFGH-JKLMN-P-R-STUVWXYZ";
    static const uint8_t values[] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5,
                                     0, 7, 0, 9, 0, 2, 3, 4, 5, 6, 7, 8, 9};
    static const uint8_t weights[] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
    unsigned sum = 0;
    for (size_t i = 0; i < VIN_BYTES; i++) {
        uint8_t c = p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i];
        const char *letter = c == '-' || !c ? NULL : strchr(letters, c);
        if (!letter && !(c >= '0' && c <= '9'))
            return false;
        sum += weights[i] * (letter ? values[letter - letters] : c - '0');
    }
    uint8_t digit = p[8] >= 'a' && p[8] <= 'z' ? p[8] - 32 : p[8];
    return digit == (sum % 11 == 10 ? 'X' : '0' + sum % 11);
}

static bool holds_other(struct slice text)
{
    for (size_t at = 0; at + VIN_BYTES <= text.size; at++)
        if ((at == 0 || text.data[at - 1] == ' ') &&
            (at + VIN_BYTES == text.size || text.data[at + VIN_BYTES] == ' ') &&
            fits(text.data + at))
            return true;
    return false;
}

static int pair(struct slice text, size_t at)
{
    if (at + 2 > text.size)
        return -1;
    int high = hex_digit_value((char)text.data[at]), low = hex_digit_value((char)text.data[at + 1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The text with %31 for 1, and what its hex digits say from `from` on, in room. */
static struct slice unescaped(struct slice text, uint8_t *room)
{
    size_t size = 0;
    for (size_t at = 0; at < text.size; at++) {
        int value = text.data[at] == '%' ? pair(text, at + 1) : -1;
        bool is_escape = value >= 0 && is_word((uint8_t)value);
        room[size++] = is_escape ? (uint8_t)value : text.data[at];
        at += is_escape ? 2 : 0;
    }
    return slice_make(room, size);
}

static struct slice from_hex(struct slice text, size_t from, uint8_t *room)
{
    size_t size = 0;
    for (size_t at = from; at < text.size; at += 2) {
        int value = pair(text, at);
        room[size++] = value < 0 ? 0 : (uint8_t)value;
    }
    return slice_make(room, size);
}

/* ---- what must hold ---- */

static struct slice scrubbed(struct arena *arena, enum scrub_form form, struct slice text)
{
    struct scrub s = {
        .pseudonym = pseudonym, .tenant = SLICE_LITERAL("t"), .alloc = alloc, .alloc_arg = arena};
    for (size_t v = 0; v < PLANTED; v++)
        scrub_know(&s, slice_from_text(planted[v]), NULL);
    size_t before = text.size;
    made = 0;
    ensure(scrub_text(&s, form, &text));
    ensure(text.size <= before && made <= MADE_MAX);
    return text;
}

static void check_text(struct arena *arena, struct slice text)
{
    uint8_t *room = arena_alloc(arena, text.size + 1);
    ensure(room != NULL);
    struct slice out = scrubbed(arena, SCRUB_TEXT, text);
    ensure(!holds_planted(out));
    ensure(!holds_other(out));
    ensure(!holds_planted(unescaped(out, room)));
    ensure(!holds_planted(from_hex(out, 0, room)));
    ensure(!holds_planted(from_hex(out, 1, room)));
    ensure(!holds_planted(scrubbed(arena, SCRUB_BYTES, text)));
    (void)scrubbed(arena, SCRUB_JSON, text);
}

static int64_t cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* The text again and again. */
static void check_work(struct arena *arena, struct slice text)
{
    uint8_t *room = arena_alloc(arena, LONG_BYTES);
    ensure(room != NULL);
    for (size_t i = 0; i < LONG_BYTES; i++)
        room[i] = text.data[i % text.size];
    struct slice repeated = slice_make(room, LONG_BYTES);
    struct vehicle_claims claims;
    int64_t start = cpu_ns();
    for (enum scrub_form form = SCRUB_TEXT; form <= SCRUB_BYTES; form++)
        (void)scrubbed(arena, form, repeated);
    vehicle_claims_find(repeated, &claims);
    ensure(cpu_ns() - start <= (int64_t)LONG_BYTES * NS_OF_BYTE);
}

static void check_claim(struct slice text)
{
    struct writer w;
    struct vehicle_claims claims;
    bool is_found = false;
    vehicle_claims_find(text, &claims);
    ensure(claims.count <= VEHICLE_CLAIMS);
    writer_init(&w, (size_t)1 << 20);
    writer_text(&w, "{\"a\":");
    writer_json_string(&w, text);
    writer_text(&w, CLAIM_AT_END);
    vehicle_claims_find(writer_slice(&w), &claims);
    for (size_t i = 0; i < claims.count; i++)
        is_found |= slice_equal_text(claims.items[i].value, planted[0]) && claims.items[i].depth;
    ensure(is_found);
    writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct slice text = slice_make(data, size < LONG_BYTES ? size : LONG_BYTES);
    arena_init(&arena, ARENA_BYTES);
    check_text(&arena, text);
    check_claim(text);
    if (size)
        check_work(&arena, text);
    arena_fini(&arena);
    return 0;
}
