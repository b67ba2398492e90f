/* fuzz_note.c: any bytes as a signed note, as keys and as a checkpoint. What must hold: the parts
 * of a note put together are its bytes; what is written of a key or a checkpoint that was read
 * reads as the same; a note that nobody signed is verified by no key. */
#include <stdlib.h>

#include "storage/evidence/formats/checkpoint.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(const struct note *note, struct slice bytes)
{
    const uint8_t *at = note->text.data + note->text.size + 1;
    if (note->text.data != bytes.data || note->text.data[note->text.size - 1] != '\n')
        abort();
    for (size_t i = 0; i < note->count; i++) {
        const struct note_signature *s = &note->signatures[i];
        if (s->line.data != at || !note_name_is_valid(s->name) || !s->base64.size)
            abort();
        at += s->line.size;
    }
    if (!note->count || at != bytes.data + bytes.size)
        abort();
}

static void check_checkpoint(struct slice text)
{
    struct checkpoint head;
    struct writer w;
    if (checkpoint_parse(text, &head) != STATUS_OK)
        return;
    writer_init(&w, NOTE_BYTES_MAX);
    checkpoint_write(&w, &head);
    if (w.status == STATUS_OK && !slice_equal(writer_slice(&w), text))
        abort();
    writer_fini(&w);
}

static void check_keys(struct slice text)
{
    struct note_verifier v, again;
    struct note_secret secret, secret_again;
    struct writer w;
    writer_init(&w, NOTE_BYTES_MAX);
    if (note_verifier_parse(text, &v) == STATUS_OK) {
        note_verifier_write(&w, &v);
        if (note_verifier_parse(writer_slice(&w), &again) != STATUS_OK ||
            !note_verifier_equal(&v, &again))
            abort();
    }
    if (note_secret_parse(text, &secret) == STATUS_OK) {
        writer_reset(&w);
        note_secret_write(&w, &secret);
        if (note_secret_parse(writer_slice(&w), &secret_again) != STATUS_OK ||
            !note_verifier_equal(&secret.verifier, &secret_again.verifier))
            abort();
    }
    writer_fini(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct note_verifier peter;
    struct slice bytes = slice_make(data, size);
    struct note note;
    struct note_seal seal;
    if (!peter.key_bytes && note_verifier_parse(SLICE_LITERAL(PETER), &peter) != STATUS_OK)
        abort();
    if (note_parse(bytes, &note) == STATUS_OK) {
        check_parts(&note, bytes);
        check_checkpoint(note.text);
        if (note_verify(&note, &peter, &seal) == STATUS_OK && !seal.line.size)
            abort();
    }
    note.count = 0;
    if (note_add_signatures(bytes, &note) != STATUS_OK && note.count)
        abort();
    check_checkpoint(bytes);
    check_keys(bytes);
    return 0;
}
