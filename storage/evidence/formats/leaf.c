/* leaf.c: canonical bytes of a record in the tree. Pure, any thread. */
#include "storage/evidence/formats/leaf.h"

#include "core/reader.h"
#include "core/utf8.h"

#define TENANT_BYTES_MAX UINT16_MAX
#define UID_BYTES        16

void evidence_leaf_write(struct writer *w, const struct evidence_leaf *leaf)
{
    writer_text(w, EVIDENCE_LEAF_MAGIC);
    writer_u8(w, leaf->kind);
    writer_u8(w, 0);
    writer_bytes(w, leaf->spool_uid, UID_BYTES);
    writer_uint_be(w, leaf->position, 8);
    writer_uint_be(w, leaf->leaf_index, 8);
    writer_bytes(w, leaf->batch_uid, UID_BYTES);
    writer_uint_be(w, (uint64_t)leaf->received_ns, 8);
    writer_uint_be(w, leaf->accepted, 4);
    writer_uint_be(w, leaf->duplicates, 4);
    writer_uint_be(w, leaf->quarantined, 4);
    writer_uint_be(w, leaf->body_bytes, 8);
    writer_bytes(w, leaf->body_commitment, SHA256_BYTES);
    writer_bytes(w, leaf->meta_commitment, SHA256_BYTES);
    writer_bytes(w, leaf->events_commitment, SHA256_BYTES);
    writer_uint_be(w, leaf->tenant.size, 2);
    writer_add_slice(w, leaf->tenant);
}

static void read_into(struct reader *r, uint8_t *out, size_t size)
{
    struct slice s = reader_bytes(r, size);
    if (s.size)
        memcpy(out, s.data, s.size);
}

static uint8_t read_fields(struct reader *r, struct evidence_leaf *leaf)
{
    leaf->kind = reader_u8(r);
    uint8_t zero = reader_u8(r);
    read_into(r, leaf->spool_uid, UID_BYTES);
    leaf->position = reader_uint_be(r, 8);
    leaf->leaf_index = reader_uint_be(r, 8);
    read_into(r, leaf->batch_uid, UID_BYTES);
    leaf->received_ns = (int64_t)reader_uint_be(r, 8);
    leaf->accepted = (uint32_t)reader_uint_be(r, 4);
    leaf->duplicates = (uint32_t)reader_uint_be(r, 4);
    leaf->quarantined = (uint32_t)reader_uint_be(r, 4);
    leaf->body_bytes = reader_uint_be(r, 8);
    read_into(r, leaf->body_commitment, SHA256_BYTES);
    read_into(r, leaf->meta_commitment, SHA256_BYTES);
    read_into(r, leaf->events_commitment, SHA256_BYTES);
    leaf->tenant = reader_bytes(r, (size_t)reader_uint_be(r, 2));
    return zero;
}

enum status evidence_leaf_read(struct slice bytes, struct evidence_leaf *leaf)
{
    struct evidence_leaf l = {0};
    struct reader r = reader_make(bytes);
    struct slice magic = reader_bytes(&r, strlen(EVIDENCE_LEAF_MAGIC));
    if (r.status == STATUS_OK && !slice_equal_text(magic, EVIDENCE_LEAF_MAGIC))
        return STATUS_VERSION;
    uint8_t zero = read_fields(&r, &l);
    if (r.status != STATUS_OK)
        return r.status;
    if (zero || reader_left(&r))
        return STATUS_MALFORMED;
    if (l.tenant.size && utf8_check(l.tenant) != STATUS_OK)
        return STATUS_INVALID_UTF8;
    *leaf = l;
    return STATUS_OK;
}

enum status evidence_leaf_hash(const struct evidence_leaf *leaf, uint8_t hash[MERKLE_HASH_BYTES])
{
    struct writer w;
    if (leaf->tenant.size > TENANT_BYTES_MAX)
        return STATUS_OUT_OF_RANGE;
    writer_init(&w, EVIDENCE_LEAF_FIXED_BYTES + TENANT_BYTES_MAX);
    evidence_leaf_write(&w, leaf);
    enum status s = w.status;
    if (s == STATUS_OK)
        merkle_leaf_hash(writer_slice(&w), hash);
    writer_fini(&w);
    return s;
}

void evidence_leaf_lost(const uint8_t spool_uid[16], uint64_t leaf_index,
                        struct evidence_leaf *leaf)
{
    *leaf = (struct evidence_leaf){.kind = EVIDENCE_LOST, .leaf_index = leaf_index};
    memcpy(leaf->spool_uid, spool_uid, UID_BYTES);
}
