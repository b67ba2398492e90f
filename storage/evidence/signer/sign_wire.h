/* sign_wire.h: what the server and the process `vsocd signer` say to each other: one request and
 * one answer a connection, each a size (u32, big-endian) and a text. A request is `key` and a
 * newline, or the body of c2sp.org/tlog-witness's add-checkpoint with a text that has no signatures
 * yet. An answer is one line: a word, a blank, its value. Thread: any; pure. */
#ifndef VSOC_STORAGE_EVIDENCE_SIGN_WIRE_H
#define VSOC_STORAGE_EVIDENCE_SIGN_WIRE_H

#include "core/writer.h"

#define SIGN_WIRE_SIZE_BYTES 4
#define SIGN_WIRE_TEXT_MAX   ((size_t)64 << 10)
#define SIGN_WIRE_KEY        "key\n"

enum sign_answer_kind {
    SIGN_ANSWER_KEY,       /* text: the verifier key */
    SIGN_ANSWER_SIGNATURE, /* signature */
    SIGN_ANSWER_SIZE,      /* size: of the head that was signed last */
    SIGN_ANSWER_REFUSED,   /* text: why this head is never signed */
    SIGN_ANSWER_FAILED,    /* text: why nothing can be signed now */
};

struct sign_answer {
    enum sign_answer_kind kind;
    struct slice text; /* one line without its end, valid UTF-8; borrowed */
    uint64_t size;
    uint8_t signature[64];
};

/* MALFORMED: anything that sign_answer_write does not write. */
enum status sign_answer_parse(struct slice bytes, struct sign_answer *answer) must_check;
/* Appends the text of an answer, without the size before it. */
void sign_answer_write(struct writer *w, const struct sign_answer *answer);

#endif
