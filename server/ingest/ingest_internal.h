/* ingest_internal.h: state of one worker's ingest. Private to the ingest_*.c files. */
#ifndef VSOC_SERVER_INGEST_INTERNAL_H
#define VSOC_SERVER_INGEST_INTERNAL_H

#include "core/object.h"
#include "core/json/json.h"
#include "core/metrics/metrics.h"
#include "parsers/engine/pipeline.h"
#include "server/ingest/reading_room.h"
#include "server/ingest/submission.h"

/* Metric cells by format: formats are few and known at start. */
struct format_series {
    metric_t accepted, duplicate, quarantined;
};

#define INGEST_MAGIC 0x494e4753U

struct ingest {
    unsigned magic;            /* INGEST_MAGIC */
    struct thread_bond worker; /* the thread that everything here runs on */
    struct ingest_shared *shared;
    const struct config *config;         /* borrowed */
    const struct catalog *catalog;       /* borrowed */
    struct catalog_unknown *unknown_ids; /* of catalog */
    struct writer scratch;               /* report and errors being written */
    struct pseudonym *pseudonym;         /* names the batches' senders */
    struct mailbox verdicts;
    struct body_list bodies; /* being received */
    struct reading_room reading;
    struct submission_list waiting;   /* for sinks, newest first */
    struct submission_list submitted; /* the spool writer has their batches, newest first */
    atomic_size_t waiters;
    size_t in_flight;
    struct format_series *formats; /* by registry index; one more at the end: no parser */
    metric_t batches_accepted, batches_duplicate, batches_quarantined, batches_refused,
        batches_failed;
    metric_t decoded_bytes;
    metric_t slices;
};

OBJECT_CAST(ingest, INGEST_MAGIC)

/* First line of what runs on the ingest's worker. */
static inline void ingest_assert(struct ingest *in)
{
    ensure(in->magic == INGEST_MAGIC);
    thread_assert(THREAD_WORKER);
    thread_bond_assert(&in->worker);
}

/* The same, of a submission that is not over. */
static inline void submission_assert(const struct submission *sub)
{
    ingest_assert(sub->ingest);
    ensure(sub->way != NULL);
}

/* Arena of a request without its body: headers, error texts. */
#define REQUEST_ARENA_BYTES ((size_t)16 << 20)

/* ingest_answer.c */

/* The submission is over: releases its memory. */
void submission_destroy(struct submission *submission);
/* Answers with the verdict; missing: sinks that have not delivered the batch in time. The
 * submission is gone afterwards.
 */
void submission_answer(struct submission *submission, ack_mask_t missing);
/* The batch is durable: answers now, or when the sinks named by VSOC-Ack have delivered it. */
void submission_acknowledge(struct submission *submission);
/* Removes the submission from the list of those that wait for sinks. */
void submission_stop_waiting(struct submission *submission);
/* ingest_privacy.c */

/* Fills the batch's record with sender and submission, without VINs. False: *refusal. */
bool submission_name_batch(struct submission *submission, struct refusal *refusal);
/* ingest_stall.c */

/* The submission's batch went to the writer. */
void submission_await_verdict(struct submission *submission);
/* The submission's batch is back. */
void submission_has_verdict(struct submission *submission);
/* True with *refusal: the writer has waited for the disk for so long that no batch is accepted. */
bool ingest_disk_stalls(const struct ingest *ingest, struct refusal *refusal);

/* submission_refuse with the sentence from the reason's row. */
void submission_refuse_as(struct submission *submission, enum refusal_reason reason);
/* The same, when requests in flight hold all of limits.memory. */
void submission_refuse_full_memory(struct submission *submission);

/* Batch key of a submission by the digest of its body. ingest.c. */
void submission_make_key(const struct submission *submission, struct sha256 *sha,
                         const uint8_t *body, uint8_t key[SHA256_BYTES]);

struct quota_sender submission_quota(const struct submission *submission);

/* Room for the first bytes of the body. False: the submission is answered and gone. */
bool submission_receive(struct submission *submission);
/* The body is complete. False: it was dropped meanwhile; the submission is answered and gone. */
bool submission_received(struct submission *submission);
/* Releases the bytes counted in the shares of sender and address. */
void submission_give_shares(struct submission *submission);
/* Counts the submission's memory with its events. False: there is no room for it. */
bool submission_reserve_batch(struct submission *submission);

#endif
