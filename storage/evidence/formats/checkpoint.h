/* checkpoint.h: signed tree heads (c2sp.org/tlog-checkpoint): a text of checkpoint_text.h as a
 * note. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_CHECKPOINT_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_CHECKPOINT_H

#include "storage/evidence/formats/checkpoint_text.h"
#include "storage/evidence/formats/note.h"

/* Appends the text and one signature line a signer: a whole note. Statuses of note_write. */
enum status checkpoint_sign(struct writer *w, const struct checkpoint *checkpoint,
                            const struct note_signer *signers, size_t count) must_check;
/* Reads a note that holds a checkpoint of the log whose key is given: the origin is the key's name
 * and its signature is there and valid. Statuses of note_parse, checkpoint_parse, note_verify;
 * CONFLICT: of another origin. */
enum status checkpoint_open(struct slice bytes, const struct note_verifier *log, struct note *note,
                            struct checkpoint *checkpoint) must_check;

#endif
