/* ingest_request.h: one request of the ingest listener, from its headers on. Private to the
 * ingest_*.c and dialect_*.c files. */
#ifndef VSOC_SERVER_INGEST_REQUEST_H
#define VSOC_SERVER_INGEST_REQUEST_H

#include "core/refusal.h"
#include "parsers/engine/split.h"
#include "server/ingest/body_shed.h"
#include "server/ingest/dialect.h"
#include "server/identity/identity.h"
#include "server/inflate/inflate.h"
#include "server/ingest/ingest.h"
#include "server/ingest/report_errors.h"

struct request {
    struct request *next, *previous; /* in the worker's list of those that wait for sinks, or (next)
                                        to be read */
    bool waiting;                    /* for sinks */
    bool waits_to_be_read;
    struct reading *reading; /* its body is being read; NULL: not yet, or it was */
    struct ingest *ingest;
    const struct dialect *dialect;
    struct http_exchange *exchange; /* NULL: the client has gone, the batch is still on its way */
    struct batch *batch;            /* NULL while the writer has it */
    uint64_t reserved_bytes;        /* taken from the memory budget */
    uint64_t shared_bytes;          /* of them, what the shares of its sender and address count */
    struct body_holder holder;      /* while the body is being received */
    uint64_t marked_bytes;          /* of the body, when it last counted as moved on */
    size_t chunk_capacity, body_slots;
    uint64_t body_limit;

    /* From the headers. Slices in the batch's arena. */
    struct identity identity;
    struct slice media;          /* Content-Type without parameters; the exchange's */
    const struct parser *parser; /* NULL: probe the body */
    enum split_prefix prefix;
    enum inflate_coding coding;
    ack_mask_t ack;
    bool minimal; /* Prefer: return=minimal */
    bool replay;
    int64_t sent_ns;
    struct slice header_vin, ecu_id, sw_baseline;
    struct slice content_type, idempotency_key; /* as sent; the batch has them without VINs */
    bool hec_has_channel;                       /* its answer bears an id of hec_ack.h */
    uint64_t hec_tag;                           /* of the channel */
    struct parser_header *headers;              /* for the parsers */
    size_t header_count;

    /* For the answer. */
    struct dedup_report report;
    struct report_error first_error; /* code empty: none, or the batch has good events */
    bool repeat;
    int64_t ack_deadline_ns;
    int64_t submitted_ns; /* when the writer got its batch */
};

/* Puts what parsers get to see of the headers into the request. */
bool request_keep_headers(struct request *request, struct refusal *refusal);

/* Gives the batch what its record says of sender and request, without VINs. ingest_privacy.c. */
bool request_name_batch(struct request *request, struct refusal *refusal);

/* Reads path and headers into the request. False with *refusal: answer that. `config` and the
 * shared parts are the ingest's. */
bool request_read_headers(struct request *request, const struct config *config,
                          const struct ingest_shared *shared, struct refusal *refusal);

#endif
