/* record_open.c: unwraps the keys of a record and deciphers its parts. The reader's thread. Does
 * not compare commitments: verification does. */
#include "storage/spool/record_open.h"

#include <stdlib.h>

void record_opener_init(struct record_opener *opener)
{
    *opener = (struct record_opener){0};
}

void record_opener_fini(struct record_opener *opener)
{
    seal_cipher_destroy(opener->cipher);
    if (opener->buffer)
        explicit_bzero(opener->buffer, opener->capacity);
    free(opener->buffer);
    record_opener_init(opener);
}

static enum status make_room(struct record_opener *o, size_t bytes)
{
    if (!o->cipher)
        o->cipher = seal_cipher_create();
    if (!o->cipher)
        return STATUS_NO_MEMORY;
    if (bytes <= o->capacity)
        return STATUS_OK;
    free(o->buffer);
    o->capacity = 0;
    o->buffer = malloc(bytes);
    if (!o->buffer)
        return STATUS_NO_MEMORY;
    o->capacity = bytes;
    return STATUS_OK;
}

/* Deciphers one part to the buffer's offset. */
static bool open_part(struct record_opener *o, const struct seal_entry *entry, enum seal_part part,
                      struct slice *bytes, size_t at)
{
    if (!seal_cipher_open(o->cipher, entry->data_key, part, *bytes, o->buffer + at))
        return false;
    *bytes = slice_make(o->buffer + at, bytes->size - SEAL_TAG_BYTES);
    return true;
}

static enum status open_parts(struct record_opener *o, const struct seal_entry *entry,
                              struct batch_record *record)
{
    struct slice events = record->events, body = record->body;
    enum status status = make_room(o, events.size + body.size);
    if (status != STATUS_OK)
        return status;
    bool good = open_part(o, entry, SEAL_EVENTS, &events, 0) &&
                (o->without_body || open_part(o, entry, SEAL_BODY, &body, events.size));
    if (!good) {
        record->state = SEAL_DAMAGED;
        return STATUS_OK;
    }
    record->events = events;
    record->body = o->without_body ? SLICE_EMPTY : body;
    record->sealed = false;
    return STATUS_OK;
}

enum status record_open(struct record_opener *o, struct batch_record *record)
{
    struct seal_entry entry;
    record->state = SEAL_ABSENT;
    record->key_id = 0;
    if (record->meta.version == 1)
        return STATUS_OK;
    enum status status = seal_area_open(record->key_area, 0, o->keys, record->meta.batch_uid,
                                        &entry, &record->state, &record->key_id);
    if (status == STATUS_OK && record->state == SEAL_OPEN) {
        memcpy(record->seed, entry.seed, sizeof record->seed);
        if (record->sealed)
            status = open_parts(o, &entry, record);
    }
    explicit_bzero(&entry, sizeof entry);
    if (record->sealed)
        record->events = record->body = SLICE_EMPTY;
    return status;
}
