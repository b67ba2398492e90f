/* fuzz_leaf.c: any bytes as a leaf. What must hold: a leaf that is read is written as the same
 * bytes, and its hash is that of the bytes. */
#include <stdlib.h>

#include "storage/evidence/formats/leaf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct evidence_leaf leaf;
    struct writer w;
    uint8_t hash[MERKLE_HASH_BYTES], expected[MERKLE_HASH_BYTES];
    if (evidence_leaf_read(bytes, &leaf) != STATUS_OK)
        return 0;
    writer_init(&w, size + 1);
    evidence_leaf_write(&w, &leaf);
    if (!slice_equal(writer_slice(&w), bytes))
        abort();
    writer_fini(&w);
    merkle_leaf_hash(bytes, expected);
    if (evidence_leaf_hash(&leaf, hash) != STATUS_OK || memcmp(hash, expected, sizeof hash) != 0)
        abort();
    return 0;
}
