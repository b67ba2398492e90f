/* witness_peer.h: one witness (c2sp.org/tlog-witness) as the log sees it: what it has cosigned, and
 * one request with its answer. Thread: remote. */
#ifndef VSOC_STORAGE_EVIDENCE_WITNESS_PEER_H
#define VSOC_STORAGE_EVIDENCE_WITNESS_PEER_H

#include "core/log/problem.h"
#include "storage/evidence/formats/checkpoint.h"

struct remote;

#define WITNESS_URL_BYTES  1024
#define WITNESS_TIMEOUT_MS 5000

struct witness_peer {
    char url[WITNESS_URL_BYTES]; /* without /add-checkpoint */
    struct note_verifier verifier;
    uint64_t size;     /* of the newest head that it has cosigned, as far as is known */
    uint64_t time_s;   /* of that cosignature; 0: none seen yet */
    int64_t retry_ns;  /* monotonic: not asked before */
    unsigned failures; /* in a row */
    bool conflict;     /* it has seen another history of this log */
};

/* What is asked of it. */
struct witness_request {
    const struct checkpoint *head;
    struct slice note;                  /* the head, signed by the log alone */
    const struct merkle_source *source; /* of the log's tree */
    const struct remote *remote;        /* NULL: none */
};

/* Posts the head, a second time if the witness knows another size than was thought. OK: the line of
 * its cosignature, which was verified, is appended to *line. CONFLICT: it has seen more, or
 * something else, than this log; REFUSED: it does not know the log or its key, or answers without a
 * valid cosignature; UNAVAILABLE, TIMEOUT, CLOSED, IO (the tree), NO_MEMORY. *problem for any but
 * OK. Sets size, time_s. */
enum status witness_peer_ask(struct witness_peer *peer, const struct witness_request *request,
                             struct writer *line, struct problem *problem) must_check;
/* Notes the result of an ask: when it may be asked again. */
void witness_peer_note(struct witness_peer *peer, enum status result, int64_t now_ns);

#endif
