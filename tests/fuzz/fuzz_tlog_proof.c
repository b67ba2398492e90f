/* fuzz_tlog_proof.c: any bytes as a proof, as a request to a witness and as the name of a tile.
 * What must hold: what was read is written as the same bytes; a proof that is read verifies under
 * no policy whose log has not signed it. */
#include <stdlib.h>

#include "storage/evidence/formats/add_checkpoint.h"
#include "storage/evidence/formats/policy.h"
#include "storage/evidence/formats/tile_path.h"
#include "storage/evidence/formats/tlog_proof.h"

#define POLICY                                                                                     \
    "log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(struct writer *w, struct slice bytes)
{
    if (w->status != STATUS_OK || !slice_equal(writer_slice(w), bytes))
        abort();
    writer_reset(w);
}

static void check_proof(struct slice bytes, struct writer *w)
{
    struct tlog_proof proof;
    struct policy *policy = NULL;
    uint8_t leaf[MERKLE_HASH_BYTES] = {0};
    if (tlog_proof_parse(bytes, &proof) != STATUS_OK)
        return;
    if (!proof.has_extra) {
        tlog_proof_write(w, &proof, NULL);
        compare(w, bytes);
    }
    if (policy_parse(SLICE_LITERAL(POLICY), &policy, NULL) != STATUS_OK ||
        tlog_proof_verify(&proof, leaf, policy, NULL) == STATUS_OK)
        abort();
    policy_destroy(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_make(data, size);
    struct add_checkpoint request;
    struct tile_path path;
    struct writer w;
    writer_init(&w, NOTE_BYTES_MAX * 2);
    check_proof(bytes, &w);
    if (size < NOTE_BYTES_MAX && add_checkpoint_parse(bytes, &request) == STATUS_OK) {
        add_checkpoint_write(&w, &request);
        compare(&w, bytes);
    }
    if (tile_path_parse(bytes, &path) == STATUS_OK) {
        tile_path_write(&w, &path);
        compare(&w, bytes);
    }
    writer_fini(&w);
    return 0;
}
