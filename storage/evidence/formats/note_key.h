/* note_key.h: names and keys of signed notes as text (c2sp.org/signed-note): verifier keys
 * `<name>+<id>+<base64(algorithm ‖ public key)>` and signing keys
 * `PRIVATE+KEY+<name>+<id>+<base64(algorithm ‖ seed)>`, as Go's sumdb/note writes them.
 * Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_KEY_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_KEY_H

#include "core/object.h"
#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"

#define NOTE_NAME_BYTES_MAX      255
#define NOTE_KEY_BYTES_MAX       1312 /* a public key of ML-DSA-44 */
#define NOTE_SEED_BYTES          32
#define NOTE_SIGNATURE_BYTES_MAX 2428 /* timestamp and signature of ML-DSA-44 */

/* Signature types: the byte that a key identifier and an encoded key begin with. */
enum note_algorithm {
    NOTE_ED25519 = 0x01,           /* signature over the text of the note */
    NOTE_COSIGNATURE = 0x04,       /* c2sp.org/tlog-cosignature: Ed25519 with a timestamp */
    NOTE_COSIGNATURE_ML_DSA = 0x06 /* the same with ML-DSA-44 */
};

/* Who may sign, and how it is checked. A plain value. */
struct note_verifier {
    char name[NOTE_NAME_BYTES_MAX + 1]; /* NUL-terminated */
    uint32_t id;
    enum note_algorithm algorithm;
    size_t key_bytes; /* 32, or 1312 with ML-DSA-44 */
    uint8_t key[NOTE_KEY_BYTES_MAX];
};

/* A key that signs: Ed25519 only. Wipe it with OPENSSL_cleanse or note_secret_wipe. */
struct note_secret {
    unsigned magic;                /* NOTE_SECRET_MAGIC until it is wiped */
    struct note_verifier verifier; /* NOTE_ED25519 or NOTE_COSIGNATURE */
    uint8_t seed[NOTE_SEED_BYTES];
};

#define NOTE_SECRET_MAGIC 0x4e534543U
OBJECT_CAST(note_secret, NOTE_SECRET_MAGIC)

/* Whether text, which is UTF-8, has a space of Unicode other than those of ASCII. */
bool note_has_space(struct slice text);
/* A name that may stand in a signature line: 1 to NOTE_NAME_BYTES_MAX bytes of UTF-8 without
 * spaces (Unicode), plus signs and control characters. */
bool note_name_is_valid(struct slice name);

/* Makes the verifier of a raw public key, with its identifier. MALFORMED: the name is not valid;
 * UNSUPPORTED: the algorithm is unknown, or the size of the key is not the algorithm's. */
enum status note_verifier_make(struct slice name, enum note_algorithm algorithm, struct slice key,
                               struct note_verifier *verifier) must_check;
/* Reads a verifier key: one line without its end. MALFORMED; UNSUPPORTED: unknown algorithm;
 * CONFLICT: the identifier is not that of the key. */
enum status note_verifier_parse(struct slice text, struct note_verifier *verifier) must_check;
void note_verifier_write(struct writer *w, const struct note_verifier *verifier);
/* Same name, identifier, algorithm and key. */
bool note_verifier_equal(const struct note_verifier *a, const struct note_verifier *b);

/* Makes a signing key from a seed. Statuses of note_verifier_make; IO: OpenSSL failed. */
enum status note_secret_make(struct slice name, enum note_algorithm algorithm,
                             const uint8_t seed[NOTE_SEED_BYTES],
                             struct note_secret *secret) must_check;
/* Reads a signing key: one line, a line end at its end is allowed. Statuses of
 * note_verifier_parse; IO: OpenSSL failed. On failure *secret is wiped. */
enum status note_secret_parse(struct slice text, struct note_secret *secret) must_check;
/* The writer holds key material afterwards: wipe it before writer_fini. */
void note_secret_write(struct writer *w, const struct note_secret *secret);
void note_secret_wipe(struct note_secret *secret);

#endif
