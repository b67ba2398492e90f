/* note.c: signed notes: split, verified, signed. Pure, any thread. Decides on no policy: which keys
 * count is the caller's. */
#include "storage/evidence/formats/note.h"

#include "storage/evidence/formats/cosignature.h"
#include "storage/evidence/formats/ed25519.h"
#include "storage/evidence/formats/note_text.h"

#define LINE_PREFIX "\xE2\x80\x94 " /* em dash, space */
#define ID_BYTES    4

static uint64_t load_be(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* Reads the identifier at the head of the base64 text, which note_text_base64_bytes took. */
static uint32_t id_of(struct slice base64)
{
    uint8_t head[6] = {0};
    if (base64.size > 8)
        (void)!note_text_base64(slice_sub(base64, 0, 8), head, sizeof head);
    else if (!note_text_base64(base64, head, 5))
        (void)!note_text_base64(base64, head, 6);
    return (uint32_t)load_be(head, ID_BYTES);
}

/* line: without its end. */
static enum status parse_line(struct slice line, struct note_signature *signature)
{
    struct slice name, rest = line;
    if (!slice_starts_with(line, LINE_PREFIX))
        return STATUS_MALFORMED;
    rest = slice_sub(line, strlen(LINE_PREFIX), line.size);
    if (!note_text_word(&rest, &name) || !note_name_is_valid(name) ||
        note_text_base64_bytes(rest) <= ID_BYTES)
        return STATUS_MALFORMED;
    *signature =
        (struct note_signature){slice_make(line.data, line.size + 1), name, rest, id_of(rest)};
    return STATUS_OK;
}

static enum status parse_lines(struct slice lines, struct note *note)
{
    struct slice line;
    if (!lines.size || lines.data[lines.size - 1] != '\n')
        return STATUS_MALFORMED;
    while (note_text_line(&lines, &line)) {
        if (note->count == NOTE_SIGNATURES_MAX)
            return STATUS_TOO_MANY;
        enum status s = parse_line(line, &note->signatures[note->count]);
        if (s != STATUS_OK)
            return s;
        note->count++;
    }
    return STATUS_OK;
}

/* Where the last empty line is: the index of the line end before it; bytes.size: nowhere. */
static size_t last_empty_line(struct slice bytes)
{
    for (size_t i = bytes.size; i >= 2; i--)
        if (bytes.data[i - 1] == '\n' && bytes.data[i - 2] == '\n')
            return i - 2;
    return bytes.size;
}

enum status note_parse(struct slice bytes, struct note *note)
{
    if (bytes.size > NOTE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    enum status s = note_text_check(bytes);
    if (s != STATUS_OK)
        return s;
    size_t at = last_empty_line(bytes);
    if (at == bytes.size)
        return STATUS_MALFORMED;
    note->text = slice_make(bytes.data, at + 1);
    note->count = 0;
    return parse_lines(slice_sub(bytes, at + 2, bytes.size), note);
}

enum status note_add_signatures(struct slice lines, struct note *note)
{
    if (lines.size > NOTE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    enum status s = note_text_check(lines);
    if (s != STATUS_OK)
        return s;
    size_t before = note->count;
    s = parse_lines(lines, note);
    if (s != STATUS_OK)
        note->count = before;
    return s;
}

/* Bytes behind the identifier in a signature of this algorithm. */
static size_t signature_bytes_of(enum note_algorithm algorithm)
{
    switch (algorithm) {
    case NOTE_ED25519:
        return ED25519_SIGNATURE_BYTES;
    case NOTE_COSIGNATURE:
        return COSIGNATURE_TIME_BYTES + ED25519_SIGNATURE_BYTES;
    case NOTE_COSIGNATURE_ML_DSA:
        return NOTE_SIGNATURE_BYTES_MAX;
    }
    return 0;
}

static enum status verify_cosignature(struct slice text, const struct note_verifier *v,
                                      struct slice signature, uint64_t *time_s)
{
    struct writer message;
    uint64_t time = load_be(signature.data, COSIGNATURE_TIME_BYTES);
    writer_init(&message, NOTE_BYTES_MAX + NOTE_KEY_BYTES_MAX);
    enum status s = cosignature_message(&message, v, text, time);
    signature = slice_sub(signature, COSIGNATURE_TIME_BYTES, signature.size);
    if (s == STATUS_OK && v->algorithm == NOTE_COSIGNATURE)
        s = ed25519_verify(v->key, writer_slice(&message), signature.data);
    else if (s == STATUS_OK)
        s = ml_dsa_44_verify(slice_make(v->key, v->key_bytes), writer_slice(&message), signature);
    writer_fini(&message);
    if (s == STATUS_OK)
        *time_s = time;
    return s == STATUS_MALFORMED ? STATUS_REFUSED : s;
}

static enum status verify_signature(const struct note *note, const struct note_verifier *v,
                                    const struct note_signature *signature, uint64_t *time_s)
{
    uint8_t bytes[ID_BYTES + NOTE_SIGNATURE_BYTES_MAX];
    size_t size = ID_BYTES + signature_bytes_of(v->algorithm);
    if (!note_text_base64(signature->base64, bytes, size))
        return STATUS_REFUSED; /* of another size than this algorithm's */
    struct slice raw = slice_make(bytes + ID_BYTES, size - ID_BYTES);
    *time_s = 0;
    if (v->algorithm == NOTE_ED25519)
        return ed25519_verify(v->key, note->text, raw.data);
    return verify_cosignature(note->text, v, raw, time_s);
}

enum status note_verify(const struct note *note, const struct note_verifier *verifier,
                        struct note_seal *seal)
{
    struct note_seal best = {0};
    for (size_t i = 0; i < note->count; i++) {
        const struct note_signature *signature = &note->signatures[i];
        uint64_t time_s;
        if (signature->id != verifier->id || !slice_equal_text(signature->name, verifier->name))
            continue;
        enum status s = verify_signature(note, verifier, signature, &time_s);
        if (s != STATUS_OK)
            return s;
        if (!best.line.size || time_s > best.time_s)
            best = (struct note_seal){time_s, signature->line};
    }
    if (!best.line.size)
        return STATUS_NOT_FOUND;
    if (seal)
        *seal = best;
    return STATUS_OK;
}

static enum status sign_with_seed(void *arg, struct slice message, uint8_t signature[64])
{
    const struct note_secret *secret = note_secret_cast(arg);
    return ed25519_sign(secret->seed, message, signature);
}

struct note_signer note_signer_of(const struct note_secret *secret)
{
    return (struct note_signer){&secret->verifier, sign_with_seed, (void *)(uintptr_t)secret};
}

/* A text that a note can have: characters of a note, with a line end at its end. */
static enum status check_text(struct slice text)
{
    if (text.size > NOTE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    if (!text.size || text.data[text.size - 1] != '\n')
        return STATUS_MALFORMED;
    return note_text_check(text) == STATUS_OK ? STATUS_OK : STATUS_MALFORMED;
}

/* raw: identifier, for a cosignature the time, signature. */
static enum status make_signature(struct slice text, const struct note_signer *signer,
                                  uint64_t time_s, struct writer *raw)
{
    const struct note_verifier *v = signer->verifier;
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct writer message;
    enum status s;
    writer_uint_be(raw, v->id, ID_BYTES);
    if (v->algorithm == NOTE_ED25519) {
        s = signer->sign(signer->arg, text, signature);
    } else if (v->algorithm == NOTE_COSIGNATURE) {
        writer_init(&message, NOTE_BYTES_MAX + NOTE_KEY_BYTES_MAX);
        s = cosignature_message(&message, v, text, time_s);
        if (s == STATUS_OK)
            s = signer->sign(signer->arg, writer_slice(&message), signature);
        writer_fini(&message);
        writer_uint_be(raw, time_s, COSIGNATURE_TIME_BYTES);
    } else {
        s = STATUS_UNSUPPORTED;
    }
    if (s == STATUS_OK)
        writer_bytes(raw, signature, sizeof signature);
    return s == STATUS_OK ? raw->status : s;
}

enum status note_sign(struct writer *w, struct slice text, const struct note_signer *signer,
                      uint64_t time_s)
{
    struct writer raw;
    size_t before = w->size;
    enum status s = check_text(text);
    if (s != STATUS_OK)
        return s;
    writer_init(&raw, NOTE_SIGNATURE_BYTES_MAX);
    s = make_signature(text, signer, time_s, &raw);
    if (s == STATUS_OK) {
        writer_text(w, LINE_PREFIX);
        writer_text(w, signer->verifier->name);
        writer_u8(w, ' ');
        writer_base64(w, writer_slice(&raw));
        writer_u8(w, '\n');
        s = w->status;
    }
    if (s != STATUS_OK)
        w->size = before;
    writer_fini(&raw);
    return s;
}

enum status note_write(struct writer *w, struct slice text, const struct note_signer *signers,
                       size_t count)
{
    size_t before = w->size;
    writer_add_slice(w, text);
    writer_u8(w, '\n');
    enum status s = w->status;
    for (size_t i = 0; i < count && s == STATUS_OK; i++)
        s = note_sign(w, text, &signers[i], 0);
    if (s != STATUS_OK)
        w->size = before;
    return s;
}
