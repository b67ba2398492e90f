/* ingest_internal.h: state of one worker's ingest. Private to the ingest_*.c files. */
#ifndef VSOC_SERVER_INGEST_INTERNAL_H
#define VSOC_SERVER_INGEST_INTERNAL_H

#include "core/json/json.h"
#include "core/metrics/metrics.h"
#include "parsers/engine/pipeline.h"
#include "server/ingest/ingest_reading.h"
#include "server/ingest/ingest_request.h"

/* Series by format: formats are few and known at start. */
struct format_series {
    metric_t accepted, duplicate, quarantined;
};

struct ingest {
    struct ingest_shared *shared;
    const struct config *config;         /* borrowed */
    const struct catalog *catalog;       /* borrowed */
    struct catalog_unknown *unknown_ids; /* of catalog */
    struct writer scratch;               /* report and errors being written */
    struct pseudonym *pseudonym;         /* names the batches' senders */
    struct mailbox verdicts;
    struct body_list bodies; /* that are being received */
    struct reading_room reading;
    struct request *waiting;   /* for sinks, newest first */
    struct request *submitted; /* their batches are with the spool writer, newest first */
    atomic_size_t waiters;
    size_t in_flight;
    struct format_series *formats; /* by registry index; one more at the end: no parser */
    metric_t batches_accepted, batches_duplicate, batches_quarantined, batches_refused,
        batches_failed;
    metric_t decoded_bytes;
    metric_t slices;
};

/* Arena of a request beside its body: headers, error texts. */
#define REQUEST_ARENA_BYTES ((size_t)16 << 20)

/* ingest_answer.c */

/* Answers a refusal where there is no request yet. */
void ingest_answer_refusal(struct http_exchange *exchange, const struct dialect *dialect,
                           const struct refusal *refusal);
/* The request is over: gives back what it holds. */
void request_destroy(struct request *request);
/* Says the verdict; missing: sinks that were waited for in vain. The request is gone afterwards. */
void request_answer(struct request *request, ack_mask_t missing);
/* The batch is durable: answers now, or when the sinks named by VSOC-Ack have passed it. */
void request_acknowledge(struct request *request);
/* Takes the request out of those that wait for sinks. */
void request_stop_waiting(struct request *request);
/* ingest_privacy.c */

/* "veh:" and the hex pseudonym of a vehicle of a tenant, NUL-terminated; "" when vin is empty. */
#define VEHICLE_NAME_BYTES (sizeof "veh:" + 2 * SHA256_BYTES)
void ingest_name_vehicle(struct ingest *ingest, struct slice tenant, struct slice vin,
                         char name[VEHICLE_NAME_BYTES]);
/* ingest_stall.c */

/* Its batch went to the writer. */
void request_await_verdict(struct request *request);
/* Its batch is back. */
void request_has_verdict(struct request *request);
/* True with *refusal: the writer has waited for the disk for so long that no batch is taken. */
bool ingest_disk_stalls(const struct ingest *ingest, struct refusal *refusal);

/* Answers a refusal and ends the request: it is gone afterwards. */
void request_refuse(struct request *request, const struct refusal *refusal);
/* The same, with the sentence of the reason's row. */
void request_refuse_as(struct request *request, enum refusal_reason reason);
/* The same, when requests in flight hold all of limits.memory. */
void request_refuse_full_memory(struct request *request);

/* Batch key of a request whose body_sha256 is there. ingest.c. */
void request_make_key(struct request *request, struct sha256 *sha);

/* Who sends, into request->identity. False with *refusal: answer that. ingest_identity.c. */
bool request_read_identity(struct request *request, const struct config *config,
                           struct refusal *refusal);
/* May the sender send this format? False with *refusal. */
bool request_may_send(const struct request *request, const struct parser *parser,
                      struct refusal *refusal);
struct quota_sender request_quota(const struct request *request);

/* Room for the first bytes of the body. False: the request is answered and gone. */
bool request_receive(struct request *request);
/* The body is whole. False: it was given up for others meanwhile; the request is answered and gone.
 */
bool request_received(struct request *request);
/* Gives back what the shares of sender and address count. */
void request_give_shares(struct request *request);
/* Counts what the request holds now that its events are there. False: there is no room for it. */
bool request_reserve_batch(struct request *request);

#endif
