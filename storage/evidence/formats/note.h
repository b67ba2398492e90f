/* note.h: signed notes (c2sp.org/signed-note): a text, an empty line, lines of signatures.
 *
 * What is read is borrowed from the bytes that were given. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_NOTE_H

#include "storage/evidence/formats/note_key.h"

#define NOTE_BYTES_MAX      ((size_t)1 << 20)
#define NOTE_SIGNATURES_MAX 100

struct note_signature {
    struct slice line; /* whole, with its line end */
    struct slice name;
    struct slice base64; /* of the identifier and the signature */
    uint32_t id;
};

struct note {
    struct slice text; /* with its last line end, without the empty line */
    size_t count;
    struct note_signature signatures[NOTE_SIGNATURES_MAX];
};

/* Splits a note. TOO_LARGE: over NOTE_BYTES_MAX; TOO_MANY: over NOTE_SIGNATURES_MAX lines;
 * INVALID_UTF8; MALFORMED. Checks no signature. */
enum status note_parse(struct slice bytes, struct note *note) must_check;
/* Reads lines of signatures alone, as a witness answers: they go behind those that *note has.
 * Statuses of note_parse; on failure *note has the lines it had. */
enum status note_add_signatures(struct slice lines, struct note *note) must_check;

/* What a valid signature says. */
struct note_seal {
    uint64_t time_s;   /* of a cosignature, POSIX; 0: a plain signature */
    struct slice line; /* the line that was checked, borrowed from the note */
};

/* Looks for signatures of this key, by name and identifier. OK: one is there and all of this key
 * are valid (*seal, which may be NULL, is of the latest time); NOT_FOUND: none; REFUSED: one is
 * wrong; UNSUPPORTED: this build of OpenSSL has no such algorithm; NO_MEMORY. */
enum status note_verify(const struct note *note, const struct note_verifier *verifier,
                        struct note_seal *seal) must_check;

/* Who signs. sign gives the Ed25519 signature of a message: by a seed in memory, a token, or a
 * process behind a socket, which decides on what it sees (the message is the text of the note, for
 * a cosignature behind its two lines). */
struct note_signer {
    const struct note_verifier *verifier; /* name, identifier, algorithm of the line */
    enum status (*sign)(void *arg, struct slice message, uint8_t signature[64]);
    void *arg;
};

/* The signer that holds the seed; secret must outlive it. */
struct note_signer note_signer_of(const struct note_secret *secret);

/* Appends the signature line for text. time_s: of a cosignature; a plain signature takes 0.
 * MALFORMED: text is none that a note can have (or, for a cosignature, no checkpoint); else the
 * status of sign or of the writer. On failure w holds what it held. */
enum status note_sign(struct writer *w, struct slice text, const struct note_signer *signer,
                      uint64_t time_s) must_check;
/* Appends text, the empty line and the signature line of each signer. */
enum status note_write(struct writer *w, struct slice text, const struct note_signer *signers,
                       size_t count) must_check;

#endif
