/* witness.h: what a witness decides (c2sp.org/tlog-witness): a checkpoint of a known log is
 * cosigned if it continues the newest one that was cosigned, and remembered first. Thread: main. */
#ifndef VSOC_SERVER_WITNESS_H
#define VSOC_SERVER_WITNESS_H

#include "server/witness/witness_store.h"
#include "storage/evidence/formats/checkpoint.h"

#define WITNESS_LOGS_MAX      1024
#define WITNESS_REQUEST_BYTES ((size_t)256 << 10) /* of a body */

struct witness;

struct witness_options {
    const struct note_secret *secret; /* of NOTE_COSIGNATURE; copied */
    struct witness_store *store;      /* outlives the witness */
    const struct note_verifier *logs; /* several of one name: keys of one log; copied */
    size_t log_count;
};

/* Reads what is stored of the logs and checks its signatures. CORRUPT: a file is not what this
 * witness wrote; TOO_MANY; IO, NO_MEMORY. *problem says what to do. */
enum status witness_create(const struct witness_options *options, struct witness **out,
                           struct problem *problem) must_check;
void witness_destroy(struct witness *witness); /* NULL is allowed */

/* The answer to a request. */
struct witness_answer {
    int code; /* 200, 400, 403, 404, 409, 422, 500 */
    const char *content_type;
    struct slice body;   /* the witness's, until its next call */
    struct slice origin; /* of the checkpoint, as far as it was read; from the request */
    uint64_t size;
};

/* Decides on the body of `POST /add-checkpoint`. A cosignature is in the answer only when the
 * checkpoint is durable. now_s: POSIX time of the cosignature. */
void witness_add(struct witness *witness, struct slice body, int64_t now_s,
                 struct witness_answer *answer);
/* Appends a page for people: name and key of the witness, each log with its newest checkpoint. */
void witness_describe(const struct witness *witness, struct writer *page);

#endif
