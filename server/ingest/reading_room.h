/* reading_room.h: bodies being read on one worker. Hashing, inflating, splitting, parsing and
 * encoding of a body run on a fiber, in slices of about a millisecond. Between slices the loop
 * serves other connections and other bodies get their turn. Nothing blocks, and workers share
 * nothing. Private to the ingest_*.c files. */
#ifndef VSOC_SERVER_READING_ROOM_H
#define VSOC_SERVER_READING_ROOM_H

#include "core/object.h"
#include "core/keyed/keyed_digest.h"
#include "core/json/json.h"
#include "parsers/engine/pipeline.h"
#include "server/ingest/fiber.h"
#include "server/ingest/submission.h"

struct ingest;

/* A slice ends at the first piece of work (parsers/read/work.h) after this time. */
#define READING_SLICE_NS INT64_C(1000000)
/* Bodies that a worker reads at the same time; the next ones wait for one to end. */
#define READING_MAX 64
/* Tools that are kept for the next bodies. */
#define READING_SPARES 2

enum reading_end {
    READING_DONE,    /* events and report are in the batch; of a question: body is there */
    READING_KNOWN,   /* nothing was read: `answer` has the reason */
    READING_REFUSED, /* answer `refusal` */
    READING_STOPPED, /* the client has gone */
};

#define READING_MAGIC 0x52454144U

/* One body, and the tools that read it. */
struct reading {
    unsigned magic; /* READING_MAGIC */
    TAILQ_ENTRY(reading) in_ring;
    SLIST_ENTRY(reading) in_spares;
    struct ingest *ingest;
    struct submission *submission;
    uint64_t number; /* the lower, the earlier it began */
    int64_t slice_end_ns;
    struct work work;
    bool stopped;   /* the client has gone: end soon */
    bool key_begun; /* in the dedup window: commit or abort it */

    enum reading_end end;
    enum dedup_answer answer;
    struct refusal refusal;
    struct slice body; /* inflated */
    struct pipeline_result result;
    uint64_t held_bytes; /* of inflated and events, when last measured */

    struct fiber *fiber;
    struct inflate *inflate;
    struct writer inflated;
    struct json_parser *json;
    struct json_parser *json_inner; /* for JSON inside JSON */
    struct pseudonym *pseudonym;
    struct sha256 *sha;
    struct keyed_digest *digest;
};

OBJECT_CAST(reading, READING_MAGIC)

/* The worker's bodies. */
struct reading_room {
    TAILQ_HEAD(, reading) ring;     /* begun, in the order of their next slices */
    struct submission_list waiting; /* not begun */
    SLIST_HEAD(, reading) spares;
    size_t active, spare_count;
    uint64_t begun;      /* in total */
    uint64_t held_bytes; /* sum over the active ones */
    int64_t turn_ns;     /* time worked since the loop polled its sockets */
    bool closed;         /* no body starts: new settings wait for the active ones */
    void (*need_turn)(void *arg);
    void *need_turn_arg;
};

/* The body is complete: reads it, now or in later turns, then calls submission_read_over.
 * The submission may be gone when this returns. */
void reading_begin(struct submission *submission);
/* The client has gone. True: submission_read_over comes later; false: no reading was begun. */
bool reading_stop(struct submission *submission);
/* One turn: new bodies get a first slice, one of the others its next. True: there is more to do. */
bool reading_turn(struct ingest *ingest);
/* Frees the spare tools, because their settings have changed. */
void reading_drop_spares(struct ingest *ingest);

/* On the fiber: work.pause of a reading (arg). */
bool reading_pause(void *reading);

/* The reading has ended, back on the loop's stack: reading->end has the result. ingest.c. */
void submission_read_over(struct submission *submission, struct reading *reading);
/* What the fiber runs. ingest_body.c. */
enum reading_end reading_run(struct reading *reading);

#endif
