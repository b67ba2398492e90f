/* submission.h: one batch, or one query, from its sender to the answer, whatever the transport. A
 * way in (server/ingest/http/, and others beside it) embeds a struct submission in its own object,
 * fills in what it knows, passes the body in spans, and is called back with the answer. Knows no
 * HTTP. Thread: the worker of its ingest, for everything.
 *
 * Order of calls: submission_init; the way in fills the first part of the struct; then either
 * submission_refuse, or submission_begin, submission_add for each span and submission_end. From
 * submission_begin on, each call may answer; after the answer and `destroy` the submission is gone.
 * submission_gone: the sender no longer waits; no answer follows, but `destroy` does. */
#ifndef VSOC_SERVER_SUBMISSION_H
#define VSOC_SERVER_SUBMISSION_H

#include <sys/queue.h>

#include "core/reasons/refusal.h"
#include "parsers/engine/split.h"
#include "server/identity/identity.h"
#include "server/inflate/inflate.h"
#include "server/ingest/body_shed.h"
#include "server/ingest/ingest_shared.h"
#include "server/ingest/report_errors.h"

struct json_parser;
struct submission;
TAILQ_HEAD(submission_list, submission);

/* How a way in is answered. One of refused, reported, tried, or asked alone, is called
 * once, while the sender waits. */
struct submission_way {
    /* Nothing of it is stored; with code commit_unknown, the outcome is unknown. */
    void (*refused)(struct submission *sub, const struct refusal *refusal);
    /* It is durable, or known already, or empty: report, repeat and first_error are filled. level:
     * see ack_level. */
    void (*reported)(struct submission *sub, const char *level);
    /* The body of a query is complete and inflated; JSON_PADDING readable bytes follow. False with
     * *refusal: refused is called. NULL if is_question is never set. */
    bool (*asked)(struct submission *sub, struct slice body, struct json_parser *json,
                  struct refusal *refusal);
    /* A trial was read as a batch that would be stored: its record and events are in sub->batch.
     * NULL if trial is never set. */
    void (*tried)(struct submission *sub);
    /* The submission is over: frees the object that embeds it. */
    void (*destroy)(struct submission *sub);
};

/* A submission that is read as a batch and not stored: the spool, the window of repeats and sinks
 * take no part. See trial.h. */
struct submission_trial {
    int64_t received_ns; /* the receive time of the batch */
    /* Replaces the server's keys; as in struct normaliser. */
    int64_t (*pseudonym)(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32]);
    void *pseudonym_arg;
};

struct submission {
    /* From the way in. Slices in the batch's arena. */
    const struct submission_way *way;
    struct identity identity;
    const struct parser *parser; /* NULL: probe the body */
    enum split_prefix prefix;
    enum inflate_coding coding;
    ack_mask_t ack;
    bool is_question;                     /* the body is a query and not stored */
    const struct submission_trial *trial; /* NULL: a batch that is stored, or a query */
    bool takes_empty; /* a body without a record is answered as an empty batch */
    bool replay;
    int64_t sent_ns;
    struct slice header_vin, ecu_id, sw_baseline;
    struct slice content_type, idempotency_key; /* as sent; the batch has them without VINs */
    struct parser_header *headers;              /* for the parsers */
    size_t header_count;
    int64_t announced_bytes; /* of the body; -1: not known */
    /* Where it comes from; both outlive the body. */
    const char *address;
    struct slice network;
    bool counts_address; /* false: it is a proxy's, shared by many senders */

    /* For the answer. */
    struct dedup_report report;
    struct report_error first_error; /* code OTHER: none, or the batch has good events */
    bool repeat;
    uint32_t
        vin_mismatches; /* records of a vehicle that is not the sender's, whatever the policy */
    bool compares;      /* the first batch of its key is known: only their contents are compared */

    /* The pipeline's own. */
    TAILQ_ENTRY(submission) in_list; /* of those that wait to be read, for the disk or for sinks */
    struct ingest *ingest;
    bool sender_waits; /* false: answered, or the sender has gone; the batch is still in progress */
    bool waiting;      /* for sinks */
    bool waits_to_be_read;
    struct reading *reading;   /* its body is being read; NULL: not yet, or it was */
    struct batch *batch;       /* NULL while the writer has it */
    uint64_t reserved_bytes;   /* taken from the memory budget */
    uint64_t shared_bytes;     /* of them, counted in the shares of its sender and address */
    struct body_holder holder; /* while the body is being received */
    uint64_t marked_bytes;     /* of the body, at its last counted progress */
    size_t chunk_capacity, body_slots;
    int64_t ack_deadline_ns;
    int64_t submitted_ns; /* when the writer got its batch */
};

/* Makes an empty submission of zeroed memory. NO_MEMORY: nothing was made, destroy is not called.
 */
enum status submission_init(struct submission *sub, struct ingest *ingest,
                            const struct submission_way *way) must_check;
/* The first part is filled: names the batch, checks the quota, makes room for the body. False: it
 * is answered and gone. */
bool submission_begin(struct submission *sub) must_check;
/* Takes a copy of the next bytes of the body. May answer. */
void submission_add(struct submission *sub, struct slice span);
/* The body is complete. May answer. */
void submission_end(struct submission *sub);
/* The sender no longer waits. */
void submission_gone(struct submission *sub);
/* Answers a refusal and ends the submission: it is gone afterwards. */
void submission_refuse(struct submission *sub, const struct refusal *refusal);
/* May the sender send this format? False with *refusal. */
bool submission_may_send(const struct submission *sub, const struct parser *parser,
                         struct refusal *refusal);

#endif
