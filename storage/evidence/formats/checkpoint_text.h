/* checkpoint_text.h: the text of a tree head (c2sp.org/tlog-checkpoint): origin, tree size, root
 * hash, extension lines; without signatures. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_FORMATS_CHECKPOINT_TEXT_H
#define VSOC_STORAGE_EVIDENCE_FORMATS_CHECKPOINT_TEXT_H

#include "core/writer.h"
#include "storage/evidence/formats/merkle.h"

struct checkpoint {
    struct slice origin;
    uint64_t size; /* leaves */
    uint8_t root[MERKLE_HASH_BYTES];
    struct slice extensions; /* whole lines, each with its end; usually empty */
};

/* Reads the text of a note, without its signatures. MALFORMED. origin and extensions are borrowed
 * from text. */
enum status checkpoint_parse(struct slice text, struct checkpoint *checkpoint) must_check;
/* Appends the text. The caller gives an origin without line ends. */
void checkpoint_write(struct writer *w, const struct checkpoint *checkpoint);

#endif
