/* cosigned.h: heads that enough witnesses have cosigned: data_dir/evidence/cosigned, of the form of
 * heads.h. The newest is always in its text file `head`; the history in `heads` has one a minute at
 * most, which says when what was known. Thread: remote. */
#ifndef VSOC_STORAGE_EVIDENCE_COSIGNED_H
#define VSOC_STORAGE_EVIDENCE_COSIGNED_H

#include "storage/evidence/heads.h"

#define COSIGNED_FOLDER "cosigned"

struct cosigned;

/* dir: data_dir/evidence, which exists. Statuses of evidence_heads_open and folder_make. */
enum status cosigned_open(const char *dir, struct cosigned **out) must_check;
void cosigned_close(struct cosigned *cosigned); /* NULL is allowed */
/* Appends the note of the newest. NOT_FOUND: there is none. */
enum status cosigned_newest(const struct cosigned *cosigned, struct writer *note) must_check;
/* Keeps a head. Statuses of evidence_heads_append. */
enum status cosigned_store(struct cosigned *cosigned, const struct evidence_head *head) must_check;

#endif
