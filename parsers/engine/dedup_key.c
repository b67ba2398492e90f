/* dedup_key.c: lays out what identifies an event and hashes it with a key, because it can be short
 * and guessable (a VIN, for instance). Pure, any thread. Keeps no window of keys: the pipeline (one
 * batch) and the sinks do.
 *
 * One pass of SHA-256 over the key's block and the message, truncated to 16 of its 32 bytes. HMAC's
 * second pass would cost every event one more block. That pass exists because the full digest of
 * key and message is the state from which anyone can compute the digest of a longer message. Here
 * half of that state is never stored or sent, and a keyed hash truncated like this is a
 * pseudorandom function as HMAC is (Bellare, Bernstein, Tessaro: Hash-Function Based PRFs, AMAC and
 * Its Multi-User Security, 2016). Without the key nobody can test a guess. */
#include "parsers/engine/dedup_key.h"
#include "core/event.h"
#include "core/hash.h"

/* A longer record or sender is represented by its SHA-256. */
#define RECORD_INLINE_MAX 256

/* Sum of the maximum sizes: tag, tenant 128, pid or sender 256, raw time 256, record 256, numbers,
 * lengths. */
#define LAYOUT_BYTES 1024

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

/* Length and bytes, so that no two lists of fields give the same layout. */
static void put_field(struct layout *l, struct slice s)
{
    uint8_t length[2] = {(uint8_t)(s.size >> 8), (uint8_t)s.size};
    put(l, length, sizeof length);
    put(l, s.data, s.size);
}

static void put_int(struct layout *l, int64_t v)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
    put(l, bytes, sizeof bytes);
}

static void put_record(struct layout *l, struct slice record)
{
    uint8_t digest[SHA256_BYTES];
    if (record.size > RECORD_INLINE_MAX) {
        sha256_bytes(record, digest);
        record = slice_make(digest, sizeof digest);
        put(l, "h", 1);
    }
    put_field(l, record);
}

/* Tenant and vehicle, or the sender when there is no vehicle: ids of different senders are
 * unrelated. The same for most events of a batch, in whole blocks of its own. */
static void hash_vehicle(struct normaliser *n, struct slice pid)
{
    static const uint8_t zeros[SHA256_BLOCK_BYTES];
    struct layout l;
    l.size = 0;
    put_field(&l, n->tenant_id);
    put_field(&l, pid);
    if (!pid.size && n->sender.size)
        put_record(&l, n->sender);
    put(&l, zeros, (SHA256_BLOCK_BYTES - l.size % SHA256_BLOCK_BYTES) % SHA256_BLOCK_BYTES);
    struct sha256_prefix zero;
    const struct sha256_prefix *secret = n->dedup_secret;
    if (!secret) {
        sha256_prefix_init_key(&zero, zeros);
        secret = &zero;
    }
    sha256_prefix_more(secret, slice_make(l.bytes, l.size), &n->dedup_prefix);
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

void dedup_key_compute(struct normaliser *n, const struct event *event,
                       uint8_t key[DEDUP_KEY_BYTES])
{
    uint8_t whole[SHA256_BYTES];
    bool has_time = EVENT_HAS(event, time_event_raw) || EVENT_HAS(event, time_event_ns);
    bool has_seq = EVENT_HAS(event, vehicle_seq);
    struct layout l;
    l.size = 0;
    use_vehicle(n, event);
    if (EVENT_HAS(event, source_event_id)) {
        put(&l, "i", 1);
        put_field(&l, event->source_event_id);
    } else if (has_time || has_seq) {
        put(&l, "t", 1);
        put_field(&l, EVENT_HAS(event, time_event_raw) ? event->time_event_raw : SLICE_EMPTY);
        put_int(&l, EVENT_HAS(event, time_event_ns) ? event->time_event_ns : 0);
        put_int(&l, has_seq ? event->vehicle_seq : -1);
        put_record(&l, n->record);
    } else {
        put(&l, "u", 1);
        put(&l, n->batch_uid, sizeof n->batch_uid);
        put_int(&l, n->received_ns);
        put_int(&l, event->batch_index);
    }
    sha256_prefix_finish(&n->dedup_prefix, slice_make(l.bytes, l.size), whole);
    memcpy(key, whole, DEDUP_KEY_BYTES);
}
