/* Behaviour of core/event/event_codec.h with texts: those that repeat take few bytes and come back.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/event/event_codec.h"

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

static void assert_same_slice(struct slice a, struct slice b)
{
    assert_int_equal(a.size, b.size);
    if (a.size)
        assert_memory_equal(a.data, b.data, a.size);
}

/* Compares what these tests set. */
static void assert_next_event(const struct event *expected)
{
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_OK);
    assert_memory_equal(item.event.set, expected->set, sizeof expected->set);
    if (EVENT_HAS(expected, message))
        assert_same_slice(item.event.message, expected->message);
    if (EVENT_HAS(expected, source_event_id))
        assert_same_slice(item.event.source_event_id, expected->source_event_id);
}

static void assert_no_more(void)
{
    assert_int_equal(event_decoder_next(&decoder, &item), STATUS_END);
}

/* An event with one text. */
static struct event text_event(struct slice text)
{
    struct event event;
    memset(&event, 0, sizeof event);
    EVENT_SET(&event, message, text);
    return event;
}

static size_t bytes_of_adding(const struct event *event)
{
    size_t before = out.size;
    event_encoder_add(&encoder, event);
    return out.size - before;
}

static void a_text_that_stood_before_takes_few_bytes(void **state)
{
    (void)state;
    static const char texts_of_batch[][24] = {"certificate refused", "wrong key, counted",
                                              "controller bus-off"};
    for (size_t i = 0; i < 3; i++) {
        struct event event = text_event(slice_from_text(texts_of_batch[i]));
        assert_true(bytes_of_adding(&event) >= strlen(texts_of_batch[i]));
    }
    for (size_t i = 0; i < 30; i++) {
        struct event event = text_event(slice_from_text(texts_of_batch[i * 2 % 3]));
        assert_in_range(bytes_of_adding(&event), 2, 3); /* head, bitmap, number */
    }
    decode_start();
    for (size_t i = 0; i < 33; i++) {
        struct event event =
            text_event(slice_from_text(texts_of_batch[i < 3 ? i : (i - 3) * 2 % 3]));
        assert_next_event(&event);
    }
    assert_no_more();
}

static void texts_are_forgotten_in_the_order_they_came(void **state)
{
    (void)state;
    enum { TEXTS = 3 * EVENT_TEXTS_REMEMBERED, AGAIN = 40 };
    static char numbered[TEXTS][16];
    for (size_t i = 0; i < TEXTS; i++)
        snprintf(numbered[i], sizeof numbered[i], "text %zu", i);
    for (size_t i = 0; i < TEXTS; i++) {
        struct event event = text_event(slice_from_text(numbered[i]));
        event_encoder_add(&encoder, &event);
        event = text_event(slice_from_text(numbered[i < AGAIN ? i : i - AGAIN]));
        event_encoder_add(&encoder, &event);
    }
    decode_start();
    for (size_t i = 0; i < TEXTS; i++) {
        struct event event = text_event(slice_from_text(numbered[i]));
        assert_next_event(&event);
        event = text_event(slice_from_text(numbered[i < AGAIN ? i : i - AGAIN]));
        assert_next_event(&event);
    }
    assert_no_more();
}

static void texts_of_every_size_come_back(void **state)
{
    (void)state;
    uint8_t pool[600];
    for (size_t i = 0; i < sizeof pool; i++)
        pool[i] = (uint8_t)(i * i >> 3);
    for (unsigned round = 0; round < 2; round++)
        for (size_t size = 0; size < 600; size++) {
            struct event event = text_event(slice_make(pool, size));
            EVENT_SET(&event, source_event_id, slice_make(pool, size % 90));
            event_encoder_add(&encoder, &event);
        }
    decode_start();
    for (unsigned round = 0; round < 2; round++)
        for (size_t size = 0; size < 600; size++) {
            struct event event = text_event(slice_make(pool, size));
            EVENT_SET(&event, source_event_id, slice_make(pool, size % 90));
            assert_next_event(&event);
        }
    assert_no_more();
}

static void ids_that_count_up_take_only_their_ends(void **state)
{
    (void)state;
    char id[32];
    struct event event;
    for (unsigned i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "7f3a92c1-%010u", i);
        memset(&event, 0, sizeof event);
        EVENT_SET(&event, source_event_id, slice_from_text(id));
        size_t bytes = bytes_of_adding(&event);
        if (i > 0)
            assert_in_range(bytes, 5, 7); /* head, bitmap, shared, size, digits */
    }
    decode_start();
    for (unsigned i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "7f3a92c1-%010u", i);
        EVENT_SET(&event, source_event_id, slice_from_text(id));
        assert_next_event(&event);
    }
    assert_no_more();
}

/* Bytes of an event that has only `field` set, up to its value. */
static void event_head(struct writer *w, enum event_field field)
{
    writer_init(w, 4096);
    writer_u8(w, EVENT_CODEC_VERSION);
    writer_u8(w, 2); /* the set differs */
    writer_uint_le(w, UINT64_C(1) << field / 8, 2);
    writer_u8(w, (uint8_t)(1u << field % 8));
    writer_u8(w, 1); /* it changed */
}

static enum status decode_all(const struct writer *w)
{
    enum status status = event_decoder_init(&decoder, writer_slice(w));
    while (status == STATUS_OK)
        status = event_decoder_next(&decoder, &item);
    return status;
}

static void what_refers_to_nothing_is_malformed(void **state)
{
    (void)state;
    struct writer w;
    event_head(&w, EVENT_message);
    writer_u8(&w, 5 << 1 | 1); /* text 5, but none was remembered */
    assert_int_equal(decode_all(&w), STATUS_MALFORMED);
    writer_fini(&w);

    event_head(&w, EVENT_message);
    writer_varint(&w, UINT64_C(1) << 40 | 1); /* no such number */
    assert_int_equal(decode_all(&w), STATUS_MALFORMED);
    writer_fini(&w);

    event_head(&w, EVENT_source_event_id);
    writer_u8(&w, 4); /* begins like an empty text */
    writer_u8(&w, 0);
    assert_int_equal(decode_all(&w), STATUS_MALFORMED);
    writer_fini(&w);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, start, end)
    const struct CMUnitTest tests[] = {
        CASE(a_text_that_stood_before_takes_few_bytes),
        CASE(texts_are_forgotten_in_the_order_they_came),
        CASE(texts_of_every_size_come_back),
        CASE(ids_that_count_up_take_only_their_ends),
        CASE(what_refers_to_nothing_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
