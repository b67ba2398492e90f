/* ingest_request.h: one request of the ingest listener: a submission, and how its answer goes back.
 * Private to this folder and to dialects. Thread: worker. */
#ifndef VSOC_SERVER_INGEST_REQUEST_H
#define VSOC_SERVER_INGEST_REQUEST_H

#include "server/ingest/http/dialect.h"
#include "server/ingest/ingest.h"
#include "server/ingest/submission.h"

struct request {
    struct submission sub;
    const struct dialect *dialect;
    struct http_exchange *exchange; /* NULL: answered, or the client has gone */
    uint64_t body_limit;
    struct slice media;   /* Content-Type without parameters; the exchange's */
    bool minimal;         /* Prefer: return=minimal */
    bool hec_has_channel; /* its answer bears an id of hec_ack.h */
    uint64_t hec_tag;     /* of the channel */
};

/* Puts the headers for parsers into the request. ingest_headers.c. */
bool request_keep_headers(struct request *request, struct refusal *refusal);

/* Identifies the sender, into request->sub.identity. False with *refusal: answer that.
 * ingest_identity.c. */
bool request_read_identity(struct request *request, const struct config *config,
                           struct refusal *refusal);

/* Reads path and headers into the request. False with *refusal: answer that. `config` and the
 * shared parts are the ingest's. */
bool request_read_headers(struct request *request, const struct config *config,
                          const struct ingest_shared *shared, struct refusal *refusal);

#endif
