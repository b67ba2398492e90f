/* A batch of several vehicles, cut, sealed, written, read: whose each item and record is, and what
 * is left after an erasure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/event/event_codec.h"
#include "storage/spool/cut/batch_cut.h"
#include "storage/spool/cut/batch_owners.h"
#include "storage/spool/record_open.h"
#include "storage/spool/spool_frame.h"

#define RECORD_BYTES 10
#define RECEIVED     "what a gateway sent, compressed"
#define NOBODY       0 /* as a vehicle: the event names none */
#define REJECT       255

struct made {
    struct seal_keys keys;
    struct batch *batch;
    struct event_encoder encoder;
    struct batch_owners owners;
    struct slice body;
    uint8_t bytes[4096]; /* the inflated body: record n is ten times the same character */
    char compressed[64]; /* the body as received; encrypted in place */
    uint32_t items;
    struct writer stored;
    struct spool_frame frame;
};

static struct event_decoder decoder;
static struct event_item item;

static void pid_of(uint8_t vehicle, uint8_t pid[SEAL_VEHICLE_BYTES])
{
    memset(pid, vehicle, SEAL_VEHICLE_BYTES);
}

static int made_setup(void **state)
{
    static const uint8_t master[SHA256_BYTES] = {9};
    struct made *m = calloc(1, sizeof *m);
    assert_non_null(m);
    assert_int_equal(seal_keys_add(&m->keys, 1, master), STATUS_OK);
    m->keys.encrypts = true;
    m->batch = batch_create(1 << 20);
    assert_non_null(m->batch);
    event_encoder_init(&m->encoder, &m->batch->events);
    batch_owners_init(&m->owners);
    writer_init(&m->stored, SIZE_MAX / 2);
    snprintf(m->compressed, sizeof m->compressed, RECEIVED);
    m->batch->body = arena_alloc(&m->batch->arena, sizeof *m->batch->body);
    m->batch->body[0] = slice_from_text(m->compressed);
    m->batch->body_count = 1;
    m->batch->meta.tenant = SLICE_LITERAL("oem");
    memset(m->batch->meta.batch_uid, 5, UUID_BYTES);
    for (size_t i = 0; i < sizeof m->bytes; i++)
        m->bytes[i] = (uint8_t)('A' + i / RECORD_BYTES);
    m->body = slice_make(m->bytes, sizeof m->bytes);
    *state = m;
    return 0;
}

static int made_teardown(void **state)
{
    struct made *m = *state;
    batch_destroy(m->batch);
    batch_owners_fini(&m->owners);
    writer_fini(&m->stored);
    free(m);
    return 0;
}

/* The next item, which is record `record` of the body, `records` long. */
static void add(struct made *m, uint8_t vehicle, uint8_t claimed, uint32_t record, uint32_t records)
{
    uint8_t pid[SEAL_VEHICLE_BYTES], other[SEAL_VEHICLE_BYTES];
    struct event event;
    event_clear(&event);
    pid_of(vehicle, pid);
    pid_of(claimed, other);
    if (vehicle == REJECT) {
        const struct event_reject reject = {.index = m->items++,
                                            .raw_offset = UINT64_C(0) + record * RECORD_BYTES,
                                            .raw_size = UINT64_C(0) + records * RECORD_BYTES,
                                            .raw = SLICE_LITERAL("raw"),
                                            .code = SLICE_LITERAL("malformed")};
        event_encoder_reject(&m->encoder, &reject);
        m->batch->meta.quarantined++;
        return;
    }
    EVENT_SET(&event, batch_index, m->items++);
    EVENT_SET(&event, event_name, SLICE_LITERAL("a name that repeats"));
    EVENT_SET(&event, raw_offset, record * RECORD_BYTES);
    EVENT_SET(&event, raw_size, records * RECORD_BYTES);
    if (vehicle)
        EVENT_SET(&event, vehicle_pid, slice_make(pid, sizeof pid));
    if (claimed)
        EVENT_SET(&event, claimed_vehicle_pid, slice_make(other, sizeof other));
    event_encoder_add(&m->encoder, &event);
    batch_owners_event(&m->owners, &event);
    m->batch->meta.accepted++;
}

static void add_duplicate(struct made *m, uint32_t record)
{
    struct event event;
    event_clear(&event);
    EVENT_SET(&event, raw_offset, record * RECORD_BYTES);
    EVENT_SET(&event, raw_size, RECORD_BYTES);
    batch_owners_duplicate(&m->owners, &event);
}

/* Cut, sealed and as on disk. */
static void store(struct made *m)
{
    uint8_t chain[SHA256_BYTES] = {0};
    struct sha256 *hash = sha256_create();
    assert_int_equal(batch_owners_apply(&m->owners, m->batch, &m->keys, m->body, NULL), STATUS_OK);
    assert_int_equal(spool_frame_prepare(m->batch, &m->keys), STATUS_OK);
    spool_frame_seal(m->batch, 42, hash, chain);
    const struct slice pieces[] = {
        writer_slice(&m->batch->frame),   writer_slice(&m->batch->events),
        spool_frame_events_tag(m->batch), m->batch->body[0],
        spool_frame_body_tag(m->batch),   spool_frame_padding(m->batch),
    };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        writer_add_slice(&m->stored, pieces[i]);
    assert_int_equal(m->stored.size, spool_frame_bytes(m->batch));
    assert_int_equal(spool_frame_decode_header(writer_slice(&m->stored), 42, &m->frame), STATUS_OK);
    sha256_destroy(hash);
}

static void read_back(struct made *m, struct record_opener *opener, struct batch_record *record)
{
    assert_int_equal(spool_frame_decode(&m->frame, writer_slice(&m->stored), record), STATUS_OK);
    opener->keys = &m->keys;
    assert_int_equal(record_open(opener, record), STATUS_OK);
}

static void erase(struct made *m, size_t part)
{
    uint8_t *area = m->stored.data + m->frame.header_bytes;
    seal_area_erase(area, m->frame.key_bytes, part);
    seal_area_erase(area, m->frame.key_bytes, SEAL_PART_SHARED);
}

static void assert_committed(const struct batch_record *record)
{
    assert_true(record_is_committed(record, SEAL_META));
    assert_true(record_is_committed(record, SEAL_EVENTS));
    assert_true(record_is_committed(record, SEAL_BODY));
}

/* The items as text: vehicle's number, '-' of none, '!' a reject. */
static const char *items_of(struct slice events)
{
    static char text[256];
    size_t n = 0;
    enum status status = events.size ? event_decoder_init(&decoder, events) : STATUS_END;
    while (status == STATUS_OK && (status = event_decoder_next(&decoder, &item)) == STATUS_OK) {
        bool has = !item.is_reject && EVENT_HAS(&item.event, vehicle_pid);
        text[n++] = item.is_reject ? '!' : has ? (char)('0' + item.event.vehicle_pid.data[0]) : '-';
        assert_true(item.is_reject ||
                    slice_equal_text(item.event.event_name, "a name that repeats"));
    }
    assert_int_equal(status, STATUS_END);
    text[n] = '\0';
    return text;
}

/* The records of a part as text: the character that each consists of, and its size / 10. */
static const char *records_of(const struct batch_record *record, size_t part)
{
    static char text[256];
    struct reader r = reader_make(record->parts->items[part].records);
    size_t n = 0;
    while (reader_left(&r)) {
        uint64_t offset = reader_varint(&r), size = reader_varint(&r);
        struct slice bytes = reader_bytes(&r, (size_t)size);
        assert_int_equal(r.status, STATUS_OK);
        assert_int_equal(bytes.data[0], 'A' + offset / RECORD_BYTES);
        n += (size_t)snprintf(text + n, sizeof text - n, "%c%u ", bytes.data[0],
                              (unsigned)(size / RECORD_BYTES));
    }
    text[n] = '\0';
    return text;
}

static void each_vehicle_has_its_events_and_records(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    record_opener_init(&opener);
    add(m, 1, 0, 0, 1);
    add(m, 2, 0, 1, 1);
    add(m, 1, 0, 2, 1);
    add(m, NOBODY, 0, 3, 1);
    add(m, REJECT, 0, 4, 1);
    add(m, 2, 3, 5, 1); /* says something of vehicle 3 */
    add(m, 2, 0, 6, 1);
    store(m);
    assert_true(m->frame.has_parts && m->frame.sealed);
    assert_null(memmem(m->stored.data, m->stored.size, "AAAA", 4));
    assert_null(memmem(m->stored.data, m->stored.size, "gateway", 7));
    read_back(m, &opener, &r);
    assert_int_equal(r.state, SEAL_OPEN);
    assert_false(r.sealed);
    assert_int_equal(r.parts->table->parts, 5);
    assert_string_equal(items_of(r.events), "121-!22");
    assert_true(slice_equal_text(r.body, RECEIVED));
    assert_int_equal(batch_record_items(&r), 7);
    assert_committed(&r);
    assert_string_equal(records_of(&r, SEAL_PART_OWN), "");
    assert_string_equal(records_of(&r, SEAL_PART_SHARED), "");
    assert_string_equal(records_of(&r, 2), "A1 C1 ");
    assert_string_equal(records_of(&r, 3), "B1 G1 ");
    assert_string_equal(records_of(&r, 4), "");
    record_opener_fini(&opener);
}

static void others_are_readable_and_proven_after_an_erasure(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    record_opener_init(&opener);
    for (unsigned n = 0; n < 30; n++)
        add(m, n % 10 == 9 ? REJECT : (uint8_t)(1 + n % 3), 0, n, 1);
    add(m, NOBODY, 0, 30, 1);
    store(m);
    erase(m, 3);
    read_back(m, &opener, &r);
    assert_int_equal(r.state, SEAL_OPEN);
    assert_string_equal(items_of(r.events), "131313313131313131-");
    assert_int_equal(r.body.size, 0);
    assert_int_equal(r.parts->erased, 1);
    assert_int_equal(r.parts->erased_items, 12);
    assert_int_equal(batch_record_items(&r), 19);
    assert_committed(&r);
    assert_int_equal(strlen(records_of(&r, 2)), 27);
    assert_int_equal(r.parts->items[3].records.size, 0);
    erase(m, 2);
    erase(m, 4);
    read_back(m, &opener, &r);
    assert_string_equal(items_of(r.events), "-");
    assert_committed(&r);
    erase(m, SEAL_PART_OWN);
    read_back(m, &opener, &r);
    assert_true(r.sealed && r.state == SEAL_ERASED && !r.events.size);
    record_opener_fini(&opener);
}

static void a_changed_byte_of_a_part_or_of_the_table_is_found(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    record_opener_init(&opener);
    for (uint8_t n = 0; n < 9; n++)
        add(m, (uint8_t)(1 + n % 3), 0, n, 1);
    store(m);
    size_t payload = m->frame.header_bytes + m->frame.key_bytes;
    size_t from = payload + m->frame.meta_bytes, to = from + m->frame.events_bytes;
    for (size_t at = from; at < to; at++) {
        m->stored.data[at] ^= 1;
        m->frame.payload_crc =
            crc32c(0, slice_make(m->stored.data + payload, m->stored.size - payload));
        read_back(m, &opener, &r);
        if (r.state == SEAL_OPEN && record_is_committed(&r, SEAL_EVENTS))
            fail_msg("byte %zu", at - from);
        m->stored.data[at] ^= 1;
    }
    record_opener_fini(&opener);
}

static void a_record_that_somebody_else_has_a_share_in_stays_with_the_body(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    record_opener_init(&opener);
    add(m, 1, 0, 0, 1);
    add(m, 1, 0, 0, 1); /* two events of one record */
    add(m, 1, 0, 1, 2); /* with one of vehicle 2 inside */
    add(m, 2, 0, 2, 1);
    add(m, 2, 0, 3, 1); /* with a duplicate inside */
    add_duplicate(m, 3);
    add(m, 2, 0, 4, 1); /* with a quarantined record inside */
    add(m, REJECT, 0, 4, 1);
    add(m, 2, 0, 5, 1);
    store(m);
    read_back(m, &opener, &r);
    assert_string_equal(records_of(&r, 2), "A1 ");
    assert_string_equal(records_of(&r, 3), "F1 ");
    assert_committed(&r);
    record_opener_fini(&opener);
}

static void records_out_of_order_stay_with_the_body(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    record_opener_init(&opener);
    add(m, 1, 0, 4, 1);
    add(m, 2, 0, 2, 1);
    store(m);
    read_back(m, &opener, &r);
    assert_string_equal(records_of(&r, 2), "");
    assert_string_equal(items_of(r.events), "12");
    record_opener_fini(&opener);
}

static void a_batch_of_one_vehicle_stays_whole(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    uint8_t pid[SEAL_VEHICLE_BYTES];
    record_opener_init(&opener);
    pid_of(1, pid);
    batch_owners_name(&m->owners, pid);
    add(m, 1, 0, 0, 1);
    add(m, NOBODY, 0, 1, 1);
    add(m, REJECT, 0, 2, 1);
    store(m);
    assert_false(m->frame.has_parts);
    assert_null(m->batch->parts);
    assert_memory_equal(m->batch->seal.entry.vehicle, pid, sizeof pid);
    read_back(m, &opener, &r);
    assert_string_equal(items_of(r.events), "1-!");
    assert_committed(&r);
    record_opener_fini(&opener);
}

static void a_vehicle_that_only_the_request_names_has_a_part(void **state)
{
    struct made *m = *state;
    struct record_opener opener;
    struct batch_record r;
    uint8_t pid[SEAL_VEHICLE_BYTES];
    record_opener_init(&opener);
    pid_of(7, pid);
    batch_owners_name(&m->owners, pid);
    add(m, 1, 0, 0, 1);
    store(m);
    read_back(m, &opener, &r);
    assert_int_equal(r.parts->table->parts, 4);
    assert_memory_equal(r.parts->items[3].vehicle, pid, sizeof pid);
    erase(m, 3);
    read_back(m, &opener, &r);
    assert_string_equal(items_of(r.events), "1");
    assert_int_equal(r.body.size, 0);
    assert_committed(&r);
    record_opener_fini(&opener);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, made_setup, made_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_vehicle_has_its_events_and_records),
        TEST(others_are_readable_and_proven_after_an_erasure),
        TEST(a_changed_byte_of_a_part_or_of_the_table_is_found),
        TEST(a_record_that_somebody_else_has_a_share_in_stays_with_the_body),
        TEST(records_out_of_order_stay_with_the_body),
        TEST(a_batch_of_one_vehicle_stays_whole),
        TEST(a_vehicle_that_only_the_request_names_has_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
