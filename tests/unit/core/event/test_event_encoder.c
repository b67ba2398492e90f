/* Bytes of core/event/event_encoder.h for made-up events: the same as those of an encoder that
 * follows docs/event-encoding.md plainly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../simple_encoder.h"

#include <stdio.h>

enum { POOL = 1024, PLACES = 24, LIST = 6 };

/* Values lie in few places, whose bytes change between events: an encoder that took the address of
 * a value for the value would miss that. */
static uint8_t pool[POOL];
static struct slice items[LIST];
static uint64_t seed;

static size_t below(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((seed >> 33) % n);
}

static size_t some_size(void)
{
    static const uint16_t sizes[] = {0,  1,  2,  3,  4,  7,  8,  9,   15,  16, 17,
                                     24, 31, 33, 63, 64, 65, 80, 255, 256, 300};
    return sizes[below(sizeof sizes / sizeof *sizes)];
}

static struct slice some_slice(const struct event_field_info *field)
{
    size_t size = some_size();
    if (field->kind == EVENT_KIND_UUID)
        size = 16;
    if (field->kind == EVENT_KIND_HEX && field->min == field->max)
        size = (size_t)field->max;
    return slice_make(pool + 16 * below(PLACES), size);
}

static int64_t some_integer(void)
{
    static const int64_t corners[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, 1 << 20};
    return below(3) ? (int64_t)below(4) : corners[below(sizeof corners / sizeof *corners)];
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
    event_mark(event, (enum event_field)f);
    switch (field->kind) {
    case EVENT_KIND_INT:
    case EVENT_KIND_BIG:
    case EVENT_KIND_BOOL:
    case EVENT_KIND_TIME:
        *event_int_at(event, field) = some_integer();
        break;
    case EVENT_KIND_REAL:
        *event_real_at(event, field) = some_real();
        break;
    case EVENT_KIND_LIST:
        *event_list_at(event, field) = (struct slice_list){items, below(LIST + 1)};
        break;
    default:
        *event_slice_at(event, field) = some_slice(field);
    }
}

/* Few values of a byte, so that texts share beginnings and repeat. */
static void change_pool(size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        pool[below(POOL)] = (uint8_t)('a' + below(2));
    for (size_t i = 0; i < LIST; i++)
        if (below(8) == 0)
            items[i] = slice_make(pool + 16 * below(PLACES), some_size());
}

static void change_event(struct event *event)
{
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        size_t what = below(40);
        if (what < 4)
            fill_field(event, f);
        else if (what == 4)
            event_unmark(event, (enum event_field)f);
    }
}

static void batch_encodes_as_documented(size_t events, size_t pool_bytes)
{
    static struct event_encoder quick;
    static struct simple_encoder plain;
    struct writer quick_out, plain_out;
    struct event event;
    memset(&event, 0, sizeof event);
    memset(pool, 'a', sizeof pool);
    change_pool(POOL);
    writer_init(&quick_out, (size_t)1 << 28);
    writer_init(&plain_out, (size_t)1 << 28);
    event_encoder_init(&quick, &quick_out);
    simple_init(&plain, &plain_out);
    for (size_t i = 0; i < events; i++) {
        struct event_reject reject = {.index = (uint32_t)i,
                                      .raw_offset = i * 100 + below(3),
                                      .raw_size = below(200),
                                      .raw = slice_make(pool, below(40)),
                                      .parser = slice_make(pool, below(3)),
                                      .code = slice_make(pool + 5, below(3)),
                                      .detail = slice_make(pool + 9, below(300))};
        if (below(10)) {
            event_encoder_add(&quick, &event);
            simple_add(&plain, &event);
        } else {
            event_encoder_reject(&quick, &reject);
            simple_reject(&plain, &reject);
        }
        assert_int_equal(quick_out.status, STATUS_OK);
        if (quick_out.size != plain_out.size)
            fail_msg("item %zu: %zu bytes, expected %zu", i, quick_out.size, plain_out.size);
        change_pool(pool_bytes);
        if (below(4))
            change_event(&event);
    }
    assert_memory_equal(quick_out.data, plain_out.data, plain_out.size);
    simple_fini(&plain);
    writer_fini(&quick_out);
    writer_fini(&plain_out);
}

static void made_up_batches_encode_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        seed = i;
        batch_encodes_as_documented(400, i % 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up_batches_encode_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
