/* test_merkle.c: the tree of RFC 6962: roots of the tests of Certificate Transparency, and every
 * proof of small trees against the definitions of §2.1, written as the RFC writes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/writer.h"
#include "storage/evidence/formats/merkle_tiles.h"

#define SIZE_MAX_TESTED 70
#define TILED           70000

typedef uint8_t hash_t[MERKLE_HASH_BYTES];

/* Leaf i of the tests: the four bytes of i. */
static void leaf_of(uint64_t i, hash_t out)
{
    uint8_t data[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    merkle_leaf_hash(slice_make(data, sizeof data), out);
}

/* The definitions of RFC 6962 §2.1. */
static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static void mth(uint64_t start, uint64_t n, hash_t out)
{
    hash_t left, right;
    if (n == 1) {
        leaf_of(start, out);
        return;
    }
    mth(start, split(n), left);
    mth(start + split(n), n - split(n), right);
    merkle_node_hash(left, right, out);
}

static void put(struct merkle_path *path, uint64_t start, uint64_t n)
{
    mth(start, n, path->hashes[path->count++]);
}

static void path_of(uint64_t m, uint64_t start, uint64_t n, struct merkle_path *path)
{
    uint64_t k = n > 1 ? split(n) : 0;
    if (n == 1)
        return;
    if (m < k) {
        path_of(m, start, k, path);
        put(path, start + k, n - k);
    } else {
        path_of(m - k, start + k, n - k, path);
        put(path, start, k);
    }
}

static void subproof(uint64_t m, uint64_t start, uint64_t n, bool whole, struct merkle_path *path)
{
    if (m == n) {
        if (!whole)
            put(path, start, n);
        return;
    }
    uint64_t k = split(n);
    if (m <= k) {
        subproof(m, start, k, whole, path);
        put(path, start + k, n - k);
    } else {
        subproof(m - k, start + k, n - k, false, path);
        put(path, start, k);
    }
}

static enum status hash_at(void *arg, unsigned level, uint64_t index, hash_t out)
{
    uint64_t size = *(const uint64_t *)arg, first = index << level;
    assert_true(first + (UINT64_C(1) << level) <= size);
    mth(first, UINT64_C(1) << level, out);
    return STATUS_OK;
}

static void assert_same_path(const struct merkle_path *a, const struct merkle_path *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof a->hashes[0]);
}

static void roots_are_those_of_certificate_transparency(void **state)
{
    (void)state;
    static const char *const leaves[] = {"",
                                         "00",
                                         "10",
                                         "2021",
                                         "3031",
                                         "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
    static const char *const roots[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
    struct merkle_frontier frontier = {0};
    struct writer w;
    hash_t hash;
    writer_init(&w, 1000);
    for (size_t i = 0; i < 8; i++) {
        uint8_t data[16];
        size_t size = strlen(leaves[i]) / 2;
        for (size_t j = 0; j < size; j++) {
            char pair[3] = {leaves[i][2 * j], leaves[i][2 * j + 1], 0};
            data[j] = (uint8_t)strtoul(pair, NULL, 16);
        }
        merkle_leaf_hash(slice_make(data, size), hash);
        merkle_frontier_add(&frontier, hash);
        merkle_frontier_root(&frontier, hash);
        writer_reset(&w);
        writer_hex(&w, slice_make(hash, sizeof hash));
        assert_true(slice_equal_text(writer_slice(&w), roots[i]));
    }
    writer_fini(&w);
}

static void every_inclusion_proof_is_the_definitions_and_verifies(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= SIZE_MAX_TESTED; n++) {
        struct merkle_source source = {hash_at, &n};
        hash_t root, leaf;
        mth(0, n, root);
        for (uint64_t m = 0; m < n; m++) {
            struct merkle_path path, expected = {0};
            path_of(m, 0, n, &expected);
            assert_int_equal(merkle_inclusion(&source, m, n, &path), STATUS_OK);
            assert_same_path(&path, &expected);
            leaf_of(m, leaf);
            assert_int_equal(merkle_inclusion_verify(leaf, m, n, &path, root), STATUS_OK);
        }
        struct merkle_path path;
        assert_int_equal(merkle_inclusion(&source, n, n, &path), STATUS_OUT_OF_RANGE);
    }
}

static void every_consistency_proof_is_the_definitions_and_verifies(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= SIZE_MAX_TESTED; n++) {
        struct merkle_source source = {hash_at, &n};
        hash_t root, old_root, found;
        mth(0, n, root);
        assert_int_equal(merkle_root(&source, n, found), STATUS_OK);
        assert_memory_equal(found, root, sizeof root);
        for (uint64_t m = 1; m <= n; m++) {
            struct merkle_path path, expected = {0};
            subproof(m, 0, n, true, &expected);
            mth(0, m, old_root);
            assert_int_equal(merkle_consistency(&source, m, n, &path), STATUS_OK);
            assert_same_path(&path, &expected);
            assert_int_equal(merkle_consistency_verify(m, old_root, n, root, &path), STATUS_OK);
        }
    }
}

/* Every bit of leaf, path and root counts, and so do index, size and the number of hashes. */
static void changed_proofs_are_refused(void **state)
{
    (void)state;
    uint64_t n = 13;
    struct merkle_source source = {hash_at, &n};
    struct merkle_path path = {0};
    hash_t root, leaf, old_root;
    mth(0, n, root);
    for (uint64_t m = 0; m < n; m++) {
        assert_int_equal(merkle_inclusion(&source, m, n, &path), STATUS_OK);
        leaf_of(m, leaf);
        for (uint64_t other = 0; other < 20; other++)
            if (other != m)
                assert_int_equal(merkle_inclusion_verify(leaf, other, n, &path, root),
                                 STATUS_REFUSED);
        for (size_t i = 0; i < path.count * 32 * 8; i++) {
            uint8_t *byte = &path.hashes[i / 256][i / 8 % 32];
            *byte ^= (uint8_t)(1u << i % 8);
            assert_int_equal(merkle_inclusion_verify(leaf, m, n, &path, root), STATUS_REFUSED);
            *byte ^= (uint8_t)(1u << i % 8);
        }
        path.count++;
        assert_int_equal(merkle_inclusion_verify(leaf, m, n, &path, root), STATUS_REFUSED);
        path.count -= 2;
        assert_int_equal(merkle_inclusion_verify(leaf, m, n, &path, root), STATUS_REFUSED);
    }
    for (uint64_t m = 1; m < n; m++) {
        mth(0, m, old_root);
        assert_int_equal(merkle_consistency(&source, m, n, &path), STATUS_OK);
        for (uint64_t other = 1; other < 20; other++)
            if (other != m)
                assert_int_equal(merkle_consistency_verify(other, old_root, n, root, &path),
                                 STATUS_REFUSED);
        old_root[m] ^= 1;
        assert_int_equal(merkle_consistency_verify(m, old_root, n, root, &path), STATUS_REFUSED);
        old_root[m] ^= 1;
        root[m] ^= 1;
        assert_int_equal(merkle_consistency_verify(m, old_root, n, root, &path), STATUS_REFUSED);
        root[m] ^= 1;
        path.count--;
        assert_int_equal(merkle_consistency_verify(m, old_root, n, root, &path), STATUS_REFUSED);
    }
}

static void empty_and_equal_trees_take_an_empty_proof_only(void **state)
{
    (void)state;
    struct merkle_path path = {0};
    uint64_t n = 5;
    struct merkle_source source = {hash_at, &n};
    hash_t root, other, empty;
    mth(0, 5, root);
    mth(0, 4, other);
    merkle_empty_root(empty);
    assert_int_equal(merkle_consistency_verify(0, empty, 5, root, &path), STATUS_OK);
    assert_int_equal(merkle_consistency_verify(0, empty, 0, empty, &path), STATUS_OK);
    assert_int_equal(merkle_consistency_verify(0, other, 5, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency_verify(0, empty, 0, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency_verify(5, root, 5, root, &path), STATUS_OK);
    assert_int_equal(merkle_consistency_verify(5, other, 5, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency_verify(4, other, 5, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency_verify(6, root, 5, root, &path), STATUS_REFUSED);
    path.count = 1;
    assert_int_equal(merkle_consistency_verify(0, empty, 5, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency_verify(5, root, 5, root, &path), STATUS_REFUSED);
    assert_int_equal(merkle_consistency(&source, 6, 5, &path), STATUS_OUT_OF_RANGE);
    assert_int_equal(merkle_root(&source, 0, root), STATUS_OK);
    assert_memory_equal(root, empty, sizeof empty);
}

/* Stored levels 0, 8, 16 of a tree of TILED leaves. */
static hash_t *levels[3];

static void make_levels(void)
{
    for (size_t level = 0, count = TILED; level < 3; level++, count /= TILE_WIDTH)
        levels[level] = calloc(count + 1, sizeof(hash_t));
    for (size_t i = 0; i < TILED; i++)
        leaf_of(i, levels[0][i]);
    for (size_t level = 1, count = TILED / TILE_WIDTH; level < 3; level++, count /= TILE_WIDTH)
        for (size_t i = 0; i < count; i++) {
            struct merkle_frontier frontier = {0};
            for (size_t j = 0; j < TILE_WIDTH; j++)
                merkle_frontier_add(&frontier, levels[level - 1][i * TILE_WIDTH + j]);
            merkle_frontier_root(&frontier, levels[level][i]);
        }
}

static enum status read_tile(void *arg, unsigned level, uint64_t first, size_t count,
                             hash_t *hashes)
{
    uint64_t held = TILED;
    (void)arg;
    for (unsigned i = 0; i < level; i++)
        held /= TILE_WIDTH;
    assert_true(level < 3 && first + count <= held && count <= TILE_WIDTH / 2);
    assert_int_equal(first / TILE_WIDTH, (first + count - 1) / TILE_WIDTH);
    memcpy(hashes, levels[level][first], count * sizeof *hashes);
    return STATUS_OK;
}

static void stored_tiles_give_the_same_roots_and_proofs(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 255, 256, 257, 511, 65535, 65536, 65537, 69999, TILED};
    struct merkle_tiles tiles = {read_tile, NULL};
    struct merkle_source source = merkle_tiles_source(&tiles);
    make_levels();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct merkle_frontier frontier = {0}, loaded;
        struct merkle_path path;
        hash_t root, found, old_root;
        uint64_t n = sizes[i], old = i ? sizes[i - 1] : 1;
        for (uint64_t j = 0; j < n; j++)
            merkle_frontier_add(&frontier, levels[0][j]);
        merkle_frontier_root(&frontier, root);
        assert_int_equal(merkle_root(&source, n, found), STATUS_OK);
        assert_memory_equal(root, found, sizeof root);
        assert_int_equal(merkle_frontier_load(&source, n, &loaded), STATUS_OK);
        merkle_frontier_root(&loaded, found);
        assert_memory_equal(root, found, sizeof root);
        assert_int_equal(merkle_inclusion(&source, n / 3, n, &path), STATUS_OK);
        assert_int_equal(merkle_inclusion_verify(levels[0][n / 3], n / 3, n, &path, root),
                         STATUS_OK);
        assert_int_equal(merkle_root(&source, old, old_root), STATUS_OK);
        assert_int_equal(merkle_consistency(&source, old, n, &path), STATUS_OK);
        assert_int_equal(merkle_consistency_verify(old, old_root, n, root, &path), STATUS_OK);
    }
    for (size_t level = 0; level < 3; level++)
        free(levels[level]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_certificate_transparency),
        cmocka_unit_test(every_inclusion_proof_is_the_definitions_and_verifies),
        cmocka_unit_test(every_consistency_proof_is_the_definitions_and_verifies),
        cmocka_unit_test(changed_proofs_are_refused),
        cmocka_unit_test(empty_and_equal_trees_take_an_empty_proof_only),
        cmocka_unit_test(stored_tiles_give_the_same_roots_and_proofs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
