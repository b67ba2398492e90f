/* dedup_key.c: lays out what identifies an event and hashes it with a key, because it can be short
 * and guessable (a VIN, for instance). Pure, any thread. Keeps no window of keys: the pipeline (one
 * batch) and the sinks do.
 *
 * SipHash-2-4 with 128 bits of output is a pseudorandom function: without the key nobody can test a
 * guess, or make two events with one key. Every part of the message starts at a whole word, so that
 * what is the same for many events is hashed once and long parts are hashed where they are. */
#include "parsers/engine/dedup_key.h"
#include "core/event.h"
#include "core/hash.h"

#include <endian.h>

_Static_assert(DEDUP_KEY_BYTES == SIPHASH_BYTES, "the key is the whole hash");

/* A longer name of a sender is represented by its SHA-256. */
#define SENDER_INLINE_MAX 256

/* Sum of the maximum sizes: tenant 128, pid or sender 256, or raw time 256; tag, numbers, lengths.
 */
#define LAYOUT_BYTES 512

/* Whole words but for what was put last. */
struct layout {
    uint8_t bytes[LAYOUT_BYTES];
    size_t size;
};

static void put(struct layout *l, const void *data, size_t size)
{
    if (size > sizeof l->bytes - l->size)
        size = sizeof l->bytes - l->size; /* cannot be: fields are checked before */
    if (size)
        memcpy(l->bytes + l->size, data, size);
    l->size += size;
}

static void put_size(struct layout *l, size_t size)
{
    uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
    put(l, length, sizeof length);
}

/* Length and bytes, so that no two lists of fields give the same layout. */
static void put_field(struct layout *l, struct slice s)
{
    put_size(l, s.size);
    put(l, s.data, s.size);
}

static void put_int(struct layout *l, int64_t v)
{
    uint64_t swapped = htobe64((uint64_t)v);
    put(l, &swapped, sizeof swapped);
}

static void put_sender(struct layout *l, struct slice sender)
{
    uint8_t digest[SHA256_BYTES];
    if (sender.size > SENDER_INLINE_MAX) {
        sha256_bytes(sender, digest);
        sender = slice_make(digest, sizeof digest);
        put(l, "h", 1);
    }
    put_field(l, sender);
}

/* Zero bytes up to the next whole word, then the layout is hashed. */
static void hash_layout(struct siphash *h, struct layout *l)
{
    static const uint8_t zeros[SIPHASH_WORD];
    put(l, zeros, -l->size % SIPHASH_WORD);
    siphash_add_words(h, slice_make(l->bytes, l->size));
}

/* Tenant and vehicle, or the sender when there is no vehicle: ids of different senders are
 * unrelated. The same for most events of a batch. */
static void hash_vehicle(struct normaliser *n, struct slice pid)
{
    static const uint8_t zero_key[SIPHASH_KEY_BYTES];
    struct layout l;
    l.size = 0;
    put_field(&l, n->tenant_id);
    put_field(&l, pid);
    if (!pid.size && n->sender.size)
        put_sender(&l, n->sender);
    if (n->dedup_secret)
        n->dedup_prefix = *n->dedup_secret;
    else
        siphash_start(&n->dedup_prefix, zero_key);
    hash_layout(&n->dedup_prefix, &l);
}

static void use_vehicle(struct normaliser *n, const struct event *event)
{
    if (!EVENT_HAS(event, vehicle_pid)) {
        if (n->dedup_prefix_of != DEDUP_PREFIX_NO_VEHICLE)
            hash_vehicle(n, SLICE_EMPTY);
        n->dedup_prefix_of = DEDUP_PREFIX_NO_VEHICLE;
        return;
    }
    if (n->dedup_prefix_of == DEDUP_PREFIX_VEHICLE &&
        slice_equal(event->vehicle_pid, slice_make(n->dedup_pid, sizeof n->dedup_pid)))
        return;
    hash_vehicle(n, event->vehicle_pid);
    memcpy(n->dedup_pid, event->vehicle_pid.data, sizeof n->dedup_pid);
    n->dedup_prefix_of = DEDUP_PREFIX_VEHICLE;
}

/* What identifies the event, but for the part that needs no copy, which is returned. */
static struct slice lay_out(const struct normaliser *n, const struct event *event, struct layout *l)
{
    bool has_time = EVENT_HAS(event, time_event_raw) || EVENT_HAS(event, time_event_ns);
    bool has_seq = EVENT_HAS(event, vehicle_seq);
    l->size = 0;
    if (EVENT_HAS(event, source_event_id)) {
        put(l, "i\0\0\0\0\0\0", SIPHASH_WORD);
        return event->source_event_id;
    }
    if (has_time || has_seq) {
        struct slice raw = EVENT_HAS(event, time_event_raw) ? event->time_event_raw : SLICE_EMPTY;
        put(l, "t\0\0\0\0\0", SIPHASH_WORD - 2);
        put_size(l, raw.size);
        put_int(l, EVENT_HAS(event, time_event_ns) ? event->time_event_ns : 0);
        put_int(l, has_seq ? event->vehicle_seq : -1);
        put(l, raw.data, raw.size);
        return n->record;
    }
    put(l, "u\0\0\0\0\0\0", SIPHASH_WORD);
    put(l, n->batch_uid, sizeof n->batch_uid);
    put_int(l, n->received_ns);
    put_int(l, event->batch_index);
    return SLICE_EMPTY;
}

void dedup_key_compute(struct normaliser *n, const struct event *event,
                       uint8_t key[DEDUP_KEY_BYTES])
{
    struct layout l;
    use_vehicle(n, event);
    struct siphash h = n->dedup_prefix;
    struct slice rest = lay_out(n, event, &l);
    hash_layout(&h, &l);
    siphash_finish(&h, rest, key);
}
