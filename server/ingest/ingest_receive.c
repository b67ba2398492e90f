/* ingest_receive.c: the body of a request as it comes, and the memory that requests hold. Worker
 * threads. Does not look at what a body says. */
#include "server/ingest/ingest_internal.h"

#include <stddef.h>

#include "core/clock.h"

/* First piece of a body; the next ones double up to the largest. What a sender only announces takes
 * no memory from the others. */
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

static void refuse_full_share(struct request *r, enum status status)
{
    request_refuse_as(r, status == STATUS_TOO_MANY ? REFUSAL_memory_of_sender
                                                   : REFUSAL_memory_of_address);
}

static void refuse_shed(struct request *r)
{
    request_refuse_as(r, REFUSAL_body_shed);
}

/* Takes bytes for the body from the budget. False when there is no room: the request is answered.
 */
static bool request_reserve(struct request *r, uint64_t bytes)
{
    struct ingest *in = r->ingest;
    struct body_limits limits = limits_of(in->config);
    enum status status =
        body_take(&in->bodies, &r->holder, &in->shared->shed, &limits, bytes, clock_monotonic_ns());
    switch (status) {
    case STATUS_OK:
        r->shared_bytes += bytes;
        r->reserved_bytes += bytes;
        return true;
    case STATUS_TOO_MANY:
    case STATUS_BUSY:
        refuse_full_share(r, status);
        return false;
    case STATUS_REFUSED:
        refuse_shed(r);
        return false;
    default:
        request_refuse_full_memory(r);
        return false;
    }
}

void request_give_shares(struct request *r)
{
    struct memory_shares *shares = r->ingest->shared->shares;
    if (!r->shared_bytes)
        return;
    memory_share_give(shares, r->holder.sender_cell, r->shared_bytes);
    if (r->holder.address_cell != BODY_NO_CELL)
        memory_share_give(shares, r->holder.address_cell, r->shared_bytes);
    r->shared_bytes = 0;
}

void ingest_take_shed(struct ingest *in)
{
    struct body_holder *holder;
    while ((holder = body_shed_next(&in->bodies)))
        refuse_shed((struct request *)((char *)holder - offsetof(struct request, holder)));
}

/* Size of the next piece of the body: no more than what is announced and missing. */
static size_t next_chunk(const struct request *r)
{
    int64_t length = http_content_length(r->exchange);
    uint64_t have = r->batch->meta.body_bytes;
    size_t size = CHUNK_FIRST;
    for (size_t i = 0; i < r->batch->body_count && size < CHUNK_LARGEST; i++)
        size *= 2;
    if (length > 0 && (uint64_t)length - have < size)
        size = (size_t)((uint64_t)length - have);
    return size;
}

bool request_receive(struct request *r)
{
    const struct http_peer *peer = http_peer(r->exchange);
    const struct memory_shares *shares = r->ingest->shared->shares;
    r->holder.sender_cell = memory_share_cell(shares, r->identity.sender,
                                              r->identity.anonymous ? peer->network : SLICE_EMPTY);
    /* Behind a Unix socket is a proxy: all the world. */
    r->holder.address_cell =
        strcmp(peer->address, "unix") != 0
            ? memory_share_cell(shares, SLICE_LITERAL("address"), peer->network)
            : BODY_NO_CELL;
    r->holder.peer = peer->address;
    r->chunk_capacity = 0;
    body_enter(&r->ingest->bodies, &r->holder, clock_monotonic_ns());
    return request_reserve(r, next_chunk(r));
}

bool request_received(struct request *r)
{
    if (body_leave(&r->ingest->bodies, &r->holder))
        return true;
    r->reserved_bytes = r->shared_bytes = 0;
    refuse_shed(r);
    return false;
}

static bool body_add_piece(struct request *r, size_t size)
{
    struct batch *b = r->batch;
    if (b->body_count == r->body_slots) {
        size_t slots = r->body_slots ? 2 * r->body_slots : 4;
        struct slice *more = arena_alloc(&b->arena, slots * sizeof *more);
        if (!more)
            return false;
        if (b->body_count)
            memcpy(more, b->body, b->body_count * sizeof *more);
        b->body = more;
        r->body_slots = slots;
    }
    void *data = arena_alloc(&b->arena, size);
    if (!data)
        return false;
    b->body[b->body_count++] = slice_make(data, 0);
    r->chunk_capacity = size;
    return true;
}

/* The next piece of the body; the first one was reserved when the request was admitted. False: the
 * request is answered. */
static bool body_grow(struct request *r)
{
    size_t size = next_chunk(r);
    if (r->batch->body_count > 0 && !request_reserve(r, size))
        return false;
    if (body_add_piece(r, size))
        return true;
    request_refuse_as(r, REFUSAL_memory);
    return false;
}

void ingest_on_body(void *arg, struct http_exchange *exchange, struct slice span)
{
    struct request *r = http_context(exchange);
    (void)arg;
    if (!r)
        return;
    while (span.size) {
        struct slice *last =
            r->batch->body_count ? &r->batch->body[r->batch->body_count - 1] : NULL;
        if (!last || last->size == r->chunk_capacity) {
            if (!body_grow(r))
                return;
            continue;
        }
        size_t n = r->chunk_capacity - last->size;
        n = n < span.size ? n : span.size;
        memcpy((uint8_t *)(uintptr_t)last->data + last->size, span.data, n);
        last->size += n;
        r->batch->meta.body_bytes += n;
        span = slice_sub(span, n, span.size);
    }
    if (r->batch->meta.body_bytes - r->marked_bytes < BODY_MARK_BYTES)
        return;
    r->marked_bytes = r->batch->meta.body_bytes;
    body_moved(&r->ingest->bodies, &r->holder, clock_monotonic_ns());
}

bool request_reserve_batch(struct request *r)
{
    struct batch *batch = r->batch;
    writer_trim(&batch->events);
    uint64_t held = batch->arena.used_bytes + batch->events.capacity;
    uint64_t more = held > r->reserved_bytes ? held - r->reserved_bytes : 0;
    if (!body_shed_extend(&r->ingest->shared->shed, r->reserved_bytes, more, clock_monotonic_ns()))
        return false;
    r->reserved_bytes += more;
    return true;
}
