/* key_file.h: makes files with a signing key. Thread: main, at start or in a command. */
#ifndef VSOC_STORAGE_EVIDENCE_KEY_FILE_H
#define VSOC_STORAGE_EVIDENCE_KEY_FILE_H

#include "core/log/problem.h"
#include "storage/evidence/formats/note_key.h"

/* Makes a random key and the file `path` with it (mode 0600), which gets its name only when it is
 * complete and durable. Never replaces a file: EXISTS. MALFORMED: the name is not valid. IO,
 * NO_SPACE, NOT_FOUND (the folder), REFUSED. *problem for any status but OK. */
enum status key_file_make(const char *path, struct slice name, enum note_algorithm algorithm,
                          struct note_verifier *made, struct problem *problem) must_check;

#endif
