/* checkpoint.c: signed tree heads: written and opened. Pure, any thread. */
#include "storage/evidence/formats/checkpoint.h"

enum status checkpoint_sign(struct writer *w, const struct checkpoint *checkpoint,
                            const struct note_signer *signers, size_t count)
{
    struct writer text;
    writer_init(&text, NOTE_BYTES_MAX);
    checkpoint_write(&text, checkpoint);
    enum status s = text.status;
    if (s == STATUS_OK)
        s = note_write(w, writer_slice(&text), signers, count);
    writer_fini(&text);
    return s;
}

enum status checkpoint_open(struct slice bytes, const struct note_verifier *log, struct note *note,
                            struct checkpoint *checkpoint)
{
    enum status s = note_parse(bytes, note);
    if (s == STATUS_OK)
        s = checkpoint_parse(note->text, checkpoint);
    if (s != STATUS_OK)
        return s;
    if (!slice_equal_text(checkpoint->origin, log->name))
        return STATUS_CONFLICT;
    return note_verify(note, log, NULL);
}
