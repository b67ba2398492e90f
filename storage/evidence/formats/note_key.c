/* note_key.c: names, identifiers and text forms of the keys of signed notes. Pure, any thread. */
#include "storage/evidence/formats/note_key.h"

#include <openssl/crypto.h>

#include "core/hash.h"
#include "core/hex.h"
#include "core/utf8.h"
#include "storage/evidence/formats/ed25519.h"
#include "storage/evidence/formats/note_text.h"

#define SECRET_PREFIX    "PRIVATE+KEY+"
#define ID_DIGITS        8
#define ED25519_TYPED    (1 + ED25519_KEY_BYTES)
#define KEY_TEXT_BYTES   ((size_t)4 << 10)
#define ML_DSA_KEY_BYTES 1312

/* Characters that Unicode calls spaces (White_Space), from U+0080 on, as ranges. */
static const uint32_t spaces[][2] = {
    {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

static bool is_space(uint32_t code)
{
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
        if (code >= spaces[i][0] && code <= spaces[i][1])
            return true;
    return false;
}

/* The code point of the character of `size` bytes at p. */
static uint32_t code_of(const uint8_t *p, size_t size)
{
    static const uint8_t heads[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = p[0] & heads[size];
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (p[i] & 0x3F);
    return code;
}

bool note_has_space(struct slice text)
{
    for (size_t i = 0, size; i < text.size; i += size) {
        size = utf8_size(text.data + i, text.size - i);
        if (!size)
            return false;
        if (size > 1 && is_space(code_of(text.data + i, size)))
            return true;
    }
    return false;
}

bool note_name_is_valid(struct slice name)
{
    if (!name.size || name.size > NOTE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0, size; i < name.size; i += size) {
        size = utf8_size(name.data + i, name.size - i);
        uint8_t c = name.data[i];
        if (!size || c <= ' ' || c == '+' || (size > 1 && is_space(code_of(name.data + i, size))))
            return false;
    }
    return true;
}

static size_t key_bytes_of(enum note_algorithm algorithm)
{
    switch (algorithm) {
    case NOTE_ED25519:
    case NOTE_COSIGNATURE:
        return ED25519_KEY_BYTES;
    case NOTE_COSIGNATURE_ML_DSA:
        return ML_DSA_KEY_BYTES;
    }
    return 0;
}

/* SHA-256(name ‖ 0x0A ‖ algorithm ‖ key)[:4] */
static uint32_t id_of(const struct note_verifier *v)
{
    struct sha256_prefix prefix;
    uint8_t middle[2] = {'\n', (uint8_t)v->algorithm}, digest[SHA256_BYTES];
    sha256_prefix_init(&prefix, slice_from_text(v->name));
    sha256_prefix_more(&prefix, slice_make(middle, sizeof middle), &prefix);
    sha256_prefix_finish(&prefix, slice_make(v->key, v->key_bytes), digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

enum status note_verifier_make(struct slice name, enum note_algorithm algorithm, struct slice key,
                               struct note_verifier *verifier)
{
    if (!note_name_is_valid(name))
        return STATUS_MALFORMED;
    if (!key.size || key.size != key_bytes_of(algorithm))
        return STATUS_UNSUPPORTED;
    struct note_verifier v = {.algorithm = algorithm, .key_bytes = key.size};
    memcpy(v.name, name.data, name.size);
    memcpy(v.key, key.data, key.size);
    v.id = id_of(&v);
    *verifier = v;
    return STATUS_OK;
}

/* Takes what stands before the next plus sign. */
static bool take_part(struct slice *text, struct slice *part)
{
    const uint8_t *end = slice_find_byte(*text, '+');
    if (!end)
        return false;
    size_t size = (size_t)(end - text->data);
    *part = slice_make(text->data, size);
    *text = slice_make(end + 1, text->size - size - 1);
    return true;
}

static bool read_id(struct slice digits, uint32_t *id)
{
    *id = 0;
    for (size_t i = 0; i < digits.size; i++) {
        int v = hex_digit_value(digits.data[i]);
        if (v < 0)
            return false;
        *id = *id << 4 | (uint32_t)v;
    }
    return digits.size == ID_DIGITS;
}

enum status note_verifier_parse(struct slice text, struct note_verifier *verifier)
{
    struct slice name, digits;
    uint8_t typed[1 + NOTE_KEY_BYTES_MAX];
    uint32_t id;
    if (text.size > KEY_TEXT_BYTES || !take_part(&text, &name) || !take_part(&text, &digits) ||
        !read_id(digits, &id))
        return STATUS_MALFORMED;
    size_t size = note_text_base64_bytes(text); /* base64 may have plus signs: it is the rest */
    if (size < 2)
        return STATUS_MALFORMED;
    if (size > sizeof typed)
        return STATUS_UNSUPPORTED;
    if (!note_text_base64(text, typed, size))
        return STATUS_MALFORMED;
    struct note_verifier v;
    enum status s = note_verifier_make(name, typed[0], slice_make(typed + 1, size - 1), &v);
    if (s != STATUS_OK)
        return s;
    if (v.id != id)
        return STATUS_CONFLICT;
    *verifier = v;
    return STATUS_OK;
}

static void write_key(struct writer *w, const struct note_verifier *v, struct slice key)
{
    uint8_t typed[1 + NOTE_KEY_BYTES_MAX] = {(uint8_t)v->algorithm};
    uint8_t id[4] = {(uint8_t)(v->id >> 24), (uint8_t)(v->id >> 16), (uint8_t)(v->id >> 8),
                     (uint8_t)v->id};
    memcpy(typed + 1, key.data, key.size);
    writer_text(w, v->name);
    writer_u8(w, '+');
    writer_hex(w, slice_make(id, sizeof id));
    writer_u8(w, '+');
    writer_base64(w, slice_make(typed, 1 + key.size));
    OPENSSL_cleanse(typed, sizeof typed);
}

void note_verifier_write(struct writer *w, const struct note_verifier *verifier)
{
    write_key(w, verifier, slice_make(verifier->key, verifier->key_bytes));
}

bool note_verifier_equal(const struct note_verifier *a, const struct note_verifier *b)
{
    return a->id == b->id && a->algorithm == b->algorithm && a->key_bytes == b->key_bytes &&
           strcmp(a->name, b->name) == 0 && memcmp(a->key, b->key, a->key_bytes) == 0;
}

enum status note_secret_make(struct slice name, enum note_algorithm algorithm,
                             const uint8_t seed[NOTE_SEED_BYTES], struct note_secret *secret)
{
    uint8_t key[ED25519_KEY_BYTES];
    if (algorithm != NOTE_ED25519 && algorithm != NOTE_COSIGNATURE)
        return STATUS_UNSUPPORTED;
    enum status s = ed25519_public(seed, key);
    if (s == STATUS_OK)
        s = note_verifier_make(name, algorithm, slice_make(key, sizeof key), &secret->verifier);
    if (s == STATUS_OK) {
        memcpy(secret->seed, seed, NOTE_SEED_BYTES);
        secret->magic = NOTE_SECRET_MAGIC;
    }
    return s;
}

static enum status parse_secret(struct slice text, uint8_t typed[ED25519_TYPED],
                                struct note_secret *secret)
{
    struct slice name, digits;
    uint32_t id;
    if (text.size && text.data[text.size - 1] == '\n')
        text.size--;
    if (text.size > KEY_TEXT_BYTES || !slice_starts_with(text, SECRET_PREFIX))
        return STATUS_MALFORMED;
    text = slice_sub(text, strlen(SECRET_PREFIX), text.size);
    if (!take_part(&text, &name) || !take_part(&text, &digits) || !read_id(digits, &id))
        return STATUS_MALFORMED;
    size_t size = note_text_base64_bytes(text);
    if (!size)
        return STATUS_MALFORMED;
    if (size != ED25519_TYPED || !note_text_base64(text, typed, size))
        return STATUS_UNSUPPORTED;
    enum status s = note_secret_make(name, typed[0], typed + 1, secret);
    return s == STATUS_OK && secret->verifier.id != id ? STATUS_CONFLICT : s;
}

enum status note_secret_parse(struct slice text, struct note_secret *secret)
{
    uint8_t typed[ED25519_TYPED];
    enum status s = parse_secret(text, typed, secret);
    OPENSSL_cleanse(typed, sizeof typed);
    if (s != STATUS_OK)
        note_secret_wipe(secret);
    return s;
}

void note_secret_write(struct writer *w, const struct note_secret *secret)
{
    writer_text(w, SECRET_PREFIX);
    write_key(w, &secret->verifier, slice_make(secret->seed, NOTE_SEED_BYTES));
}

void note_secret_wipe(struct note_secret *secret)
{
    OPENSSL_cleanse(secret, sizeof *secret);
}
