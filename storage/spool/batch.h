/* batch.h: the unit that crosses threads: one request's body, its encoded events and the verdict.
 * One owner at a time: worker → spool writer → the same worker. Giving it away nulls the giver's
 * pointer. */
#ifndef VSOC_STORAGE_BATCH_H
#define VSOC_STORAGE_BATCH_H

#include "core/arena.h"
#include "core/event.h"
#include "core/event/event_codec.h"
#include "core/hash.h"
#include "core/wait/mailbox.h"
#include "core/uuid7.h"
#include "core/writer.h"

/* What the spool stores about a batch in addition to body and events. Slices: UTF-8 texts, may be
 * empty. */
struct batch_meta {
    uint64_t position;      /* 1, 2, 3 … over the life of a spool; given by the writer */
    uint64_t events_before; /* events and rejects of all earlier batches; given by the writer */
    uint64_t offset;        /* of the record in its segment; given by the writer */
    uint8_t batch_uid[UUID_BYTES];
    int64_t received_ns;       /* wall clock when the body was complete */
    int64_t ingested_ns;       /* wall clock when the record was written; given by the writer */
    uint8_t key[SHA256_BYTES]; /* batch key: HMAC-SHA-256, under a key of the server's, of a SHA-256
                                  over tenant, sender and Idempotency-Key or body */
    bool key_is_plain; /* read from a spool of an earlier build: key is that SHA-256 itself */
    uint8_t body_sha256[SHA256_BYTES]; /* of the body as received */
    uint8_t chain_hash[SHA256_BYTES];  /* given by the writer */
    /* Of a batch with an Idempotency-Key: 32 bytes, keyed digest of the body without its content
     * coding; else, and in older records, empty. */
    struct slice inflated_digest;
    uint64_t body_bytes, inflated_bytes;
    uint32_t accepted, duplicates, quarantined;
    struct slice tenant, sender, transport_identity;
    struct slice content_type, content_encoding;
    struct slice format, parser_version; /* of the parser that read it */
    struct slice idempotency_key, traceparent, request_id;
    struct slice report_errors; /* JSON array: errors[] of the report, at most 100 */
};

/* Where a record is. */
struct batch_place {
    uint64_t position;
    uint64_t offset; /* in its segment's file; 0: not known */
};

/* The answer to a repeat: what the first batch of its key was. */
struct dedup_report {
    uint8_t batch_uid[UUID_BYTES];
    uint64_t position;
    uint32_t accepted, duplicates, quarantined;
    struct slice errors; /* JSON array text, in the batch's arena */
};

/* The first bytes of the body's SHA-256 and of the content's digest: enough to distinguish bodies.
 */
#define RECALL_DIGEST_BYTES 16

/* Batches that dedup_begin named for one key; no two keys of a window ever had the same first
 * bytes, except in tests. */
#define RECALL_PLACES_MAX 4

/* A batch that is perhaps the repeat of a durable one, and what the spool says about that one. */
struct batch_recall {
    bool asked; /* the batch was given to the thread that reads */
    bool taken; /* and came back, and its owner has looked at it */
    struct batch_place place;
    enum status status; /* of reading it. OK; NOT_FOUND, CORRUPT: it is gone; IO, NO_MEMORY, CLOSED:
                           not known */
    struct {
        uint8_t key[SHA256_BYTES];
        bool key_is_plain;
        uint8_t body[RECALL_DIGEST_BYTES];
        uint8_t content[RECALL_DIGEST_BYTES];
        bool has_content;
    } record;
    struct dedup_report report;
    uint64_t passed[RECALL_PLACES_MAX]; /* positions that turned out to be other batches */
    unsigned passed_count;
};

struct batch {
    struct mail mail; /* first: a mail is a batch */
    struct arena arena;
    struct batch_meta meta;
    /* Body as received, in arena chunks. */
    struct slice *body;
    size_t body_count;
    struct writer events; /* encoded by event_codec */
    /* Record header and meta texts as they go to disk; the spool's own (spool_submit). */
    struct writer frame;
    /* Verdict, valid when the batch comes back: OK: durable; NO_SPACE, BUSY, IO or CLOSED: nothing
     * of it is stored. */
    enum status verdict;
    struct batch_recall recall;
    /* The mailbox to which it returns: any of the owner. Never NULL when submitted. */
    struct mailbox *reply_to;
    void *owner; /* the owner's pointer, e.g. its exchange; the writer does not use it */
};

/* New empty batch that may hold limit_bytes in its arena and the same amount in events. NULL: no
 * memory. */
struct batch *batch_create(size_t limit_bytes);
/* Frees it with everything that it holds. NULL is allowed. */
void batch_destroy(struct batch *batch);
static inline struct batch *batch_from_mail(struct mail *mail)
{
    return (struct batch *)(void *)mail;
}

/* A batch as read from the spool. Slices point into the reader's buffer, valid until its next call.
 */
struct batch_record {
    struct batch_meta meta;
    struct slice body;   /* as received, still compressed */
    struct slice events; /* for event_decoder */
};

/* Fills the fields of a decoded event that the record carries: event_uid, schema_version,
 * tenant_id, batch_uid, time_received, time_ingested, parser_name, parser_version,
 * transport_identity, chain_hash. event->batch_index must be set. uid is 16 bytes of the caller's
 * that event_uid points to. */
void batch_complete_event(const struct batch_meta *meta, struct event *event,
                          uint8_t uid[UUID_BYTES]);

#endif
