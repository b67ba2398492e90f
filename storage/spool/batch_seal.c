/* batch_seal.c: commits to the parts of a batch and encrypts them. The owner's thread, in pieces if
 * it likes. Does not write the record: spool_frame.c. */
#include "storage/spool/batch_seal.h"

#include <stdlib.h>

#include "core/thread.h"

/* Large enough that the calls cost nothing, small enough for a slice of a millisecond. */
#define PIECE_BYTES ((size_t)64 * 1024)

bool batch_seal_encrypts(const struct seal_keys *keys)
{
    return seal_keys_newest(keys) && keys->encrypts;
}

void batch_seal_begin(struct batch *batch)
{
    if (batch->seal.begun)
        return;
    random_bytes(batch->seal.entry.seed, sizeof batch->seal.entry.seed);
    random_bytes(batch->seal.entry.data_key, sizeof batch->seal.entry.data_key);
    batch->seal.begun = true;
}

void batch_seal_body_salt(const struct batch *batch, struct hmac_key *salt)
{
    ensure(batch->seal.begun);
    seal_salt(batch->seal.entry.seed, SEAL_BODY, salt);
}

struct sealing {
    struct batch *batch;
    const struct batch_pace *pace;
    struct sha256 *hash;
    struct seal_cipher *cipher;
    bool encrypts, commits; /* the current part */
};

static bool pass(const struct sealing *s, size_t bytes)
{
    return !s->pace || s->pace->pace(s->pace->arg, bytes);
}

static bool seal_bytes(struct sealing *s, struct slice bytes)
{
    while (bytes.size) {
        struct slice piece = slice_sub(bytes, 0, PIECE_BYTES);
        if (s->commits)
            sha256_update(s->hash, piece);
        if (s->encrypts)
            seal_cipher_add(s->cipher, (uint8_t *)(uintptr_t)piece.data, piece.size);
        if (!pass(s, piece.size))
            return false;
        bytes = slice_sub(bytes, piece.size, SIZE_MAX);
    }
    return true;
}

static bool seal_parts(struct sealing *s, enum seal_part part, const struct slice *pieces,
                       size_t count, uint8_t *commitment, uint8_t *tag)
{
    const struct seal_entry *entry = &s->batch->seal.entry;
    struct hmac_key salt;
    if (!s->commits && !s->encrypts)
        return true;
    seal_salt(entry->seed, part, &salt);
    hmac_key_start(&salt, s->hash);
    if (s->encrypts)
        seal_cipher_begin(s->cipher, entry->data_key, part);
    bool good = true;
    for (size_t i = 0; i < count && good; i++)
        good = seal_bytes(s, pieces[i]);
    if (good && s->commits)
        hmac_key_finish(&salt, s->hash, commitment);
    if (good && s->encrypts)
        seal_cipher_end(s->cipher, tag);
    explicit_bzero(&salt, sizeof salt);
    return good;
}

/* What a key and a commitment cost beside the bytes, in bytes of work. */
#define WORK_OF_PART 4096

/* Events and records of one part; at: where each run begins; records: where those of the part do.
 */
static bool seal_part(struct sealing *s, size_t part, const size_t *at, size_t records)
{
    struct batch_parts *parts = s->batch->parts;
    struct seal_row *row = &parts->table.rows[part];
    const struct seal_entry *entry = &parts->entries[part];
    struct slice bytes = writer_slice(&s->batch->events);
    uint8_t tag[SEAL_TAG_BYTES];
    struct hmac_key salt;
    seal_salt(entry->seed, SEAL_EVENTS, &salt);
    hmac_key_start(&salt, s->hash);
    seal_cipher_begin(s->cipher, entry->data_key, SEAL_EVENTS);
    bool good = pass(s, WORK_OF_PART);
    for (uint32_t i = parts->table.first[part]; i < parts->table.first[part + 1] && good; i++) {
        uint32_t run = parts->table.order[i];
        good = seal_bytes(s, slice_sub(bytes, at[run], parts->table.run[run].bytes));
    }
    good = good && seal_bytes(s, slice_sub(bytes, records, row->records_bytes));
    hmac_key_finish(&salt, s->hash, row->commitment);
    seal_cipher_end(s->cipher, tag);
    writer_bytes(&parts->tags, tag, sizeof tag);
    explicit_bzero(&salt, sizeof salt);
    return good;
}

/* The key area: an entry for each part. */
static enum status wrap_parts(struct sealing *s, const struct seal_keys *keys)
{
    struct batch_parts *parts = s->batch->parts;
    struct seal_area_maker maker;
    enum status status =
        seal_area_begin(&maker, &parts->area, keys, s->batch->meta.batch_uid, parts->table.parts);
    if (status != STATUS_OK)
        return status;
    bool good = true;
    for (size_t i = 0; i < parts->table.parts && good; i++) {
        seal_area_add(&maker, &parts->entries[i]);
        good = pass(s, WORK_OF_PART);
    }
    status = seal_area_end(&maker);
    return good ? status : STATUS_CLOSED;
}

/* Commits to each part and encrypts it. The commitment of the events is a plain hash of the table:
 * what could be guessed is below the salted commitments in it. */
static enum status seal_events_by_part(struct sealing *s, const struct seal_keys *keys)
{
    struct batch_parts *parts = s->batch->parts;
    const struct seal_table *table = &parts->table;
    size_t *at = calloc(table->runs + 1, sizeof *at), records = table->events_bytes;
    if (!at)
        return STATUS_NO_MEMORY;
    bool good = true;
    s->commits = true;
    for (size_t i = 0; i < table->runs; i++)
        at[i + 1] = at[i] + table->run[i].bytes;
    for (size_t p = 0; p < table->parts && good; p++) {
        good = seal_part(s, p, at, records);
        records += table->rows[p].records_bytes;
    }
    free(at);
    if (!good)
        return STATUS_CLOSED;
    ensure(records == s->batch->events.size);
    seal_table_write(&parts->bytes, table);
    sha256_bytes(writer_slice(&parts->bytes), s->batch->meta.events_commitment);
    if (parts->bytes.status != STATUS_OK || parts->tags.status != STATUS_OK)
        return STATUS_NO_MEMORY;
    return wrap_parts(s, keys);
}

static bool seal_events(struct sealing *s)
{
    struct batch *batch = s->batch;
    struct slice events = writer_slice(&batch->events);
    s->commits = true;
    return seal_parts(s, SEAL_EVENTS, &events, 1, batch->meta.events_commitment,
                      batch->seal.events_tag);
}

static bool seal_body(struct sealing *s)
{
    struct batch *batch = s->batch;
    s->commits = !batch->seal.body_committed;
    return seal_parts(s, SEAL_BODY, batch->body, batch->body_count, batch->meta.body_commitment,
                      batch->seal.body_tag);
}

enum status batch_seal(struct batch *batch, const struct seal_keys *keys,
                       const struct batch_pace *pace)
{
    if (batch->seal.done)
        return STATUS_OK;
    batch_seal_begin(batch);
    struct sealing s = {.batch = batch, .pace = pace, .hash = sha256_create()};
    /* Other kinds name no vehicle, and are to be read without a key. */
    s.encrypts = batch_seal_encrypts(keys) && batch->meta.kind <= BATCH_KIND_EVENTS;
    if (s.encrypts)
        s.cipher = seal_cipher_create();
    ensure(s.encrypts || !batch->parts);
    enum status status = s.hash && (s.cipher || !s.encrypts) ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK && batch->parts)
        status = seal_events_by_part(&s, keys);
    else if (status == STATUS_OK && !seal_events(&s))
        status = STATUS_CLOSED;
    if (status == STATUS_OK && !seal_body(&s))
        status = STATUS_CLOSED;
    batch->seal.done = status == STATUS_OK;
    batch->seal.encrypted = batch->seal.done && s.encrypts;
    sha256_destroy(s.hash);
    seal_cipher_destroy(s.cipher);
    return status;
}
