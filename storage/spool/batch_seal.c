/* batch_seal.c: commits to the parts of a batch and encrypts them. The owner's thread, in pieces if
 * it likes. Does not write the record: spool_frame.c. */
#include "storage/spool/batch_seal.h"

#include <stdlib.h>

#include "core/thread.h"

/* Large enough that the calls cost nothing, small enough for a slice of a millisecond. */
#define PIECE_BYTES ((size_t)64 * 1024)

void batch_seal_begin(struct batch *batch)
{
    if (batch->seal.begun)
        return;
    random_bytes(batch->seal.entry.seed, sizeof batch->seal.entry.seed);
    random_bytes(batch->seal.entry.data_key, sizeof batch->seal.entry.data_key);
    batch->seal.begun = true;
}

void batch_seal_body_salt(const struct batch *batch, struct hmac_key *salt)
{
    ensure(batch->seal.begun);
    seal_salt(batch->seal.entry.seed, SEAL_BODY, salt);
}

struct sealing {
    struct batch *batch;
    const struct batch_pace *pace;
    struct sha256 *hash;
    struct seal_cipher *cipher;
    bool encrypts, commits; /* the current part */
};

static bool pass(const struct sealing *s, size_t bytes)
{
    return !s->pace || s->pace->pace(s->pace->arg, bytes);
}

static bool seal_bytes(struct sealing *s, struct slice bytes)
{
    while (bytes.size) {
        struct slice piece = slice_sub(bytes, 0, PIECE_BYTES);
        if (s->commits)
            sha256_update(s->hash, piece);
        if (s->encrypts)
            seal_cipher_add(s->cipher, (uint8_t *)(uintptr_t)piece.data, piece.size);
        if (!pass(s, piece.size))
            return false;
        bytes = slice_sub(bytes, piece.size, SIZE_MAX);
    }
    return true;
}

static bool seal_parts(struct sealing *s, enum seal_part part, const struct slice *pieces,
                       size_t count, uint8_t *commitment, uint8_t *tag)
{
    const struct seal_entry *entry = &s->batch->seal.entry;
    struct hmac_key salt;
    if (!s->commits && !s->encrypts)
        return true;
    seal_salt(entry->seed, part, &salt);
    hmac_key_start(&salt, s->hash);
    if (s->encrypts)
        seal_cipher_begin(s->cipher, entry->data_key, part);
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = seal_bytes(s, pieces[i]);
    if (good && s->commits)
        hmac_key_finish(&salt, s->hash, commitment);
    if (good && s->encrypts)
        seal_cipher_end(s->cipher, tag);
    explicit_bzero(&salt, sizeof salt);
    return good;
}

static bool seal_both(struct sealing *s)
{
    struct batch *batch = s->batch;
    struct slice events = writer_slice(&batch->events);
    s->commits = true;
    if (!seal_parts(s, SEAL_EVENTS, &events, 1, batch->meta.events_commitment,
                    batch->seal.events_tag))
        return false;
    s->commits = !batch->seal.body_committed;
    return seal_parts(s, SEAL_BODY, batch->body, batch->body_count, batch->meta.body_commitment,
                      batch->seal.body_tag);
}

enum status batch_seal(struct batch *batch, const struct seal_keys *keys,
                       const struct batch_pace *pace)
{
    if (batch->seal.done)
        return STATUS_OK;
    batch_seal_begin(batch);
    struct sealing s = {.batch = batch, .pace = pace, .hash = sha256_create()};
    /* Other kinds name no vehicle, and are to be read without a key. */
    s.encrypts = seal_keys_newest(keys) && keys->encrypts && batch->meta.kind <= BATCH_KIND_EVENTS;
    if (s.encrypts)
        s.cipher = seal_cipher_create();
    enum status status = s.hash && (s.cipher || !s.encrypts) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK && !seal_both(&s))
        status = STATUS_CLOSED;
    batch->seal.done = status == STATUS_OK;
    batch->seal.encrypted = batch->seal.done && s.encrypts;
    sha256_destroy(s.hash);
    seal_cipher_destroy(s.cipher);
    return status;
}
