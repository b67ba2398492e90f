/* tlog_proof.c: proofs as text files: read, written, verified. Pure, any thread. */
#include "storage/evidence/formats/tlog_proof.h"

#include "storage/evidence/formats/note_text.h"
#include "storage/evidence/formats/policy.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define EXTRA      "extra "
#define INDEX      "index "

/* The next line begins with the word; *rest is what stands behind it. */
static bool has_word(struct slice line, const char *word, struct slice *rest)
{
    if (!slice_starts_with(line, word))
        return false;
    *rest = slice_sub(line, strlen(word), line.size);
    return true;
}

/* All lines before the hashes. */
static enum status parse_head(struct slice *text, struct tlog_proof *proof)
{
    struct slice line, value;
    if (!note_text_line(text, &line) || !slice_equal_text(line, FIRST_LINE) ||
        !note_text_line(text, &line))
        return STATUS_MALFORMED;
    proof->has_extra = has_word(line, EXTRA, &proof->extra_base64);
    if (proof->has_extra) {
        if (note_text_base64_bytes(proof->extra_base64) > TLOG_PROOF_EXTRA_BYTES_MAX)
            return STATUS_TOO_LARGE;
        if ((proof->extra_base64.size && !note_text_base64_bytes(proof->extra_base64)) ||
            !note_text_line(text, &line))
            return STATUS_MALFORMED;
    }
    return has_word(line, INDEX, &value) && note_text_number(value, MERKLE_SIZE_MAX, &proof->index)
               ? STATUS_OK
               : STATUS_MALFORMED;
}

enum status tlog_proof_parse(struct slice bytes, struct tlog_proof *proof)
{
    struct note note;
    struct slice rest = bytes;
    proof->extra_base64 = SLICE_EMPTY;
    if (bytes.size > NOTE_BYTES_MAX)
        return STATUS_TOO_LARGE;
    enum status s = parse_head(&rest, proof);
    if (s == STATUS_OK)
        s = note_text_path(&rest, &proof->path);
    proof->note = rest;
    return s == STATUS_OK ? note_parse(rest, &note) : s;
}

void tlog_proof_write(struct writer *w, const struct tlog_proof *proof, const struct slice *extra)
{
    writer_text(w, FIRST_LINE "\n");
    if (extra) {
        writer_text(w, EXTRA);
        writer_base64(w, *extra);
        writer_u8(w, '\n');
    }
    writer_text(w, INDEX);
    writer_decimal(w, (int64_t)proof->index);
    writer_u8(w, '\n');
    note_text_write_path(w, &proof->path);
    writer_add_slice(w, proof->note);
}

enum status tlog_proof_verify(const struct tlog_proof *proof,
                              const uint8_t leaf_hash[MERKLE_HASH_BYTES],
                              const struct policy *policy, struct checkpoint *checkpoint)
{
    struct note note;
    struct checkpoint head;
    enum status s = note_parse(proof->note, &note);
    if (s == STATUS_OK)
        s = policy_verify(policy, &note, &head, NULL);
    if (s == STATUS_OK)
        s = merkle_inclusion_verify(leaf_hash, proof->index, head.size, &proof->path, head.root);
    if (s == STATUS_OK && checkpoint)
        *checkpoint = head;
    return s;
}
