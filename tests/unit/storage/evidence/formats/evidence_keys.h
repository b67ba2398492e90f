/* evidence_keys.h: logs and witnesses of tests, with keys that are made from their names. */
#ifndef VSOC_TESTS_EVIDENCE_KEYS_H
#define VSOC_TESTS_EVIDENCE_KEYS_H

#include <stdlib.h>

#include "storage/evidence/formats/checkpoint.h"

/* The seed of a key is the SHA-256 of its name. */
static inline struct note_secret secret_of(const char *name, enum note_algorithm algorithm)
{
    struct note_secret secret;
    uint8_t seed[SHA256_BYTES];
    sha256_bytes(slice_from_text(name), seed);
    if (note_secret_make(slice_from_text(name), algorithm, seed, &secret) != STATUS_OK)
        abort();
    return secret;
}

static inline void write_verifier(struct writer *w, const char *name, enum note_algorithm algorithm)
{
    struct note_secret secret = secret_of(name, algorithm);
    note_verifier_write(w, &secret.verifier);
}

/* A checkpoint of `origin` whose leaves are given by their root, signed by it. */
static inline void write_head(struct writer *w, const char *origin, uint64_t size,
                              const uint8_t root[32])
{
    struct note_secret secret = secret_of(origin, NOTE_ED25519);
    struct note_signer signer = note_signer_of(&secret);
    struct checkpoint head = {slice_from_text(origin), size, {0}, SLICE_EMPTY};
    memcpy(head.root, root, sizeof head.root);
    if (checkpoint_sign(w, &head, &signer, 1) != STATUS_OK)
        abort();
}

/* Adds the cosignature of a witness to the checkpoint that w holds from `start` on. */
static inline void cosign(struct writer *w, size_t start, const char *witness, uint64_t time_s)
{
    struct note_secret secret = secret_of(witness, NOTE_COSIGNATURE);
    struct note_signer signer = note_signer_of(&secret);
    struct note note;
    if (note_parse(slice_make(w->data + start, w->size - start), &note) != STATUS_OK ||
        !writer_reserve(w, 1000) ||
        note_parse(slice_make(w->data + start, w->size - start), &note) != STATUS_OK ||
        note_sign(w, note.text, &signer, time_s) != STATUS_OK)
        abort();
}

#endif
