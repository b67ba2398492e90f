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
#include "storage/spool/seal/seal_area.h"
#include "storage/spool/seal/seal_table.h"

/* What a record is. Those that are not batches have no events: their body is one JSON object. */
enum batch_kind {
    BATCH_KIND_EVENTS = 1, /* a batch, as its sender sent it */
    BATCH_KIND_AUDIT = 2,
    BATCH_KIND_RETIREMENT = 3,
    BATCH_KIND_KEY = 4,
    BATCH_KIND_CLOCK = 5,
};
#define BATCH_KIND_MAX 5
/* Name of a kind, static; "unknown" for another number. */
const char *batch_kind_text(uint8_t kind);

/* Records of version 1 have no leaf. */
#define BATCH_NO_LEAF UINT64_MAX

/* What the spool stores about a batch in addition to body and events. Slices: UTF-8 texts, may be
 * empty. */
struct batch_meta {
    uint8_t version;     /* of the record: 1 or 2; given by the spool */
    uint8_t kind;        /* enum batch_kind; 0 in a new batch: BATCH_KIND_EVENTS */
    uint64_t leaf_index; /* 0, 1, 2 … over the life of a spool without a gap; given by the writer */
    uint64_t position;   /* 1, 2, 3 … over the life of a spool; given by the writer */
    uint64_t events_before; /* events and rejects of all earlier batches; given by the writer */
    uint64_t offset;        /* of the record in its segment; given by the writer */
    uint8_t batch_uid[UUID_BYTES];
    int64_t received_ns;       /* wall clock when the body was complete */
    int64_t ingested_ns;       /* wall clock when the record was written; given by the writer */
    uint8_t key[SHA256_BYTES]; /* batch key: HMAC-SHA-256, under a key of the server's, of a SHA-256
                                  over tenant, sender and Idempotency-Key or body_digest */
    bool key_is_plain; /* read from a spool of an earlier build: key is that SHA-256 itself */
    /* Keyed digest of the body as received, by which repeats are recognised. In a record of version
     * 1: its plain SHA-256. */
    uint8_t body_digest[SHA256_BYTES];
    /* HMAC-SHA-256 of the parts in clear, under salts that an erasure destroys; zeros in records of
     * version 1. */
    uint8_t body_commitment[SHA256_BYTES], meta_commitment[SHA256_BYTES],
        events_commitment[SHA256_BYTES];
    uint8_t chain_hash[SHA256_BYTES]; /* given by the writer */
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

static inline bool batch_is_events(const struct batch_meta *meta)
{
    return meta->kind <= BATCH_KIND_EVENTS;
}

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

/* The first bytes of the digests of body and content: enough to distinguish bodies. */
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
        bool body_is_plain; /* it is of version 1: body is of the plain SHA-256 */
        uint8_t body[RECALL_DIGEST_BYTES];
        uint8_t content[RECALL_DIGEST_BYTES];
        bool has_content;
    } record;
    struct dedup_report report;
    /* While records of version 1 are in the window: what the batch would have had as one of them.
     */
    bool has_old;
    uint8_t old_key[SHA256_BYTES];
    uint8_t old_body[SHA256_BYTES];
    uint64_t passed[RECALL_PLACES_MAX]; /* positions that turned out to be other batches */
    unsigned passed_count;
};

/* What spool_submit, or batch_seal before it, has made of the parts of a batch. */
struct batch_seal {
    bool begun;          /* entry has keys */
    bool body_committed; /* meta.body_commitment is there */
    bool done;           /* the commitments of body and events are there, and */
    bool encrypted;      /* body and events are ciphertext, with these tags: */
    uint8_t events_tag[SEAL_TAG_BYTES], body_tag[SEAL_TAG_BYTES];
    struct seal_entry entry; /* .vehicle: set by the owner, if all of the batch is one vehicle's */
};

/* A batch of several vehicles, cut so that each can be erased alone (storage/spool/cut/). Its
 * events are then runs of items, each begun by a restart of the coding, and behind them the records
 * of the vehicles as received. */
struct batch_parts {
    struct seal_entry *entries; /* table.parts of them */
    struct seal_table table;    /* commitments: from batch_seal */
    /* From batch_seal: key area, table and tags as stored. */
    struct writer area, bytes, tags;
};

struct batch {
    struct mail mail; /* first: a mail is a batch */
    struct arena arena;
    struct batch_meta meta;
    /* Body as received, in arena chunks: memory that may be written, since spool_submit encrypts it
     * in place. */
    struct slice *body;
    size_t body_count;
    struct writer events; /* encoded by event_codec; encrypted in place, too */
    struct batch_seal seal;
    struct batch_parts *parts; /* NULL: all of it is one part */
    /* Record header, key area and meta texts as they go to disk; the spool's own (spool_submit). */
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
/* New record of another kind, whose body is a copy of json, one object; received at now_ns. NULL:
 * no memory. */
struct batch *batch_of_record(enum batch_kind kind, struct slice json, int64_t now_ns);
/* Frees it with everything that it holds. NULL is allowed. */
void batch_destroy(struct batch *batch);
/* Room for so many parts and runs, without keys. NULL: no memory. */
struct batch_parts *batch_parts_create(size_t parts, size_t runs);
void batch_parts_destroy(struct batch_parts *parts); /* NULL is allowed */
static inline struct batch *batch_from_mail(struct mail *mail)
{
    return (struct batch *)(void *)mail;
}

/* A part of a record that was read, or what is left of it. */
struct record_part {
    enum seal_state state;
    uint8_t vehicle[SEAL_VEHICLE_BYTES]; /* its pid; zeros: erased, or not of a vehicle */
    uint8_t seed[SEAL_SEED_BYTES];       /* SEAL_OPEN */
    struct slice records;                /* SEAL_OPEN: as received; see record_open.h */
};

/* The parts of a record that has some; its reader's. */
struct record_parts {
    const struct seal_table *table;
    struct slice table_bytes;
    const struct record_part *items; /* table->parts of them */
    const struct slice *runs;        /* table->runs of them, clear; empty: of an erased part */
    uint32_t erased;                 /* parts of vehicles, of them */
    uint32_t erased_items;           /* events and rejects that are gone */
};

/* A batch as read from the spool. Slices point into the reader's buffer, valid until its next call.
 */
struct batch_record {
    struct batch_meta meta;
    struct slice body;   /* as received, still compressed */
    struct slice events; /* for event_decoder */
    bool sealed;         /* body and events are not clear: see state */
    struct slice key_area, meta_texts;
    bool has_parts; /* events begin with a table until they are clear */
    /* From a reader, of a record with parts whose events are clear: events are those of the parts
     * that are not erased, body is empty if it is erased. */
    const struct record_parts *parts;
    /* From a reader: of its keys. SEAL_ABSENT in records of version 1. */
    enum seal_state state;
    uint32_t key_id; /* SEAL_NO_KEY: of the key in privacy.keys_file that is missing */
    uint8_t seed[SEAL_SEED_BYTES]; /* SEAL_OPEN: of its commitments; of parts: of the first */
};

/* Events and rejects that can be read in a record whose events are clear. */
static inline uint32_t batch_record_items(const struct batch_record *record)
{
    uint32_t items = record->meta.accepted + record->meta.quarantined;
    uint32_t erased = record->parts ? record->parts->erased_items : 0;
    return erased < items ? items - erased : 0;
}

/* Fills the fields of a decoded event that the record carries: event_uid, schema_version,
 * tenant_id, batch_uid, time_received, time_ingested, parser_name, parser_version,
 * transport_identity, chain_hash. event->batch_index must be set. uid is 16 bytes of the caller's
 * that event_uid points to. */
void batch_complete_event(const struct batch_meta *meta, struct event *event,
                          uint8_t uid[UUID_BYTES]);

#endif
