/* checkpoint_text.c: the text of a tree head: read and written. Pure, any thread. */
#include "storage/evidence/formats/checkpoint_text.h"

#include "storage/evidence/formats/note_text.h"

enum status checkpoint_parse(struct slice text, struct checkpoint *checkpoint)
{
    struct checkpoint c = {0};
    struct slice rest = text, size, root, line;
    if (!note_text_line(&rest, &c.origin) || !c.origin.size || !note_text_line(&rest, &size) ||
        !note_text_number(size, MERKLE_SIZE_MAX, &c.size) || !note_text_line(&rest, &root) ||
        !note_text_base64(root, c.root, sizeof c.root))
        return STATUS_MALFORMED;
    c.extensions = rest;
    while (note_text_line(&rest, &line))
        if (!line.size)
            return STATUS_MALFORMED;
    if (rest.size)
        return STATUS_MALFORMED;
    *checkpoint = c;
    return STATUS_OK;
}

void checkpoint_write(struct writer *w, const struct checkpoint *checkpoint)
{
    writer_add_slice(w, checkpoint->origin);
    writer_u8(w, '\n');
    writer_decimal(w, (int64_t)checkpoint->size);
    writer_u8(w, '\n');
    writer_base64(w, slice_make(checkpoint->root, sizeof checkpoint->root));
    writer_u8(w, '\n');
    writer_add_slice(w, checkpoint->extensions);
}
