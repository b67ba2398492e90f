/* ingest_receive.c: receives the body of a submission, and counts the memory that requests hold.
 * Worker threads. Does not interpret the body. */
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"

#include <stddef.h>

#include "core/clock.h"

/* First piece of a body; the next ones double up to the largest. Announced bytes alone take no
 * memory. */
#define CHUNK_FIRST   ((size_t)16 << 10)
#define CHUNK_LARGEST ((size_t)1 << 20)

/* Bodies of one sender hold a quarter of limits.memory at most, those of one address half; one body
 * always fits. */
static struct body_limits limits_of(const struct config *config)
{
    uint64_t one = config->limit_body_bytes + CHUNK_LARGEST, half = config->limit_memory / 2;
    return (struct body_limits){.of_sender = half / 2 > one ? half / 2 : one,
                                .of_address = half > one ? half : one};
}

static void refuse_full_share(struct submission *sub, enum status status)
{
    submission_refuse_as(sub, status == STATUS_TOO_MANY ? REFUSAL_memory_of_sender
                                                        : REFUSAL_memory_of_address);
}

static void refuse_shed(struct submission *sub)
{
    submission_refuse_as(sub, REFUSAL_body_shed);
}

/* Takes bytes for the body from the budget. False when there is no room: the submission is
 * answered.
 */
static bool submission_reserve(struct submission *sub, uint64_t bytes)
{
    struct ingest *in = sub->ingest;
    struct body_limits limits = limits_of(in->config);
    enum status status = body_take(&in->bodies, &sub->holder, &in->shared->shed, &limits, bytes,
                                   clock_monotonic_ns());
    switch (status) {
    case STATUS_OK:
        sub->shared_bytes += bytes;
        sub->reserved_bytes += bytes;
        return true;
    case STATUS_TOO_MANY:
    case STATUS_BUSY:
        refuse_full_share(sub, status);
        return false;
    case STATUS_REFUSED:
        refuse_shed(sub);
        return false;
    default:
        submission_refuse_full_memory(sub);
        return false;
    }
}

void submission_give_shares(struct submission *sub)
{
    struct memory_shares *shares = sub->ingest->shared->shares;
    if (!sub->shared_bytes)
        return;
    memory_share_give(shares, sub->holder.sender_cell, sub->shared_bytes);
    if (sub->holder.address_cell != BODY_NO_CELL)
        memory_share_give(shares, sub->holder.address_cell, sub->shared_bytes);
    sub->shared_bytes = 0;
}

void ingest_take_shed(struct ingest *in)
{
    ingest_assert(in);
    struct body_holder *holder;
    while ((holder = body_shed_next(&in->bodies)))
        refuse_shed((struct submission *)((char *)holder - offsetof(struct submission, holder)));
}

/* Size of the next piece of the body: at most the announced bytes that are missing. */
static size_t next_chunk(const struct submission *sub)
{
    int64_t length = sub->announced_bytes;
    uint64_t have = sub->batch->meta.body_bytes;
    size_t size = CHUNK_FIRST;
    for (size_t i = 0; i < sub->batch->body_count && size < CHUNK_LARGEST; i++)
        size *= 2;
    if (length > 0 && (uint64_t)length - have < size)
        size = (size_t)((uint64_t)length - have);
    return size;
}

bool submission_receive(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->holder.listed);
    const struct memory_shares *shares = sub->ingest->shared->shares;
    sub->holder.sender_cell = memory_share_cell(
        shares, sub->identity.sender, sub->identity.anonymous ? sub->network : SLICE_EMPTY);
    sub->holder.address_cell =
        sub->counts_address ? memory_share_cell(shares, SLICE_LITERAL("address"), sub->network)
                            : BODY_NO_CELL;
    sub->holder.peer = sub->address;
    sub->chunk_capacity = 0;
    body_enter(&sub->ingest->bodies, &sub->holder, clock_monotonic_ns());
    return submission_reserve(sub, next_chunk(sub));
}

bool submission_received(struct submission *sub)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->reading);
    if (body_leave(&sub->ingest->bodies, &sub->holder))
        return true;
    sub->reserved_bytes = sub->shared_bytes = 0;
    refuse_shed(sub);
    return false;
}

static bool body_add_piece(struct submission *sub, size_t size)
{
    struct batch *b = sub->batch;
    if (b->body_count == sub->body_slots) {
        size_t slots = sub->body_slots ? 2 * sub->body_slots : 4;
        struct slice *more = arena_alloc(&b->arena, slots * sizeof *more);
        if (!more)
            return false;
        if (b->body_count)
            memcpy(more, b->body, b->body_count * sizeof *more);
        b->body = more;
        sub->body_slots = slots;
    }
    void *data = arena_alloc(&b->arena, size);
    if (!data)
        return false;
    b->body[b->body_count++] = slice_make(data, 0);
    sub->chunk_capacity = size;
    return true;
}

/* The next piece of the body; the first one was reserved when the submission began. False: the
 * submission is answered. */
static bool body_grow(struct submission *sub)
{
    size_t size = next_chunk(sub);
    if (sub->batch->body_count > 0 && !submission_reserve(sub, size))
        return false;
    if (body_add_piece(sub, size))
        return true;
    submission_refuse_as(sub, REFUSAL_memory);
    return false;
}

void submission_add(struct submission *sub, struct slice span)
{
    submission_assert(sub);
    ensure(sub->batch && !sub->reading);
    while (span.size) {
        struct slice *last =
            sub->batch->body_count ? &sub->batch->body[sub->batch->body_count - 1] : NULL;
        if (!last || last->size == sub->chunk_capacity) {
            if (!body_grow(sub))
                return;
            continue;
        }
        size_t n = sub->chunk_capacity - last->size;
        n = n < span.size ? n : span.size;
        memcpy((uint8_t *)(uintptr_t)last->data + last->size, span.data, n);
        last->size += n;
        sub->batch->meta.body_bytes += n;
        span = slice_sub(span, n, span.size);
    }
    if (sub->batch->meta.body_bytes - sub->marked_bytes < BODY_MARK_BYTES)
        return;
    sub->marked_bytes = sub->batch->meta.body_bytes;
    body_moved(&sub->ingest->bodies, &sub->holder, clock_monotonic_ns());
}

/* Keys, commitments and places of the vehicles of a batch. */
static uint64_t parts_bytes(const struct batch_parts *parts)
{
    if (!parts)
        return 0;
    const struct seal_table *table = &parts->table;
    return table->parts * (sizeof *parts->entries + sizeof *table->rows + sizeof *table->first) +
           table->runs * (sizeof *table->run + sizeof *table->order) + parts->area.capacity +
           parts->bytes.capacity + parts->tags.capacity;
}

bool submission_reserve_batch(struct submission *sub)
{
    struct batch *batch = sub->batch;
    writer_trim(&batch->events);
    uint64_t held = batch->arena.used_bytes + batch->events.capacity + parts_bytes(batch->parts);
    uint64_t more = held > sub->reserved_bytes ? held - sub->reserved_bytes : 0;
    if (!body_shed_extend(&sub->ingest->shared->shed, sub->reserved_bytes, more,
                          clock_monotonic_ns()))
        return false;
    sub->reserved_bytes += more;
    return true;
}
