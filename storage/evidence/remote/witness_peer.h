/* witness_peer.h: one witness (c2sp.org/tlog-witness) as the log sees it: what it has cosigned, and
 * requests with their answers. Thread: remote. */
#ifndef VSOC_STORAGE_EVIDENCE_WITNESS_PEER_H
#define VSOC_STORAGE_EVIDENCE_WITNESS_PEER_H

#include "core/log/problem.h"
#include "core/object.h"
#include "storage/evidence/formats/checkpoint.h"
#include "storage/evidence/remote/remote_http.h"

#define WITNESS_URL_BYTES  1024
#define WITNESS_TIMEOUT_MS 5000

#define WITNESS_PEER_MAGIC 0x57504552U

struct witness_peer {
    unsigned magic;              /* WITNESS_PEER_MAGIC */
    char url[WITNESS_URL_BYTES]; /* without /add-checkpoint */
    struct note_verifier verifier;
    uint64_t size;     /* of the newest head that it has cosigned, as far as is known */
    uint64_t time_s;   /* of that cosignature; 0: none seen yet */
    int64_t retry_ns;  /* monotonic: not asked before */
    unsigned failures; /* in a row */
    bool conflict;     /* it has seen another history of this log */

    /* The request in flight, and its answer. */
    unsigned asked;           /* how often it was asked for this head; 0: nothing is in flight */
    uint64_t asked_size;      /* of the head */
    struct writer asked_note; /* of the head, signed by the log alone */
    struct writer answer;
};

OBJECT_CAST(witness_peer, WITNESS_PEER_MAGIC)

/* What is asked of it. */
struct witness_request {
    const struct checkpoint *head;
    struct slice note;                  /* the head, signed by the log alone */
    const struct merkle_source *source; /* of the log's tree */
    const struct remote *remote;        /* NULL: none */
};

void witness_peer_init(struct witness_peer *peer);
void witness_peer_fini(struct witness_peer *peer); /* nothing is in flight */
/* Begins to post the head: *http gives peer back when it is done. IO (the tree), NO_MEMORY:
 * *problem says why, and nothing is in flight. */
enum status witness_peer_begin(struct witness_peer *peer, const struct witness_request *request,
                               struct remote_http *http, struct problem *problem) must_check;
/* Takes the answer with its HTTP status. OK: the line of its cosignature of the head asked_size,
 * which was verified, is appended to *line. BUSY: it knows another size than was thought: begin
 * again. CONFLICT: it has seen more, or something else, than this log; REFUSED: it does not know
 * the log or its key, or answers without a valid cosignature; UNAVAILABLE, NO_MEMORY. *problem for
 * any but OK. Sets size, time_s. */
enum status witness_peer_take(struct witness_peer *peer, long code, struct writer *line,
                              struct problem *problem) must_check;
/* Notes the result of what was asked: nothing is in flight, and when it may be asked again. */
void witness_peer_note(struct witness_peer *peer, enum status result, int64_t now_ns);

#endif
