/* batch_seal.h: commitments and encryption of a batch's parts before it is submitted. Thread: the
 * batch's owner. */
#ifndef VSOC_STORAGE_BATCH_SEAL_H
#define VSOC_STORAGE_BATCH_SEAL_H

#include "storage/spool/batch.h"
#include "storage/spool/seal/seal_keys.h"

/* Called after each piece of work with its size. False: stop. */
struct batch_pace {
    bool (*pace)(void *arg, size_t bytes);
    void *arg;
};

/* Whether batches are encrypted with these keys, so that there is sense in cutting them. */
bool batch_seal_encrypts(const struct seal_keys *keys);
/* Makes seed and data key, once. */
void batch_seal_begin(struct batch *batch);
/* Key of the body's commitment, for an owner who hashes the body anyway: it puts the result into
 * meta.body_commitment and sets seal.body_committed. batch_seal_begin was called. */
void batch_seal_body_salt(const struct batch *batch, struct hmac_key *salt);
/* Commits to body and events, and encrypts them in place if keys ask for it; once: further calls
 * change nothing. After it, nobody but the spool can use them. keys may be NULL. pace may be NULL:
 * all at once. spool_submit does it, unless the owner has done it in pieces. CLOSED: pace stopped
 * it, and the batch can only be destroyed. NO_MEMORY. */
enum status batch_seal(struct batch *batch, const struct seal_keys *keys,
                       const struct batch_pace *pace) must_check;

#endif
