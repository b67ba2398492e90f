/* record_open.c: unwraps the keys of a record, deciphers its parts, compares them with their
 * commitments. The reader's thread. Does not decode events. */
#include "storage/spool/record_open.h"

#include <stdlib.h>

void record_opener_init(struct record_opener *opener)
{
    *opener = (struct record_opener){0};
}

static void wipe_parts(struct record_opener *o)
{
    if (o->items)
        explicit_bzero(o->items, o->item_room * sizeof *o->items);
    if (o->entries)
        explicit_bzero(o->entries, o->item_room * sizeof *o->entries);
}

void record_opener_fini(struct record_opener *opener)
{
    seal_cipher_destroy(opener->cipher);
    if (opener->buffer)
        explicit_bzero(opener->buffer, opener->capacity);
    free(opener->buffer);
    wipe_parts(opener);
    free(opener->items);
    free(opener->entries);
    free(opener->runs);
    seal_table_fini(&opener->table);
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

static enum status open_whole(struct record_opener *o, const struct seal_entry *entry,
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

/* --- records with parts --------------------------------------------------------------------- */

static enum status room_for_parts(struct record_opener *o)
{
    size_t parts = o->table.parts, runs = o->table.runs;
    if (parts > o->item_room) {
        wipe_parts(o);
        free(o->items);
        free(o->entries);
        o->item_room = 0;
        o->items = calloc(parts, sizeof *o->items);
        o->entries = calloc(parts, sizeof *o->entries);
        if (!o->items || !o->entries)
            return STATUS_NO_MEMORY;
        o->item_room = parts;
    }
    if (runs > o->run_room) {
        free(o->runs);
        o->run_room = 0;
        o->runs = calloc(runs, sizeof *o->runs);
        if (!o->runs)
            return STATUS_NO_MEMORY;
        o->run_room = runs;
    }
    return STATUS_OK;
}

/* The worst of the states that stop a reader; else open as soon as one part is. */
static enum seal_state joined_state(enum seal_state a, enum seal_state b)
{
    static const unsigned rank[] = {[SEAL_ERASED] = 0,
                                    [SEAL_OPEN] = 1,
                                    [SEAL_ABSENT] = 2,
                                    [SEAL_NO_KEY] = 3,
                                    [SEAL_DAMAGED] = 4};
    return rank[a] > rank[b] ? a : b;
}

static enum status unwrap_parts(struct record_opener *o, struct batch_record *record)
{
    record->state = SEAL_ERASED;
    o->parts.erased = o->parts.erased_items = 0;
    for (size_t i = 0; i < o->table.parts; i++) {
        struct record_part *part = &o->items[i];
        uint32_t key_id = 0;
        *part = (struct record_part){0};
        enum status status = seal_area_open(record->key_area, i, o->keys, record->meta.batch_uid,
                                            &o->entries[i], &part->state, &key_id);
        if (status != STATUS_OK)
            return status;
        if (part->state == SEAL_NO_KEY)
            record->key_id = key_id;
        if (part->state == SEAL_OPEN) {
            memcpy(part->vehicle, o->entries[i].vehicle, sizeof part->vehicle);
            memcpy(part->seed, o->entries[i].seed, sizeof part->seed);
        } else if (part->state == SEAL_ERASED) {
            o->parts.erased += i >= SEAL_PART_FIRST_VEHICLE;
            o->parts.erased_items += o->table.rows[i].items;
        }
        record->state = joined_state(record->state, part->state);
    }
    return STATUS_OK;
}

/* Where each run is now and where it goes: runs of erased parts are left out. */
static size_t place_runs(struct record_opener *o, struct slice stored)
{
    size_t from = 0, to = 0;
    for (size_t i = 0; i < o->table.runs; i++) {
        const struct seal_run *run = &o->table.run[i];
        bool open = o->items[run->part].state == SEAL_OPEN;
        o->runs[i] = slice_sub(stored, from, open ? run->bytes : 0);
        from += run->bytes;
        to += open ? run->bytes : 0;
    }
    return to;
}

/* Deciphers the runs in place of the buffer, part by part; moves each slice there. */
static void assign_targets(struct record_opener *o, uint8_t **targets)
{
    size_t to = 0;
    for (size_t i = 0; i < o->table.runs; i++) {
        targets[i] = o->buffer + to;
        to += o->runs[i].size;
    }
}

static void read_piece(struct record_opener *o, struct slice *piece, uint8_t *to)
{
    if (piece->size)
        seal_cipher_read(o->cipher, *piece, to);
    *piece = slice_make(to, piece->size);
}

static bool read_part(struct record_opener *o, size_t n, uint8_t *const *targets,
                      struct slice records, uint8_t *to, const uint8_t *tag)
{
    seal_cipher_begin_open(o->cipher, o->entries[n].data_key, SEAL_EVENTS);
    for (uint32_t i = o->table.first[n]; i < o->table.first[n + 1]; i++) {
        uint32_t run = o->table.order[i];
        read_piece(o, &o->runs[run], targets[run]);
    }
    read_piece(o, &records, to);
    o->items[n].records = records;
    return seal_cipher_end_open(o->cipher, tag);
}

/* stored: runs, records, tags. Leaves the clear runs at the buffer's beginning. */
static enum status read_parts(struct record_opener *o, struct batch_record *record,
                              struct slice stored)
{
    const struct seal_table *t = &o->table;
    size_t events = place_runs(o, stored), at = t->events_bytes, to = events;
    uint8_t **targets = calloc(t->runs + 1, sizeof *targets);
    if (!targets)
        return STATUS_NO_MEMORY;
    assign_targets(o, targets);
    const uint8_t *tags = stored.data + t->events_bytes + t->records_bytes;
    for (size_t n = 0; n < t->parts; n++) {
        size_t size = t->rows[n].records_bytes;
        bool open = o->items[n].state == SEAL_OPEN;
        if (open && !read_part(o, n, targets, slice_sub(stored, at, size), o->buffer + to,
                               tags + n * SEAL_TAG_BYTES))
            record->state = SEAL_DAMAGED;
        at += size;
        to += open ? size : 0;
    }
    free(targets);
    record->events = slice_make(o->buffer, events);
    return STATUS_OK;
}

static enum status open_shared_body(struct record_opener *o, struct batch_record *record, size_t at)
{
    struct slice body = record->body;
    bool wanted = !o->without_body && o->items[SEAL_PART_SHARED].state == SEAL_OPEN;
    if (wanted && !open_part(o, &o->entries[SEAL_PART_SHARED], SEAL_BODY, &body, at))
        record->state = SEAL_DAMAGED;
    record->body = wanted ? body : SLICE_EMPTY;
    return STATUS_OK;
}

static enum status open_by_part(struct record_opener *o, struct batch_record *record)
{
    size_t table;
    enum status status = seal_table_read(record->events, &o->table, &table);
    bool fits =
        status == STATUS_OK && o->table.parts == seal_area_parts(record->key_area) &&
        table + o->table.events_bytes + o->table.records_bytes + o->table.parts * SEAL_TAG_BYTES ==
            record->events.size;
    if (status == STATUS_NO_MEMORY)
        return status;
    if (!fits) {
        record->state = SEAL_DAMAGED;
        return STATUS_OK;
    }
    status = room_for_parts(o);
    if (status == STATUS_OK)
        status = unwrap_parts(o, record);
    if (status != STATUS_OK || record->state != SEAL_OPEN)
        return status;
    struct slice stored = slice_sub(record->events, table, SIZE_MAX);
    o->parts.table_bytes = slice_sub(record->events, 0, table);
    status = make_room(o, stored.size + record->body.size);
    if (status == STATUS_OK)
        status = read_parts(o, record, stored);
    if (status == STATUS_OK)
        status = open_shared_body(o, record, stored.size);
    if (status != STATUS_OK || record->state != SEAL_OPEN)
        return status;
    o->parts.table = &o->table;
    o->parts.items = o->items;
    o->parts.runs = o->runs;
    record->parts = &o->parts;
    memcpy(record->seed, o->items[SEAL_PART_OWN].seed, sizeof record->seed);
    record->sealed = false;
    return STATUS_OK;
}

static enum status open_single(struct record_opener *o, struct batch_record *record)
{
    struct seal_entry entry;
    enum status status = seal_area_open(record->key_area, 0, o->keys, record->meta.batch_uid,
                                        &entry, &record->state, &record->key_id);
    if (status == STATUS_OK && record->state == SEAL_OPEN) {
        memcpy(record->seed, entry.seed, sizeof record->seed);
        if (record->sealed)
            status = open_whole(o, &entry, record);
    }
    explicit_bzero(&entry, sizeof entry);
    return status;
}

enum status record_open(struct record_opener *o, struct batch_record *record)
{
    record->state = SEAL_ABSENT;
    record->key_id = 0;
    if (record->meta.version == 1)
        return STATUS_OK;
    enum status status = record->has_parts ? open_by_part(o, record) : open_single(o, record);
    if (record->sealed)
        record->events = record->body = SLICE_EMPTY;
    return status;
}

/* --- erasures ------------------------------------------------------------------------------- */

uint64_t record_erasures(const struct batch_record *record)
{
    if (record->state == SEAL_ERASED) {
        size_t parts = seal_area_parts(record->key_area);
        return parts > SEAL_PART_FIRST_VEHICLE ? parts - SEAL_PART_FIRST_VEHICLE : 1;
    }
    if (!record->parts)
        return 0;
    const struct record_part *items = record->parts->items;
    uint64_t needs = record->parts->erased;
    needs += items[SEAL_PART_OWN].state == SEAL_ERASED; /* no erasure takes it */
    return needs ? needs : items[SEAL_PART_SHARED].state == SEAL_ERASED;
}

/* --- commitments ---------------------------------------------------------------------------- */

void record_part_write(struct writer *w, const struct batch_record *record, size_t n)
{
    const struct record_parts *parts = record->parts;
    for (uint32_t i = parts->table->first[n]; i < parts->table->first[n + 1]; i++)
        writer_add_slice(w, parts->runs[parts->table->order[i]]);
    writer_add_slice(w, parts->items[n].records);
}

static bool are_parts_committed(const struct batch_record *record)
{
    const struct record_parts *parts = record->parts;
    uint8_t found[SHA256_BYTES];
    struct writer bytes;
    sha256_bytes(parts->table_bytes, found);
    bool good = memcmp(found, record->meta.events_commitment, sizeof found) == 0;
    writer_init(&bytes, SIZE_MAX / 2);
    for (size_t n = 0; n < parts->table->parts && good; n++) {
        if (parts->items[n].state != SEAL_OPEN)
            continue;
        writer_reset(&bytes);
        record_part_write(&bytes, record, n);
        seal_commit(parts->items[n].seed, SEAL_EVENTS, writer_slice(&bytes), found);
        good = bytes.status == STATUS_OK &&
               memcmp(found, parts->table->rows[n].commitment, sizeof found) == 0;
    }
    writer_fini(&bytes);
    return good;
}

bool record_is_committed(const struct batch_record *record, enum seal_part part)
{
    const struct batch_meta *m = &record->meta;
    const uint8_t *seed = record->seed, *expected = m->meta_commitment;
    struct slice bytes = record->meta_texts;
    uint8_t found[SHA256_BYTES];
    if (part == SEAL_EVENTS && record->parts)
        return are_parts_committed(record);
    if (part == SEAL_EVENTS) {
        bytes = record->events;
        expected = m->events_commitment;
    } else if (part == SEAL_BODY) {
        bytes = record->body;
        expected = m->body_commitment;
        if (record->parts && record->parts->items[SEAL_PART_SHARED].state != SEAL_OPEN)
            return true;
        if (record->parts)
            seed = record->parts->items[SEAL_PART_SHARED].seed;
    } else if (record->parts && record->parts->items[SEAL_PART_OWN].state != SEAL_OPEN) {
        return true;
    }
    seal_commit(seed, part, bytes, found);
    return memcmp(found, expected, sizeof found) == 0;
}
