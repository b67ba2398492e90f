/* fuzz_event_codec.c: bytes as a batch's items. What is decoded must lie within the bytes, and come
 * back the same when it is encoded again. */
#include <stdint.h>
#include <stdlib.h>

#include "core/event/event_codec.h"
#include "core/event/event_json.h"
#include "core/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_decoder decoder, again;
static struct event_encoder encoder;
static struct event_item item, item_again;

static void ensure_same_event(const struct event *a, const struct event *b)
{
    ensure(memcmp(a->set, b->set, sizeof a->set) == 0);
    for (unsigned f = 0; f < EVENT_FIELD_COUNT; f++) {
        const struct event_field_info *field = &event_field_table[f];
        if (!event_is_set(a, f))
            continue;
        if (field->kind == EVENT_KIND_LIST) {
            const struct slice_list *x = event_list_at(a, field), *y = event_list_at(b, field);
            ensure(x->count == y->count);
            for (size_t i = 0; i < x->count; i++)
                ensure(slice_equal(x->items[i], y->items[i]));
        } else if (field->kind == EVENT_KIND_REAL) {
            ensure(memcmp(event_real_at(a, field), event_real_at(b, field), sizeof(double)) == 0);
        } else if (field->kind == EVENT_KIND_INT || field->kind == EVENT_KIND_BIG ||
                   field->kind == EVENT_KIND_BOOL || field->kind == EVENT_KIND_TIME) {
            ensure(*event_int_at(a, field) == *event_int_at(b, field));
        } else {
            ensure(slice_equal(*event_slice_at(a, field), *event_slice_at(b, field)));
        }
    }
}

/* Decodes both in step up to where the first one's bytes have no more sense. */
static void compare(struct slice bytes, struct slice encoded, size_t items)
{
    ensure(event_decoder_init(&decoder, bytes) == STATUS_OK);
    ensure(event_decoder_init(&again, encoded) == STATUS_OK);
    for (size_t i = 0; i < items; i++) {
        ensure(event_decoder_next(&decoder, &item) == STATUS_OK);
        ensure(event_decoder_next(&again, &item_again) == STATUS_OK);
        ensure(item.is_reject == item_again.is_reject);
        if (!item.is_reject) {
            ensure_same_event(&item.event, &item_again.event);
            continue;
        }
        ensure(item.reject.index == item_again.reject.index);
        ensure(item.reject.raw_offset == item_again.reject.raw_offset);
        ensure(slice_equal(item.reject.raw, item_again.reject.raw));
        ensure(slice_equal(item.reject.detail, item_again.reject.detail));
    }
    ensure(event_decoder_next(&again, &item_again) == STATUS_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer out, json;
    size_t items = 0;
    if (event_decoder_init(&decoder, slice_make(data, size)) != STATUS_OK)
        return 0;
    writer_init(&out, 64 << 20);
    writer_init(&json, 64 << 20);
    event_encoder_init(&encoder, &out);
    while (event_decoder_next(&decoder, &item) == STATUS_OK) {
        items++;
        writer_reset(&json);
        if (item.is_reject) {
            event_encoder_reject(&encoder, &item.reject);
            event_json_write_reject(&json, SLICE_EMPTY, &item.reject);
        } else {
            event_encoder_add(&encoder, &item.event);
            event_json_write(&json, &item.event);
        }
    }
    if (out.status == STATUS_OK)
        compare(slice_make(data, size), writer_slice(&out), items);
    writer_fini(&json);
    writer_fini(&out);
    return 0;
}
