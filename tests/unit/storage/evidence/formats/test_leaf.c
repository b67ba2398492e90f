/* test_leaf.c: canonical bytes of a leaf. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "storage/evidence/formats/leaf.h"

static struct evidence_leaf example(void)
{
    struct evidence_leaf l = {
        .kind = EVIDENCE_BATCH,
        .position = 0x0102030405060708,
        .leaf_index = 7,
        .received_ns = -2,
        .accepted = 1,
        .duplicates = 2,
        .quarantined = 3,
        .body_bytes = 4,
        .tenant = SLICE_LITERAL("Zo\xC3\xAB"),
    };
    memset(l.spool_uid, 0xA1, 16);
    memset(l.batch_uid, 0xB2, 16);
    memset(l.body_commitment, 0xC1, 32);
    memset(l.meta_commitment, 0xC2, 32);
    memset(l.events_commitment, 0xC3, 32);
    return l;
}

/* What docs/evidence.md says, written by hand. */
static size_t expected(uint8_t out[512])
{
    static const uint8_t numbers[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0, 0,
                                      0,    1,    0,    0,    0,    2,    0,    0,    0, 3,
                                      0,    0,    0,    0,    0,    0,    0,    4};
    static const uint8_t places[] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 7};
    uint8_t *p = out;
    memcpy(p, "vsocd/leaf/v1\n\1\0", 16);
    memset(p + 16, 0xA1, 16);
    memcpy(p + 32, places, 16);
    memset(p + 48, 0xB2, 16);
    memcpy(p + 64, numbers, 28);
    memset(p + 92, 0xC1, 32);
    memset(p + 124, 0xC2, 32);
    memset(p + 156, 0xC3, 32);
    memcpy(p + 188, "\0\4Zo\xC3\xAB", 6);
    return 194;
}

static void bytes_are_those_of_the_layout(void **state)
{
    (void)state;
    uint8_t bytes[512], hash[32], expected_hash[32];
    size_t size = expected(bytes);
    struct evidence_leaf leaf = example();
    struct writer w;
    writer_init(&w, 1000);
    evidence_leaf_write(&w, &leaf);
    assert_int_equal(w.size, size);
    assert_memory_equal(w.data, bytes, size);
    assert_int_equal(EVIDENCE_LEAF_FIXED_BYTES, size - leaf.tenant.size);
    writer_fini(&w);
    assert_int_equal(evidence_leaf_hash(&leaf, hash), STATUS_OK);
    memmove(bytes + 1, bytes, size);
    bytes[0] = 0;
    sha256_bytes(slice_make(bytes, size + 1), expected_hash);
    assert_memory_equal(hash, expected_hash, sizeof hash);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    uint8_t bytes[512];
    size_t size = expected(bytes);
    struct evidence_leaf leaf, ex = example();
    assert_int_equal(evidence_leaf_read(slice_make(bytes, size), &leaf), STATUS_OK);
    assert_int_equal(leaf.kind, EVIDENCE_BATCH);
    assert_int_equal(leaf.position, ex.position);
    assert_int_equal(leaf.leaf_index, 7);
    assert_int_equal(leaf.received_ns, -2);
    assert_int_equal(leaf.accepted, 1);
    assert_int_equal(leaf.duplicates, 2);
    assert_int_equal(leaf.quarantined, 3);
    assert_int_equal(leaf.body_bytes, 4);
    assert_memory_equal(leaf.spool_uid, ex.spool_uid, 16);
    assert_memory_equal(leaf.batch_uid, ex.batch_uid, 16);
    assert_memory_equal(leaf.body_commitment, ex.body_commitment, 32);
    assert_memory_equal(leaf.meta_commitment, ex.meta_commitment, 32);
    assert_memory_equal(leaf.events_commitment, ex.events_commitment, 32);
    assert_true(slice_equal(leaf.tenant, ex.tenant));
}

static void other_bytes_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[512];
    size_t size = expected(bytes);
    struct evidence_leaf leaf;
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(evidence_leaf_read(slice_make(bytes, cut), &leaf), STATUS_TRUNCATED);
    assert_int_equal(evidence_leaf_read(slice_make(bytes, size + 1), &leaf), STATUS_MALFORMED);
    bytes[15] = 1;
    assert_int_equal(evidence_leaf_read(slice_make(bytes, size), &leaf), STATUS_MALFORMED);
    bytes[15] = 0;
    bytes[size - 1] = 'x';
    assert_int_equal(evidence_leaf_read(slice_make(bytes, size), &leaf), STATUS_INVALID_UTF8);
    bytes[12] = '2';
    assert_int_equal(evidence_leaf_read(slice_make(bytes, size), &leaf), STATUS_VERSION);
}

static void a_lost_record_has_its_place_only(void **state)
{
    (void)state;
    uint8_t uid[16], zeros[200] = {0};
    struct evidence_leaf leaf;
    struct writer w;
    memset(uid, 0x55, sizeof uid);
    evidence_leaf_lost(uid, 9, &leaf);
    writer_init(&w, 1000);
    evidence_leaf_write(&w, &leaf);
    assert_int_equal(w.size, EVIDENCE_LEAF_FIXED_BYTES);
    assert_int_equal(w.data[14], 255);
    assert_memory_equal(w.data + 16, uid, 16);
    assert_memory_equal(w.data + 32, zeros, 15);
    assert_int_equal(w.data[47], 9);
    assert_memory_equal(w.data + 48, zeros, w.size - 48);
    writer_fini(&w);
}

static void a_tenant_that_fits_no_leaf_is_refused(void **state)
{
    (void)state;
    uint8_t hash[32];
    struct evidence_leaf leaf = example();
    uint8_t *text = malloc(65536);
    memset(text, 'a', 65536);
    leaf.tenant = slice_make(text, 65536);
    assert_int_equal(evidence_leaf_hash(&leaf, hash), STATUS_OUT_OF_RANGE);
    leaf.tenant.size--;
    assert_int_equal(evidence_leaf_hash(&leaf, hash), STATUS_OK);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_the_layout),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(a_lost_record_has_its_place_only),
        cmocka_unit_test(a_tenant_that_fits_no_leaf_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
