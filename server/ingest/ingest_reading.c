/* ingest_reading.c: decides which body a worker reads next, and for how long. Worker threads. Does
 * not know what a body contains. A new body gets its first slice immediately, and most end in it;
 * longer ones take turns in a ring. The inflated size of all is bounded: above the bound only the
 * oldest continues.
 */
#include "server/ingest/ingest.h"
#include "server/ingest/reading_room.h"
#include "server/ingest/ingest_internal.h"

#include <stdlib.h>

#include "core/clock.h"

/* A body that holds at most this, with its events, continues whatever the others hold. */
#define SMALL_BYTES ((uint64_t)1 << 20)
/* Memory of an inflated body that is kept for the next one. */
#define INFLATED_KEEP ((size_t)8 << 20)

/* ---- tools ---- */

static void tools_destroy(struct reading *b)
{
    if (!b)
        return;
    fiber_destroy(b->fiber);
    inflate_destroy(b->inflate);
    json_parser_destroy(b->json);
    json_parser_destroy(b->json_inner);
    pseudonym_destroy(b->pseudonym);
    sha256_destroy(b->sha);
    keyed_digest_destroy(b->digest);
    writer_fini(&b->inflated);
    object_end(&b->magic);
    free(b);
}

static struct reading *tools_create(struct ingest *in)
{
    struct reading *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    size_t depth = in->config->limit_json_depth;
    b->ingest = in;
    b->magic = READING_MAGIC;
    b->work.pause = reading_pause;
    b->work.arg = b;
    writer_init(&b->inflated, in->config->limit_inflated_bytes + JSON_PADDING);
    b->fiber = fiber_create();
    b->inflate = inflate_create();
    b->json = json_parser_create(depth, PIPELINE_JSON_NODES);
    b->json_inner = json_parser_create(depth, PIPELINE_JSON_NODES);
    b->pseudonym = pseudonym_create(&in->shared->key);
    b->sha = sha256_create();
    b->digest = keyed_digest_create(&in->shared->repeat.inflated);
    if (b->fiber && b->inflate && b->json && b->json_inner && b->pseudonym && b->sha && b->digest)
        return b;
    tools_destroy(b);
    return NULL;
}

static struct reading *tools_take(struct ingest *in)
{
    struct reading_room *room = &in->reading;
    struct reading *b = SLIST_FIRST(&room->spares);
    if (!b)
        return tools_create(in);
    SLIST_REMOVE_HEAD(&room->spares, in_spares);
    room->spare_count--;
    return b;
}

static void tools_give(struct reading *b)
{
    struct reading_room *room = &b->ingest->reading;
    if (room->spare_count == READING_SPARES) {
        tools_destroy(b);
        return;
    }
    if (b->inflated.capacity > INFLATED_KEEP)
        writer_fini(&b->inflated);
    b->submission = NULL;
    SLIST_INSERT_HEAD(&room->spares, b, in_spares);
    room->spare_count++;
}

void reading_drop_spares(struct ingest *in)
{
    struct reading *b;
    while ((b = SLIST_FIRST(&in->reading.spares)) != NULL) {
        SLIST_REMOVE_HEAD(&in->reading.spares, in_spares);
        tools_destroy(b);
    }
    in->reading.spare_count = 0;
}

/* ---- on the fiber ---- */

static void note_memory(struct reading *b)
{
    struct reading_room *room = &b->ingest->reading;
    uint64_t held = b->inflated.capacity + b->submission->batch->events.capacity;
    room->held_bytes += held - b->held_bytes;
    b->held_bytes = held;
}

/* If all bodies of this worker together hold more than one of the largest size, the oldest must end
 * first. Small ones never wait, so that large bodies do not delay ordinary senders. */
static bool waits_for_memory(const struct reading *b)
{
    const struct reading_room *room = &b->ingest->reading;
    if (b->held_bytes <= SMALL_BYTES || room->held_bytes <= b->ingest->config->limit_inflated_bytes)
        return false;
    const struct reading *other;
    TAILQ_FOREACH (other, &room->ring, in_ring)
        if (other->number < b->number)
            return true;
    return false;
}

bool reading_pause(void *arg)
{
    struct reading *b = reading_cast(arg);
    note_memory(b);
    if (clock_monotonic_ns() < b->slice_end_ns && !waits_for_memory(b))
        return !b->stopped;
    do
        fiber_yield(b->fiber);
    while (!b->stopped && waits_for_memory(b));
    return !b->stopped;
}

static void run(void *arg)
{
    struct reading *b = reading_cast(arg);
    b->end = reading_run(b);
    if (b->stopped)
        b->end = READING_STOPPED;
}

/* ---- slices ---- */

static void finish(struct reading *b)
{
    struct reading_room *room = &b->ingest->reading;
    struct submission *sub = b->submission;
    room->active--;
    room->held_bytes -= b->held_bytes;
    sub->reading = NULL;
    submission_read_over(sub, b);
    tools_give(b);
}

static void run_slice(struct reading *b)
{
    ensure(b->submission && b->submission->reading == b);
    struct ingest *in = b->ingest;
    int64_t start = clock_monotonic_ns();
    b->slice_end_ns = start + READING_SLICE_NS;
    bool over = fiber_resume(b->fiber);
    in->reading.turn_ns += clock_monotonic_ns() - start;
    metric_add(in->slices, 1);
    if (over)
        finish(b);
    else
        TAILQ_INSERT_TAIL(&in->reading.ring, b, in_ring);
}

/* Takes the submission that has waited longest. */
static struct submission *waiting_take(struct reading_room *room)
{
    struct submission *sub = TAILQ_FIRST(&room->waiting);
    TAILQ_REMOVE(&room->waiting, sub, in_list);
    sub->waits_to_be_read = false;
    return sub;
}

static void waiting_append(struct reading_room *room, struct submission *sub)
{
    TAILQ_INSERT_TAIL(&room->waiting, sub, in_list);
    sub->waits_to_be_read = true;
}

static void waiting_remove(struct reading_room *room, struct submission *sub)
{
    ensure(sub->waits_to_be_read);
    TAILQ_REMOVE(&room->waiting, sub, in_list);
    sub->waits_to_be_read = false;
}

/* First slice of the submission that has waited longest. False: none can start now. */
static bool begin_next(struct ingest *in)
{
    struct reading_room *room = &in->reading;
    if (TAILQ_EMPTY(&room->waiting) || room->closed || room->active == READING_MAX)
        return false;
    struct reading *b = tools_take(in);
    if (!b && room->active)
        return false; /* until one of them ends */
    struct submission *sub = waiting_take(room);
    if (!b) {
        submission_refuse_as(sub, REFUSAL_memory);
        return true;
    }
    room->active++;
    b->submission = sub;
    b->number = room->begun++;
    b->held_bytes = 0;
    b->stopped = b->work.stopped = b->key_begun = false;
    b->work.done = 0;
    sub->reading = b;
    fiber_start(b->fiber, run, b);
    run_slice(b);
    return true;
}

static bool has_more(const struct reading_room *room)
{
    return !TAILQ_EMPTY(&room->ring) || (!TAILQ_EMPTY(&room->waiting) && !room->closed);
}

void reading_begin(struct submission *sub)
{
    submission_assert(sub);
    ensure(!sub->reading && !sub->waits_to_be_read);
    struct ingest *in = sub->ingest;
    struct reading_room *room = &in->reading;
    waiting_append(room, sub);
    while (room->turn_ns < READING_SLICE_NS && begin_next(in))
        ;
    if (has_more(room))
        room->need_turn(room->need_turn_arg);
}

bool reading_turn(struct ingest *in)
{
    struct reading_room *room = &in->reading;
    struct reading *b = TAILQ_FIRST(&room->ring);
    room->turn_ns = 0;
    while (room->turn_ns < READING_SLICE_NS && begin_next(in))
        ;
    if (b) {
        TAILQ_REMOVE(&room->ring, b, in_ring);
        run_slice(b);
    }
    room->turn_ns = 0;
    return has_more(room);
}

bool reading_stop(struct submission *sub)
{
    if (sub->reading) {
        sub->reading->stopped = true;
        return true;
    }
    if (sub->waits_to_be_read)
        waiting_remove(&sub->ingest->reading, sub);
    return false;
}
