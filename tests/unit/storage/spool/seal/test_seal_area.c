/* Key area of a record: wrapped, opened, erased, damaged; and the cipher against NIST's vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "storage/spool/seal/seal_area.h"

static const uint8_t batch_uid[UUID_BYTES] = {1, 2, 3};

static struct seal_keys keys_of(uint32_t first, uint32_t count)
{
    struct seal_keys keys = {0};
    for (uint32_t id = first; id < first + count; id++) {
        const uint8_t master[SHA256_BYTES] = {(uint8_t)id, 7};
        assert_int_equal(seal_keys_add(&keys, id, master), STATUS_OK);
    }
    return keys;
}

static struct seal_entry entry_of(uint8_t n)
{
    struct seal_entry entry;
    memset(entry.vehicle, n, sizeof entry.vehicle);
    memset(entry.data_key, n + 1, sizeof entry.data_key);
    memset(entry.seed, n + 2, sizeof entry.seed);
    return entry;
}

static struct writer area_of(const struct seal_keys *keys, size_t count)
{
    struct writer w;
    struct seal_entry entries[8];
    for (size_t i = 0; i < count; i++)
        entries[i] = entry_of((uint8_t)(10 * i + 1));
    writer_init(&w, 1 << 16);
    assert_int_equal(seal_area_write(&w, keys, batch_uid, entries, count), STATUS_OK);
    return w;
}

static enum seal_state state_of(struct slice area, size_t part, const struct seal_keys *keys,
                                struct seal_entry *entry)
{
    enum seal_state state;
    struct seal_entry unused;
    assert_int_equal(
        seal_area_open(area, part, keys, batch_uid, entry ? entry : &unused, &state, NULL),
        STATUS_OK);
    return state;
}

static void entries_are_unwrapped_with_their_key_only(void **arg)
{
    (void)arg;
    struct seal_keys old = keys_of(1, 1), both = keys_of(1, 2), other = keys_of(5, 1);
    struct writer w = area_of(&old, 2);
    struct slice area = writer_slice(&w);
    assert_int_equal(area.size, seal_area_bytes(2));
    assert_true(seal_area_is_whole(area));
    for (uint8_t part = 0; part < 2; part++) {
        struct seal_entry entry, expected = entry_of((uint8_t)(10 * part + 1));
        assert_int_equal(state_of(area, part, &both, &entry), SEAL_OPEN);
        assert_memory_equal(&entry, &expected, sizeof entry);
    }
    assert_int_equal(state_of(area, 0, &other, NULL), SEAL_NO_KEY);
    assert_int_equal(state_of(area, 0, NULL, NULL), SEAL_NO_KEY);
    assert_int_equal(state_of(area, 2, &both, NULL), SEAL_ABSENT);
    writer_fini(&w);
    /* New ones are wrapped with the newest key. */
    w = area_of(&both, 1);
    assert_int_equal(state_of(writer_slice(&w), 0, &old, NULL), SEAL_NO_KEY);
    writer_fini(&w);
}

static void without_keys_there_is_no_entry(void **arg)
{
    (void)arg;
    struct writer w = area_of(NULL, 1);
    assert_int_equal(w.size, SEAL_AREA_HEAD_BYTES);
    assert_true(seal_area_is_whole(writer_slice(&w)));
    assert_int_equal(state_of(writer_slice(&w), 0, NULL, NULL), SEAL_ABSENT);
    writer_fini(&w);
}

static void each_changed_bit_is_found(void **arg)
{
    (void)arg;
    struct seal_keys keys = keys_of(1, 1);
    struct writer w = area_of(&keys, 1);
    for (size_t bit = 0; bit < 8 * w.size; bit++) {
        w.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(seal_area_is_whole(writer_slice(&w)));
        w.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(seal_area_is_whole(writer_slice(&w)));
    for (size_t size = 0; size < w.size; size++)
        assert_false(seal_area_is_whole(slice_make(w.data, size)));
    /* CRC made right: the cipher finds it. A wrong key looks the same. */
    w.data[SEAL_AREA_HEAD_BYTES + 60] ^= 1;
    seal_area_finish(w.data, w.size, 0);
    assert_int_equal(state_of(writer_slice(&w), 0, &keys, NULL), SEAL_NO_KEY);
    writer_fini(&w);
}

static void erased_entry_is_gone_and_the_others_stay(void **arg)
{
    (void)arg;
    struct seal_keys keys = keys_of(1, 1);
    struct writer w = area_of(&keys, 3);
    uint8_t vehicle[SEAL_VEHICLE_BYTES];
    assert_true(seal_area_vehicle(writer_slice(&w), 1, vehicle));
    assert_int_equal(vehicle[0], 11);
    seal_area_erase(w.data, w.size, 1);
    assert_true(seal_area_is_whole(writer_slice(&w)));
    assert_int_equal(state_of(writer_slice(&w), 0, &keys, NULL), SEAL_OPEN);
    assert_int_equal(state_of(writer_slice(&w), 1, &keys, NULL), SEAL_ERASED);
    assert_int_equal(state_of(writer_slice(&w), 1, NULL, NULL), SEAL_ERASED);
    assert_int_equal(state_of(writer_slice(&w), 2, &keys, NULL), SEAL_OPEN);
    assert_false(seal_area_vehicle(writer_slice(&w), 1, vehicle));
    writer_fini(&w);
}

static void interrupted_erasure_leaves_a_whole_area_whose_entry_is_erased(void **arg)
{
    (void)arg;
    struct seal_keys keys = keys_of(1, 1);
    for (size_t torn = 8; torn <= SEAL_ENTRY_BYTES; torn += 8) {
        struct writer w = area_of(&keys, 1);
        struct writer done = area_of(&keys, 1);
        seal_area_erase(done.data, done.size, 0);
        memcpy(w.data + SEAL_AREA_STATE_AT, done.data + SEAL_AREA_STATE_AT, 4);
        assert_true(seal_area_is_whole(writer_slice(&w)));
        assert_int_equal(state_of(writer_slice(&w), 0, &keys, NULL), SEAL_OPEN);
        memset(w.data + SEAL_AREA_HEAD_BYTES, SEAL_ERASED_BYTE, torn);
        assert_true(seal_area_is_whole(writer_slice(&w)));
        assert_int_equal(state_of(writer_slice(&w), 0, &keys, NULL), SEAL_ERASED);
        writer_fini(&w);
        writer_fini(&done);
    }
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 14; also in NIST's set. */
static void cipher_is_aes_256_gcm(void **arg)
{
    (void)arg;
    static const uint8_t key[SEAL_KEY_BYTES] = {0};
    static const uint8_t expected[] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                       0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
                                       0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                       0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    uint8_t text[32] = {0}, clear[16];
    struct seal_cipher *cipher = seal_cipher_create();
    seal_cipher_begin(cipher, key, SEAL_EVENTS);
    seal_cipher_add(cipher, text, 5);
    seal_cipher_add(cipher, text + 5, 11);
    seal_cipher_end(cipher, text + 16);
    assert_memory_equal(text, expected, sizeof expected);
    assert_true(seal_cipher_open(cipher, key, SEAL_EVENTS, slice_make(text, 32), clear));
    for (int i = 0; i < 16; i++)
        assert_int_equal(clear[i], 0);
    assert_false(seal_cipher_open(cipher, key, SEAL_BODY, slice_make(text, 32), clear));
    assert_false(seal_cipher_open(cipher, key, SEAL_EVENTS, slice_make(text, 15), clear));
    seal_cipher_destroy(cipher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_unwrapped_with_their_key_only),
        cmocka_unit_test(without_keys_there_is_no_entry),
        cmocka_unit_test(each_changed_bit_is_found),
        cmocka_unit_test(erased_entry_is_gone_and_the_others_stay),
        cmocka_unit_test(interrupted_erasure_leaves_a_whole_area_whose_entry_is_erased),
        cmocka_unit_test(cipher_is_aes_256_gcm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
