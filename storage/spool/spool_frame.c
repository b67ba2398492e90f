/* spool_frame.c: record ↔ bytes of a segment. Any thread; works on memory alone. Does not read or
 * write files and does not judge the order of records. */
#include "storage/spool/spool_frame.h"

#include "core/reader.h"
#include "core/thread.h"
#include "storage/spool/batch_seal.h"

/* Byte offsets in the header, docs/spool-format.md §3. */
enum {
    AT_HEADER_CRC = 4,
    AT_RECORD_BYTES = 8,
    AT_VERSION = 13,
    AT_TAG = 16,
    AT_POSITION = 24,
    AT_EVENTS_BEFORE = 32,
    AT_INGESTED_NS = 48,
    AT_LEAF_INDEX = 280,
    AT_CHAIN_HASH = 288,
    AT_CHAIN_HASH_V1 = 208,
};

static void put_le(uint8_t *to, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + SPOOL_RECORD_ALIGN - 1) / SPOOL_RECORD_ALIGN * SPOOL_RECORD_ALIGN;
}

/* The texts of a record's meta, in the order of the format. */
#define META_TEXTS 12
/* The number of texts in the first version; an older record has no more. */
#define META_TEXTS_FIRST 11
static void meta_texts(struct batch_meta *meta, struct slice *texts[META_TEXTS])
{
    struct slice *order[META_TEXTS] = {
        &meta->tenant,         &meta->sender,           &meta->transport_identity,
        &meta->content_type,   &meta->content_encoding, &meta->format,
        &meta->parser_version, &meta->idempotency_key,  &meta->traceparent,
        &meta->request_id,     &meta->report_errors,    &meta->inflated_digest,
    };
    memcpy(texts, order, sizeof order);
}

static void write_texts(struct writer *w, struct batch_meta *meta)
{
    struct slice *texts[META_TEXTS];
    meta_texts(meta, texts);
    for (size_t i = 0; i < META_TEXTS && (i < META_TEXTS_FIRST || texts[i]->size); i++) {
        writer_varint(w, texts[i]->size);
        writer_add_slice(w, *texts[i]);
    }
}

/* Unknown further texts are a later addition and are skipped. */
static enum status read_texts(struct slice bytes, struct batch_meta *meta)
{
    struct reader r = reader_make(bytes);
    struct slice *texts[META_TEXTS];
    meta_texts(meta, texts);
    for (size_t i = 0; i < META_TEXTS && (i < META_TEXTS_FIRST || reader_left(&r)); i++) {
        uint64_t size = reader_varint(&r);
        if (r.status != STATUS_OK || size > reader_left(&r))
            return STATUS_CORRUPT;
        *texts[i] = reader_bytes(&r, (size_t)size);
    }
    return STATUS_OK;
}

static uint64_t body_bytes(const struct batch *batch)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < batch->body_count; i++)
        bytes += batch->body[i].size;
    return bytes;
}

/* Of a batch with parts: the table before its events. It is written with the frame. */
static struct slice table_of(const struct batch *batch)
{
    return batch->parts ? writer_slice(&batch->parts->bytes) : SLICE_EMPTY;
}

static uint32_t payload_crc(const struct batch *batch, struct slice meta)
{
    uint32_t crc = crc32c(crc32c(0, meta), table_of(batch));
    crc = crc32c(crc, writer_slice(&batch->events));
    crc = crc32c(crc, spool_frame_events_tag(batch));
    for (size_t i = 0; i < batch->body_count; i++)
        crc = crc32c(crc, batch->body[i]);
    crc = crc32c(crc, spool_frame_body_tag(batch));
    return crc32c(crc, spool_frame_padding(batch));
}

/* Everything of the header but tag, place and chain, which spool_frame_seal fills in. */
static void write_header(struct writer *w, const struct spool_frame *frame)
{
    static const uint8_t place[24], chain[SHA256_BYTES];
    const struct batch_meta *meta = &frame->meta;
    writer_uint_le(w, SPOOL_RECORD_MAGIC, 4);
    writer_uint_le(w, 0, 4);
    writer_uint_le(w, frame->record_bytes, 4);
    writer_u8(w, meta->kind);
    writer_u8(w, SPOOL_RECORD_VERSION);
    writer_uint_le(w, SPOOL_RECORD_HEADER_BYTES, 2);
    writer_bytes(w, place, sizeof place); /* tag, position, events_before */
    writer_uint_le(w, (uint64_t)meta->received_ns, 8);
    writer_uint_le(w, 0, 8); /* ingested_ns */
    writer_bytes(w, meta->batch_uid, UUID_BYTES);
    writer_bytes(w, meta->key, SHA256_BYTES);
    writer_bytes(w, meta->body_digest, SHA256_BYTES);
    writer_bytes(w, meta->body_commitment, SHA256_BYTES);
    writer_uint_le(w, meta->inflated_bytes, 8);
    writer_uint_le(w, frame->meta_bytes, 4);
    writer_uint_le(w, frame->events_bytes, 4);
    writer_uint_le(w, frame->body_bytes, 4);
    writer_uint_le(w, frame->payload_crc, 4);
    writer_uint_le(w, meta->accepted, 4);
    writer_uint_le(w, meta->duplicates, 4);
    writer_uint_le(w, meta->quarantined, 4);
    writer_uint_le(w,
                   SPOOL_RECORD_KEYED | (frame->sealed ? SPOOL_RECORD_SEALED : 0) |
                       (frame->has_parts ? SPOOL_RECORD_PARTS : 0),
                   4);
    writer_bytes(w, meta->meta_commitment, SHA256_BYTES);
    writer_bytes(w, meta->events_commitment, SHA256_BYTES);
    writer_uint_le(w, frame->key_bytes, 4);
    writer_uint_le(w, 0, 4);
    writer_uint_le(w, 0, 8); /* leaf_index */
    writer_bytes(w, chain, sizeof chain);
}

/* Bytes after the frame: events and body as stored. */
static uint64_t parts_bytes(const struct batch *batch)
{
    size_t tags = spool_frame_events_tag(batch).size + spool_frame_body_tag(batch).size;
    return batch->events.size + batch->meta.body_bytes + tags;
}

static enum status write_area(struct batch *batch, const struct seal_keys *keys)
{
    struct writer *w = &batch->frame;
    if (!batch->parts)
        return seal_area_write(w, keys, batch->meta.batch_uid, &batch->seal.entry, 1);
    writer_add_slice(w, writer_slice(&batch->parts->area));
    return w->status;
}

/* Key area, meta texts and table behind a blank header; *meta: the texts' bytes. */
static enum status write_frame(struct batch *batch, const struct seal_keys *keys,
                               struct slice *meta)
{
    struct writer *w = &batch->frame;
    struct slice table = table_of(batch);
    w->limit = SPOOL_RECORD_HEADER_BYTES + SPOOL_KEY_AREA_MAX + SPOOL_META_BYTES_MAX + table.size;
    writer_reset(w);
    write_header(w, &(struct spool_frame){0});
    enum status status = write_area(batch, keys);
    if (status != STATUS_OK)
        return status;
    size_t texts = w->size;
    write_texts(w, &batch->meta);
    size_t size = w->size - texts;
    writer_add_slice(w, table);
    *meta = slice_sub(writer_slice(w), texts, size);
    return w->status == STATUS_OK && size > SPOOL_META_BYTES_MAX ? STATUS_TOO_LARGE : w->status;
}

enum status spool_frame_prepare(struct batch *batch, const struct seal_keys *keys)
{
    struct batch_meta *m = &batch->meta;
    struct writer *w = &batch->frame;
    struct slice meta;
    if (batch->events.status != STATUS_OK)
        return batch->events.status;
    m->body_bytes = body_bytes(batch);
    if (m->body_bytes > SPOOL_RECORD_BYTES_MAX || batch->events.size > SPOOL_RECORD_BYTES_MAX)
        return STATUS_TOO_LARGE;
    enum status status = batch_seal(batch, keys, NULL);
    if (status == STATUS_OK)
        status = write_frame(batch, keys, &meta);
    if (status != STATUS_OK)
        return status;
    if (round_up(w->size + parts_bytes(batch)) > SPOOL_RECORD_BYTES_MAX)
        return STATUS_TOO_LARGE;
    m->version = SPOOL_RECORD_VERSION;
    m->kind = m->kind ? m->kind : BATCH_KIND_EVENTS;
    const struct seal_entry *own =
        batch->parts ? &batch->parts->entries[SEAL_PART_OWN] : &batch->seal.entry;
    seal_commit(own->seed, SEAL_META, meta, m->meta_commitment);
    size_t table = table_of(batch).size;
    struct spool_frame frame = {
        .record_bytes = (uint32_t)round_up(w->size + parts_bytes(batch)),
        .key_bytes = (uint32_t)(w->size - SPOOL_RECORD_HEADER_BYTES - meta.size - table),
        .meta_bytes = (uint32_t)meta.size,
        .events_bytes = (uint32_t)(table + batch->events.size + spool_frame_events_tag(batch).size),
        .body_bytes = (uint32_t)(m->body_bytes + spool_frame_body_tag(batch).size),
        .payload_crc = payload_crc(batch, meta),
        .sealed = batch->seal.encrypted,
        .has_parts = batch->parts != NULL,
        .meta = *m,
    };
    size_t end = w->size;
    w->size = 0; /* the header overwrites the blank one; what follows it stays */
    write_header(w, &frame);
    w->size = end;
    return STATUS_OK;
}

uint32_t spool_frame_bytes(const struct batch *batch)
{
    return (uint32_t)round_up(batch->frame.size + parts_bytes(batch));
}

struct slice spool_frame_events_tag(const struct batch *batch)
{
    if (batch->parts)
        return writer_slice(&batch->parts->tags);
    return slice_make(batch->seal.events_tag, batch->seal.encrypted ? SEAL_TAG_BYTES : 0);
}

struct slice spool_frame_body_tag(const struct batch *batch)
{
    return slice_make(batch->seal.body_tag, batch->seal.encrypted ? SEAL_TAG_BYTES : 0);
}

struct slice spool_frame_padding(const struct batch *batch)
{
    static const uint8_t zeros[SPOOL_RECORD_ALIGN];
    uint64_t bytes = batch->frame.size + parts_bytes(batch);
    return slice_make(zeros, (size_t)(round_up(bytes) - bytes));
}

/* Size of an intact header, and where its chain hash is. */
static size_t chain_at(struct slice header)
{
    bool first = header.size < SPOOL_RECORD_HEADER_BYTES || header.data[AT_VERSION] == 1;
    return first ? AT_CHAIN_HASH_V1 : AT_CHAIN_HASH;
}

void spool_frame_chain(struct slice header, struct sha256 *hash, const uint8_t chain[SHA256_BYTES],
                       uint8_t digest[SHA256_BYTES])
{
    sha256_start(hash);
    sha256_update(hash, slice_make(chain, SHA256_BYTES));
    sha256_update(hash, slice_sub(header, AT_RECORD_BYTES, chain_at(header) - AT_RECORD_BYTES));
    sha256_finish(hash, digest);
}

static uint32_t header_crc(struct slice header)
{
    return crc32c(0, slice_sub(header, AT_RECORD_BYTES, SIZE_MAX));
}

void spool_frame_seal(struct batch *batch, uint64_t tag, struct sha256 *hash,
                      uint8_t chain[SHA256_BYTES])
{
    ensure(batch->frame.size >= SPOOL_RECORD_HEADER_BYTES);
    uint8_t *bytes = batch->frame.data;
    struct slice header = slice_make(bytes, SPOOL_RECORD_HEADER_BYTES);
    put_le(bytes + AT_TAG, tag, 8);
    put_le(bytes + AT_POSITION, batch->meta.position, 8);
    put_le(bytes + AT_EVENTS_BEFORE, batch->meta.events_before, 8);
    put_le(bytes + AT_INGESTED_NS, (uint64_t)batch->meta.ingested_ns, 8);
    put_le(bytes + AT_LEAF_INDEX, batch->meta.leaf_index, 8);
    spool_frame_chain(header, hash, chain, batch->meta.chain_hash);
    memcpy(chain, batch->meta.chain_hash, SHA256_BYTES);
    memcpy(bytes + AT_CHAIN_HASH, chain, SHA256_BYTES);
    put_le(bytes + AT_HEADER_CRC, header_crc(header), 4);
}

static void read_copy(struct reader *r, uint8_t *to, size_t size)
{
    struct slice s = reader_bytes(r, size);
    memcpy(to, s.data, s.size);
}

/* The rest of a header after the chained fields of version 1. */
static void read_rest(struct reader *r, struct spool_frame *frame)
{
    struct batch_meta *meta = &frame->meta;
    if (meta->version == 1) {
        meta->leaf_index = BATCH_NO_LEAF;
        memcpy(frame->content_sha256, meta->body_commitment, SHA256_BYTES);
        memset(meta->body_commitment, 0, SHA256_BYTES);
    } else {
        read_copy(r, meta->meta_commitment, SHA256_BYTES);
        read_copy(r, meta->events_commitment, SHA256_BYTES);
        frame->key_bytes = (uint32_t)reader_uint_le(r, 4);
        (void)reader_uint_le(r, 4);
        meta->leaf_index = reader_uint_le(r, 8);
    }
    read_copy(r, meta->chain_hash, SHA256_BYTES);
}

static void read_header(struct reader *r, struct spool_frame *frame)
{
    struct batch_meta *meta = &frame->meta;
    meta->position = reader_uint_le(r, 8);
    meta->events_before = reader_uint_le(r, 8);
    meta->received_ns = (int64_t)reader_uint_le(r, 8);
    meta->ingested_ns = (int64_t)reader_uint_le(r, 8);
    read_copy(r, meta->batch_uid, UUID_BYTES);
    read_copy(r, meta->key, SHA256_BYTES);
    read_copy(r, meta->body_digest, SHA256_BYTES);
    read_copy(r, meta->body_commitment, SHA256_BYTES);
    meta->inflated_bytes = reader_uint_le(r, 8);
    frame->meta_bytes = (uint32_t)reader_uint_le(r, 4);
    frame->events_bytes = (uint32_t)reader_uint_le(r, 4);
    frame->body_bytes = (uint32_t)reader_uint_le(r, 4);
    frame->payload_crc = (uint32_t)reader_uint_le(r, 4);
    meta->accepted = (uint32_t)reader_uint_le(r, 4);
    meta->duplicates = (uint32_t)reader_uint_le(r, 4);
    meta->quarantined = (uint32_t)reader_uint_le(r, 4);
    uint64_t flags = reader_uint_le(r, 4);
    meta->key_is_plain = !(flags & SPOOL_RECORD_KEYED);
    frame->sealed = meta->version > 1 && flags & SPOOL_RECORD_SEALED;
    frame->has_parts = frame->sealed && flags & SPOOL_RECORD_PARTS;
    read_rest(r, frame);
    uint32_t tag = frame->sealed ? SEAL_TAG_BYTES : 0;
    meta->body_bytes = frame->body_bytes >= tag ? frame->body_bytes - tag : 0;
}

static bool sizes_agree(const struct spool_frame *frame)
{
    uint64_t bytes = UINT64_C(0) + frame->header_bytes + frame->key_bytes + frame->meta_bytes +
                     frame->events_bytes + frame->body_bytes;
    uint32_t tag = frame->sealed ? SEAL_TAG_BYTES : 0;
    return round_up(bytes) == frame->record_bytes &&
           frame->record_bytes <= SPOOL_RECORD_BYTES_MAX && frame->events_bytes >= tag &&
           frame->body_bytes >= tag;
}

/* Size of the header of a version; 0: not known. */
static size_t header_bytes_of(uint8_t version)
{
    return version == 1                      ? SPOOL_RECORD_HEADER_MIN
           : version == SPOOL_RECORD_VERSION ? SPOOL_RECORD_HEADER_BYTES
                                             : 0;
}

enum status spool_frame_decode_header(struct slice bytes, uint64_t tag, struct spool_frame *frame)
{
    struct reader r = reader_make(bytes);
    if (reader_uint_le(&r, 4) != SPOOL_RECORD_MAGIC || bytes.size < SPOOL_RECORD_HEADER_MIN)
        return STATUS_CORRUPT;
    uint32_t crc = (uint32_t)reader_uint_le(&r, 4);
    struct spool_frame decoded = {.record_bytes = (uint32_t)reader_uint_le(&r, 4)};
    decoded.meta.kind = reader_u8(&r);
    decoded.meta.version = reader_u8(&r);
    decoded.header_bytes = (uint32_t)reader_uint_le(&r, 2);
    if (reader_uint_le(&r, 8) != tag || decoded.header_bytes < SPOOL_RECORD_HEADER_MIN ||
        decoded.header_bytes > bytes.size ||
        header_crc(slice_sub(bytes, 0, decoded.header_bytes)) != crc)
        return STATUS_CORRUPT;
    if (header_bytes_of(decoded.meta.version) != decoded.header_bytes || !decoded.meta.kind ||
        decoded.meta.kind > (decoded.meta.version == 1 ? BATCH_KIND_EVENTS : BATCH_KIND_MAX))
        return STATUS_VERSION;
    read_header(&r, &decoded);
    if (!sizes_agree(&decoded))
        return STATUS_CORRUPT;
    *frame = decoded;
    return STATUS_OK;
}

enum status spool_frame_decode(const struct spool_frame *frame, struct slice bytes,
                               struct batch_record *record)
{
    size_t at = (size_t)frame->header_bytes + frame->key_bytes;
    struct slice payload = slice_sub(bytes, at, SIZE_MAX);
    if (bytes.size != frame->record_bytes || crc32c(0, payload) != frame->payload_crc)
        return STATUS_CORRUPT;
    struct reader r = reader_make(payload);
    struct batch_record decoded = {
        .meta = frame->meta,
        .sealed = frame->sealed,
        .has_parts = frame->has_parts,
        .key_area = slice_sub(bytes, frame->header_bytes, frame->key_bytes),
        .meta_texts = reader_bytes(&r, frame->meta_bytes),
    };
    if (frame->meta.version > 1 && !seal_area_is_whole(decoded.key_area))
        return STATUS_CORRUPT;
    enum status status = read_texts(decoded.meta_texts, &decoded.meta);
    decoded.events = reader_bytes(&r, frame->events_bytes);
    decoded.body = reader_bytes(&r, frame->body_bytes);
    while (r.status == STATUS_OK && reader_left(&r))
        if (reader_u8(&r) != 0)
            return STATUS_CORRUPT;
    if (status != STATUS_OK || r.status != STATUS_OK)
        return STATUS_CORRUPT;
    *record = decoded;
    return STATUS_OK;
}

enum status spool_frame_texts(const struct spool_frame *frame, struct slice bytes,
                              struct batch_meta *meta)
{
    struct slice texts =
        slice_sub(bytes, (size_t)frame->header_bytes + frame->key_bytes, frame->meta_bytes);
    if (texts.size != frame->meta_bytes)
        return STATUS_CORRUPT;
    struct batch_meta decoded = frame->meta;
    enum status status = read_texts(texts, &decoded);
    if (status == STATUS_OK)
        *meta = decoded;
    return status;
}
