/* add_checkpoint.c: the request to a witness, read and written. Pure, any thread. */
#include "storage/evidence/formats/add_checkpoint.h"

#include "storage/evidence/formats/note_text.h"

#define OLD "old "

enum status add_checkpoint_parse(struct slice bytes, struct add_checkpoint *request)
{
    struct slice line, rest = bytes;
    if (!note_text_line(&rest, &line) || !slice_starts_with(line, OLD) ||
        !note_text_number(slice_sub(line, strlen(OLD), line.size), MERKLE_SIZE_MAX,
                          &request->old_size))
        return STATUS_MALFORMED;
    enum status s = note_text_path(&rest, &request->path);
    request->note = rest;
    return s;
}

void add_checkpoint_write(struct writer *w, const struct add_checkpoint *request)
{
    writer_text(w, OLD);
    writer_decimal(w, (int64_t)request->old_size);
    writer_u8(w, '\n');
    note_text_write_path(w, &request->path);
    writer_add_slice(w, request->note);
}
