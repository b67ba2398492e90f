/* seal_area.c: the key area of a record ↔ bytes. Any thread; works on memory alone. Does not write
 * to files: the spool does, and vsocd vehicle erase. */
#include "storage/spool/seal/seal_area.h"

#include "core/reader.h"
#include "core/thread.h"

#define AREA_MAGIC   UINT32_C(0x59454b56) /* "VKEY" */
#define AREA_VERSION 1

/* Byte offsets in the area and in an entry. */
enum {
    AT_CRC = 4,
    AT_VERSION = 8,
    AT_PARTS = 10,
    AT_STATE = SEAL_AREA_STATE_AT,
    AT_NONCE = SEAL_VEHICLE_BYTES,
    AT_SEALED = AT_NONCE + SEAL_NONCE_BYTES,
    AT_KEY_ID = AT_SEALED + SEAL_KEY_BYTES + SEAL_SEED_BYTES + SEAL_TAG_BYTES,
};
_Static_assert(AT_KEY_ID + 4 == SEAL_ENTRY_BYTES, "an entry ends with the key's id");

static uint64_t get_le(const uint8_t *from, size_t bytes)
{
    struct reader r = reader_make(slice_make(from, bytes));
    return reader_uint_le(&r, bytes);
}

static void put_le(uint8_t *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

size_t seal_area_bytes(size_t entries)
{
    return SEAL_AREA_HEAD_BYTES + entries * SEAL_ENTRY_BYTES;
}

/* Each batch has a wrapping key of its own, so that random nonces never meet. */
static void entry_key(const struct seal_key *key, const uint8_t batch_uid[UUID_BYTES],
                      uint8_t bytes[SEAL_KEY_BYTES])
{
    hmac_key_compute(&key->key, slice_make(batch_uid, UUID_BYTES), bytes);
}

static void write_head(struct writer *w, size_t count)
{
    writer_uint_le(w, AREA_MAGIC, 4);
    writer_uint_le(w, 0, 4);
    writer_uint_le(w, AREA_VERSION, 2);
    writer_uint_le(w, count, 2);
    writer_uint_le(w, 0, 4);
}

enum status seal_area_begin(struct seal_area_maker *maker, struct writer *w,
                            const struct seal_keys *keys, const uint8_t batch_uid[UUID_BYTES],
                            size_t count)
{
    const struct seal_key *key = seal_keys_newest(keys);
    ensure(key && count <= SEAL_PARTS_MAX);
    *maker = (struct seal_area_maker){.w = w, .from = w->size, .key_id = key->id};
    maker->cipher = seal_cipher_create();
    if (!maker->cipher)
        return STATUS_NO_MEMORY;
    entry_key(key, batch_uid, maker->wrapping);
    write_head(w, count);
    return STATUS_OK;
}

void seal_area_add(struct seal_area_maker *maker, const struct seal_entry *entry)
{
    uint8_t nonce[SEAL_NONCE_BYTES], clear[SEAL_KEY_BYTES + SEAL_SEED_BYTES];
    uint8_t sealed[sizeof clear + SEAL_TAG_BYTES];
    struct writer *w = maker->w;
    random_bytes(nonce, sizeof nonce);
    memcpy(clear, entry->data_key, SEAL_KEY_BYTES);
    memcpy(clear + SEAL_KEY_BYTES, entry->seed, SEAL_SEED_BYTES);
    seal_wrap(maker->cipher, maker->wrapping, nonce, slice_make(entry->vehicle, SEAL_VEHICLE_BYTES),
              slice_make(clear, sizeof clear), sealed);
    explicit_bzero(clear, sizeof clear);
    writer_bytes(w, entry->vehicle, SEAL_VEHICLE_BYTES);
    writer_bytes(w, nonce, sizeof nonce);
    writer_bytes(w, sealed, sizeof sealed);
    writer_uint_le(w, maker->key_id, 4);
}

enum status seal_area_end(struct seal_area_maker *maker)
{
    struct writer *w = maker->w;
    if (w->status == STATUS_OK)
        seal_area_finish(w->data + maker->from, w->size - maker->from, 0);
    seal_cipher_destroy(maker->cipher);
    explicit_bzero(maker, sizeof *maker);
    return w->status;
}

enum status seal_area_write(struct writer *w, const struct seal_keys *keys,
                            const uint8_t batch_uid[UUID_BYTES], const struct seal_entry *entries,
                            size_t count)
{
    struct seal_area_maker maker;
    if (!seal_keys_newest(keys)) {
        size_t from = w->size;
        write_head(w, 0);
        if (w->status == STATUS_OK)
            seal_area_finish(w->data + from, w->size - from, 0);
        return w->status;
    }
    enum status status = seal_area_begin(&maker, w, keys, batch_uid, count);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        seal_area_add(&maker, &entries[i]);
    return seal_area_end(&maker);
}

void seal_area_finish(uint8_t *area, size_t size, uint32_t state)
{
    ensure(size >= SEAL_AREA_HEAD_BYTES);
    put_le(area + AT_STATE, state, 4);
    put_le(area + AT_CRC, crc32c(0, slice_make(area + AT_VERSION, size - AT_VERSION)), 4);
}

/* Magic, version and size. */
static bool has_head(struct slice area)
{
    return area.size >= SEAL_AREA_HEAD_BYTES && get_le(area.data, 4) == AREA_MAGIC &&
           get_le(area.data + AT_VERSION, 2) == AREA_VERSION &&
           seal_area_bytes(get_le(area.data + AT_PARTS, 2)) == area.size;
}

/* The state is set and synced before an entry is overwritten. A record that was torn before it was
 * durable has a wrong CRC and no state. */
bool seal_area_is_whole(struct slice area)
{
    if (!has_head(area))
        return false;
    uint32_t crc = crc32c(0, slice_sub(area, AT_VERSION, SIZE_MAX));
    return crc == get_le(area.data + AT_CRC, 4) ||
           get_le(area.data + AT_STATE, 4) == SEAL_AREA_ERASED;
}

size_t seal_area_parts(struct slice area)
{
    return has_head(area) ? (size_t)get_le(area.data + AT_PARTS, 2) : 0;
}

static const uint8_t *entry_at(struct slice area, size_t part)
{
    return area.data + seal_area_bytes(part);
}

static bool is_overwritten(const uint8_t *bytes, size_t size)
{
    size_t n = 0;
    while (n < size && bytes[n] == SEAL_ERASED_BYTE)
        n++;
    return n == size;
}

static bool is_erased(const uint8_t *entry)
{
    return is_overwritten(entry, SEAL_ENTRY_BYTES);
}

/* Its beginning or its end: a disk writes whole sectors, and entries begin at multiples of 8. */
static bool is_torn(const uint8_t *entry)
{
    return is_overwritten(entry, 8) || is_overwritten(entry + AT_KEY_ID, 4);
}

bool seal_area_vehicle(struct slice area, size_t part, uint8_t vehicle[SEAL_VEHICLE_BYTES])
{
    if (part >= seal_area_parts(area) || is_erased(entry_at(area, part)))
        return false;
    memcpy(vehicle, entry_at(area, part), SEAL_VEHICLE_BYTES);
    return true;
}

/* Of an entry that is not erased as a whole. */
static enum status unwrap(const uint8_t *entry, const struct seal_key *key,
                          const uint8_t batch_uid[UUID_BYTES], struct seal_entry *out, bool *good)
{
    uint8_t wrapping[SEAL_KEY_BYTES], clear[SEAL_KEY_BYTES + SEAL_SEED_BYTES];
    struct seal_cipher *cipher = seal_cipher_create();
    if (!cipher)
        return STATUS_NO_MEMORY;
    entry_key(key, batch_uid, wrapping);
    *good = seal_unwrap(cipher, wrapping, entry + AT_NONCE, slice_make(entry, SEAL_VEHICLE_BYTES),
                        slice_make(entry + AT_SEALED, sizeof clear + SEAL_TAG_BYTES), clear);
    if (*good) {
        memcpy(out->vehicle, entry, SEAL_VEHICLE_BYTES);
        memcpy(out->data_key, clear, SEAL_KEY_BYTES);
        memcpy(out->seed, clear + SEAL_KEY_BYTES, SEAL_SEED_BYTES);
    }
    explicit_bzero(clear, sizeof clear);
    explicit_bzero(wrapping, sizeof wrapping);
    seal_cipher_destroy(cipher);
    return STATUS_OK;
}

enum status seal_area_open(struct slice area, size_t part, const struct seal_keys *keys,
                           const uint8_t batch_uid[UUID_BYTES], struct seal_entry *entry,
                           enum seal_state *state, uint32_t *key_id)
{
    bool good = false;
    if (!has_head(area)) {
        *state = SEAL_DAMAGED;
        return STATUS_OK;
    }
    if (part >= seal_area_parts(area)) {
        *state = SEAL_ABSENT;
        return STATUS_OK;
    }
    const uint8_t *bytes = entry_at(area, part);
    if (is_erased(bytes)) {
        *state = SEAL_ERASED;
        return STATUS_OK;
    }
    uint32_t id = (uint32_t)get_le(bytes + AT_KEY_ID, 4);
    const struct seal_key *key = seal_keys_find(keys, id);
    if (key_id)
        *key_id = id;
    enum status status = key ? unwrap(bytes, key, batch_uid, entry, &good) : STATUS_OK;
    /* An erasure that was interrupted leaves an entry that is half overwritten. */
    bool begun = get_le(area.data + AT_STATE, 4) == SEAL_AREA_ERASED;
    bool torn = begun && (key || is_torn(bytes));
    *state = good ? SEAL_OPEN : torn ? SEAL_ERASED : SEAL_NO_KEY;
    return status;
}

void seal_area_erase(uint8_t *area, size_t size, size_t part)
{
    ensure(part < seal_area_parts(slice_make(area, size)));
    memset(area + seal_area_bytes(part), SEAL_ERASED_BYTE, SEAL_ENTRY_BYTES);
    seal_area_finish(area, size, SEAL_AREA_ERASED);
}
