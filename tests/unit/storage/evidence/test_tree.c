/* test_tree.c: the stored hashes of the tree: roots of all sizes, reopening, cutting, repair. */
#include "tests/support/spool_fixture.h"

#include "storage/evidence/tree.h"

struct fixture {
    char dir[300];
    struct evidence_tree *tree;
};

static int setup(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    snprintf(fixture.dir, sizeof fixture.dir, "/dev/shm/vsoc-tree-XXXXXX");
    if (!mkdtemp(fixture.dir))
        return -1;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    evidence_tree_close(f->tree);
    fixture_remove_tree(f->dir);
    return 0;
}

static void open_at(struct fixture *f, uint64_t size)
{
    evidence_tree_close(f->tree);
    f->tree = NULL;
    assert_int_equal(evidence_tree_open(f->dir, true, &f->tree), STATUS_OK);
    assert_int_equal(evidence_tree_cut(f->tree, size), STATUS_OK);
    assert_int_equal(evidence_tree_size(f->tree), size);
}

static void leaf(uint64_t n, uint8_t hash[MERKLE_HASH_BYTES])
{
    merkle_leaf_hash(slice_make(&n, sizeof n), hash);
}

static void grow(struct fixture *f, uint64_t size)
{
    uint8_t hash[MERKLE_HASH_BYTES];
    for (uint64_t n = evidence_tree_size(f->tree); n < size; n++) {
        leaf(n, hash);
        assert_int_equal(evidence_tree_append(f->tree, hash), STATUS_OK);
    }
}

/* RFC 6962 §2.1, word by word. */
static void reference_root(uint64_t first, uint64_t size, uint8_t root[MERKLE_HASH_BYTES])
{
    uint8_t left[MERKLE_HASH_BYTES], right[MERKLE_HASH_BYTES];
    if (size == 0) {
        sha256_bytes(SLICE_EMPTY, root);
        return;
    }
    if (size == 1) {
        leaf(first, root);
        return;
    }
    uint64_t k = 1;
    while (2 * k < size)
        k *= 2;
    reference_root(first, k, left);
    reference_root(first + k, size - k, right);
    merkle_node_hash(left, right, root);
}

static void assert_root(struct fixture *f, uint64_t size, const uint8_t *root)
{
    uint8_t expected[MERKLE_HASH_BYTES];
    reference_root(0, size, expected);
    assert_memory_equal(root, expected, sizeof expected);
    (void)f;
}

static uint64_t file_bytes(const struct fixture *f, const char *name)
{
    char path[400];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void root_follows_rfc_6962_at_every_size(void **state)
{
    struct fixture *f = *state;
    uint8_t root[MERKLE_HASH_BYTES];
    open_at(f, 0);
    for (uint64_t size = 0; size <= 600; size++) {
        grow(f, size);
        evidence_tree_top(f->tree, root);
        assert_root(f, size, root);
        assert_int_equal(evidence_tree_root(f->tree, size / 2, root),
                         STATUS_OK); /* unwritten, too */
        assert_root(f, size / 2, root);
    }
}

static void reopened_tree_goes_on_at_any_size(void **state)
{
    struct fixture *f = *state;
    uint8_t root[MERKLE_HASH_BYTES];
    static const uint64_t sizes[] = {1,   2,   255,  256,   257,   511,   512,
                                     513, 767, 1024, 65535, 65536, 65537, 66000};
    open_at(f, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        grow(f, sizes[i]);
        assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
        open_at(f, sizes[i]);
        evidence_tree_top(f->tree, root);
        assert_root(f, sizes[i], root);
    }
    assert_int_equal(file_bytes(f, "level0"), 66000 * 32);
    assert_int_equal(file_bytes(f, "level1"), 66000 / 256 * 32);
    assert_int_equal(file_bytes(f, "level2"), 32);
}

static void what_no_head_covers_is_cut_and_made_again(void **state)
{
    struct fixture *f = *state;
    uint8_t root[MERKLE_HASH_BYTES], again[MERKLE_HASH_BYTES];
    open_at(f, 0);
    grow(f, 1000);
    evidence_tree_top(f->tree, root);
    assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
    for (uint64_t size = 0; size < 1000; size += 111) {
        open_at(f, size);
        assert_int_equal(file_bytes(f, "level0"), size * 32);
        grow(f, 1000);
        evidence_tree_top(f->tree, again);
        assert_memory_equal(root, again, sizeof root);
        assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
    }
}

static void missing_higher_levels_are_made_again(void **state)
{
    struct fixture *f = *state;
    char path[400];
    uint8_t root[MERKLE_HASH_BYTES];
    open_at(f, 0);
    grow(f, 66000);
    assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
    snprintf(path, sizeof path, "%s/level1", f->dir);
    assert_int_equal(truncate(path, 40), 0); /* one entry and a part of the next */
    snprintf(path, sizeof path, "%s/level2", f->dir);
    assert_int_equal(unlink(path), 0);
    open_at(f, 66000);
    evidence_tree_top(f->tree, root);
    assert_root(f, 66000, root);
    assert_int_equal(file_bytes(f, "level1"), 66000 / 256 * 32);
    assert_int_equal(file_bytes(f, "level2"), 32);
}

static void lost_leaves_are_noticed(void **state)
{
    struct fixture *f = *state;
    char path[400];
    open_at(f, 0);
    grow(f, 300);
    assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
    snprintf(path, sizeof path, "%s/level0", f->dir);
    assert_int_equal(truncate(path, 299 * 32), 0);
    evidence_tree_close(f->tree);
    f->tree = NULL;
    assert_int_equal(evidence_tree_open(f->dir, true, &f->tree), STATUS_OK);
    assert_int_equal(evidence_tree_cut(f->tree, 300), STATUS_CORRUPT);
}

static void tree_has_one_writer_and_any_number_of_readers(void **state)
{
    struct fixture *f = *state;
    struct evidence_tree *other;
    uint64_t leaves;
    uint8_t root[MERKLE_HASH_BYTES], hash[1][MERKLE_HASH_BYTES];
    open_at(f, 0);
    assert_int_equal(evidence_tree_open(f->dir, true, &other), STATUS_LOCKED);
    assert_int_equal(evidence_tree_open(f->dir, false, &other), STATUS_OK);
    grow(f, 520);
    assert_int_equal(evidence_tree_sync(f->tree), STATUS_OK);
    assert_int_equal(evidence_tree_stored(other, &leaves), STATUS_OK);
    assert_int_equal(leaves, 520);
    assert_int_equal(evidence_tree_root(other, 520, root), STATUS_OK);
    assert_root(f, 520, root);
    assert_int_equal(evidence_tree_read(other, 0, 520, 1, hash), STATUS_NOT_FOUND);
    assert_int_equal(evidence_tree_read(other, EVIDENCE_LEVELS, 0, 1, hash), STATUS_NOT_FOUND);
    evidence_tree_close(other);
}

static void proofs_from_stored_hashes_hold(void **state)
{
    struct fixture *f = *state;
    struct merkle_path path;
    uint8_t root[MERKLE_HASH_BYTES], old_root[MERKLE_HASH_BYTES], hash[MERKLE_HASH_BYTES];
    open_at(f, 0);
    grow(f, 70000);
    struct merkle_source source = evidence_tree_source(f->tree);
    for (uint64_t i = 1; i < 70000; i += 4999) {
        assert_int_equal(evidence_tree_root(f->tree, 70000, root), STATUS_OK);
        assert_int_equal(merkle_inclusion(&source, i, 70000, &path), STATUS_OK);
        leaf(i, hash);
        assert_int_equal(merkle_inclusion_verify(hash, i, 70000, &path, root), STATUS_OK);
        assert_int_equal(evidence_tree_root(f->tree, i, old_root), STATUS_OK);
        assert_int_equal(merkle_consistency(&source, i, 70000, &path), STATUS_OK);
        assert_int_equal(merkle_consistency_verify(i, old_root, 70000, root, &path), STATUS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root_follows_rfc_6962_at_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(reopened_tree_goes_on_at_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(what_no_head_covers_is_cut_and_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_higher_levels_are_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_leaves_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(tree_has_one_writer_and_any_number_of_readers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(proofs_from_stored_hashes_hold, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
