/* seal_area.h: the key area of a record: an entry for each part, with data key and seed, wrapped.
 * The only bytes of a record that are ever overwritten: to erase a part. Thread: any. Bytes:
 * docs/spool-format.md §3. */
#ifndef VSOC_STORAGE_SPOOL_SEAL_AREA_H
#define VSOC_STORAGE_SPOOL_SEAL_AREA_H

#include "core/uuid7.h"
#include "core/writer.h"
#include "storage/spool/seal/seal.h"
#include "storage/spool/seal/seal_keys.h"

#define SEAL_VEHICLE_BYTES   32
#define SEAL_AREA_HEAD_BYTES 16
#define SEAL_ENTRY_BYTES     128
#define SEAL_PARTS_MAX       65535
#define SEAL_AREA_STATE_AT   12 /* u32: 0, or SEAL_AREA_ERASED from the first erasure on */
#define SEAL_AREA_ERASED     UINT32_C(0x53415245) /* "ERAS" */
#define SEAL_ERASED_BYTE     0xee                 /* an erased entry is full of it */

/* An entry, unwrapped. */
struct seal_entry {
    uint8_t vehicle[SEAL_VEHICLE_BYTES]; /* pid of the part's vehicle, or zeros */
    uint8_t data_key[SEAL_KEY_BYTES];
    uint8_t seed[SEAL_SEED_BYTES];
};

enum seal_state {
    SEAL_OPEN,    /* the entry is unwrapped */
    SEAL_ABSENT,  /* there is no entry: the spool had no keys */
    SEAL_ERASED,  /* by vsocd vehicle erase */
    SEAL_NO_KEY,  /* wrapped with a key that is not at hand, or whose bytes are other ones */
    SEAL_DAMAGED, /* the area, or a part of the record, has changed */
};

/* Size of an area with so many entries. */
size_t seal_area_bytes(size_t entries);
/* Appends an area whose entries are wrapped with the newest of keys; without keys it has none.
 * NO_MEMORY. */
enum status seal_area_write(struct writer *w, const struct seal_keys *keys,
                            const uint8_t batch_uid[UUID_BYTES], const struct seal_entry *entries,
                            size_t count) must_check;
/* The same in steps, for areas with many entries: begin, an add for each entry, end. keys have a
 * newest one. NO_MEMORY: nothing is held. */
struct seal_area_maker {
    struct writer *w;
    size_t from;
    struct seal_cipher *cipher;
    uint32_t key_id;
    uint8_t wrapping[SEAL_KEY_BYTES];
};
enum status seal_area_begin(struct seal_area_maker *maker, struct writer *w,
                            const struct seal_keys *keys, const uint8_t batch_uid[UUID_BYTES],
                            size_t count) must_check;
void seal_area_add(struct seal_area_maker *maker, const struct seal_entry *entry);
/* Also after fewer entries, where the area is not wanted any more. */
enum status seal_area_end(struct seal_area_maker *maker) must_check;
/* False: the bytes are not those of an area that was written completely. One whose erasure was
 * interrupted is whole. */
bool seal_area_is_whole(struct slice area);
/* Entries in a whole area. */
size_t seal_area_parts(struct slice area);
/* The pid of the part's vehicle. False: the part is erased, or there is no such part. */
bool seal_area_vehicle(struct slice area, size_t part, uint8_t vehicle[SEAL_VEHICLE_BYTES]);
/* Unwraps one entry of a whole area. *key_id: of the key that it is wrapped with, for SEAL_NO_KEY;
 * may be NULL. NO_MEMORY. */
enum status seal_area_open(struct slice area, size_t part, const struct seal_keys *keys,
                           const uint8_t batch_uid[UUID_BYTES], struct seal_entry *entry,
                           enum seal_state *state, uint32_t *key_id) must_check;
/* Overwrites one entry in memory and makes state and CRC right. */
void seal_area_erase(uint8_t *area, size_t size, size_t part);
/* The area's CRC and state, after its bytes were changed. */
void seal_area_finish(uint8_t *area, size_t size, uint32_t state);

#endif
