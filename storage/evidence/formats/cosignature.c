/* cosignature.c: the message that a witness signs about a checkpoint. Pure, any thread. */
#include "storage/evidence/formats/cosignature.h"

#include "storage/evidence/formats/checkpoint_text.h"

#define NAME_BYTES_MAX 255 /* of the names in the message for ML-DSA-44 */

/* cosigned_message of tlog-cosignature: a subtree that begins at 0, so the whole tree. */
static enum status subtree_message(struct writer *w, struct slice name,
                                   const struct checkpoint *checkpoint, uint64_t time_s)
{
    static const uint8_t label[12] = "subtree/v1\n";
    struct slice origin = checkpoint->origin;
    if (origin.size > NAME_BYTES_MAX || checkpoint->extensions.size) /* nobody would sign those */
        return STATUS_MALFORMED;
    writer_bytes(w, label, sizeof label);
    writer_u8(w, (uint8_t)name.size);
    writer_add_slice(w, name);
    writer_uint_be(w, time_s, 8);
    writer_u8(w, (uint8_t)origin.size);
    writer_add_slice(w, origin);
    writer_uint_be(w, 0, 8);
    writer_uint_be(w, checkpoint->size, 8);
    writer_bytes(w, checkpoint->root, sizeof checkpoint->root);
    return w->status;
}

enum status cosignature_message(struct writer *w, const struct note_verifier *cosigner,
                                struct slice text, uint64_t time_s)
{
    struct checkpoint checkpoint;
    if (time_s > INT64_MAX || checkpoint_parse(text, &checkpoint) != STATUS_OK)
        return STATUS_MALFORMED;
    if (cosigner->algorithm == NOTE_COSIGNATURE_ML_DSA)
        return subtree_message(w, slice_from_text(cosigner->name), &checkpoint, time_s);
    if (cosigner->algorithm != NOTE_COSIGNATURE)
        return STATUS_UNSUPPORTED;
    writer_text(w, "cosignature/v1\ntime ");
    writer_decimal(w, (int64_t)time_s);
    writer_u8(w, '\n');
    writer_add_slice(w, text);
    return w->status;
}
