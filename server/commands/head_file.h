/* head_file.h: signed heads and verifier keys that a command is given as files. Thread: main. */
#ifndef VSOC_SERVER_HEAD_FILE_H
#define VSOC_SERVER_HEAD_FILE_H

#include "storage/evidence/head_compare.h"

/* A verifier key as text, or a file with one. EXIT_DONE; EXIT_FAILED: it is on stderr. */
int head_file_verifier(const char *given, struct note_verifier *verifier);
/* Appends the file to *bytes, which head->note borrows. verifier: whose signature it must have;
 * NULL: nobody's. EXIT_DONE; EXIT_FAILED: it is on stderr. */
int head_file_read(const char *path, const struct note_verifier *verifier, struct writer *bytes,
                   struct evidence_head *head);
/* What a difference means, for people. Static. */
const char *head_finding_words(enum head_finding_kind kind);

#endif
