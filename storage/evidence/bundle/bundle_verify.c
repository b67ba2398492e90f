/* bundle_verify.c: checks a bundle: archive, heads, proofs, commitments, the record of the export.
 * Any thread; works on memory alone. Leaves time-stamp tokens to its caller and decodes no events.
 */
#include "storage/evidence/bundle/bundle_verify.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/reader.h"
#include "storage/evidence/bundle/bundle_custody.h"
#include "storage/evidence/bundle/bundle_heads.h"
#include "storage/evidence/bundle/bundle_names.h"
#include "storage/evidence/formats/tlog_proof.h"

#define CUSTODY BUNDLE_CUSTODY
#define RECORDS BUNDLE_RECORDS
#define TIME    "time/"

struct check {
    const struct bundle_request *request;
    struct bundle_result *result;
    struct problem *problem;
    struct bundle_files files;
    struct slice head; /* the note of the largest */
};

const char *bundle_part_name(enum bundle_part part)
{
    static const char *const names[BUNDLE_PARTS] = {"body", "meta", "events"};
    return names[part];
}

void bundle_commit(const uint8_t seed[BUNDLE_SEED_BYTES], enum bundle_part part, struct slice bytes,
                   uint8_t commitment[SHA256_BYTES])
{
    char label[32];
    uint8_t salt[SHA256_BYTES];
    struct hmac_key key;
    snprintf(label, sizeof label, "vsocd commitment %s", bundle_part_name(part));
    hmac_key_init(&key, slice_make(seed, BUNDLE_SEED_BYTES));
    hmac_key_compute(&key, slice_from_text(label), salt);
    hmac_key_init(&key, slice_make(salt, sizeof salt));
    hmac_key_compute(&key, bytes, commitment);
}

static enum status refuse(struct check *c, struct slice folder, const char *why)
{
    problem_say(c->problem, "%.*s: %s", SLICE_ARGS(folder), why);
    return STATUS_REFUSED;
}

static const struct bundle_file *find(const struct check *c, struct slice folder, const char *name)
{
    return bundle_files_find(&c->files, folder, name);
}

static const uint8_t *commitment_of(const struct evidence_leaf *leaf, enum bundle_part part)
{
    return part == BUNDLE_BODY   ? leaf->body_commitment
           : part == BUNDLE_META ? leaf->meta_commitment
                                 : leaf->events_commitment;
}

/* Part number n of a record with parts: its file, if it is there, is what the table commits to. */
static enum status check_numbered(struct check *c, struct bundle_record *record, uint32_t n,
                                  const uint8_t *expected)
{
    char name[32];
    uint8_t commitment[SHA256_BYTES];
    snprintf(name, sizeof name, "part-%" PRIu32, n);
    const struct bundle_file *file = find(c, record->folder, name);
    snprintf(name, sizeof name, "part-%" PRIu32 ".seed", n);
    const struct bundle_file *seed = find(c, record->folder, name);
    if (!file && !seed) {
        record->absent++;
        return STATUS_OK;
    }
    if (!file || !seed || seed->bytes.size != BUNDLE_SEED_BYTES)
        return refuse(c, record->folder, "a part or its seed is missing");
    bundle_commit(seed->bytes.data, BUNDLE_EVENTS, file->bytes, commitment);
    if (memcmp(commitment, expected, sizeof commitment) == 0)
        return STATUS_OK;
    problem_say(c->problem, "%.*spart-%" PRIu32 " is not what was recorded",
                SLICE_ARGS(record->folder), n);
    return STATUS_REFUSED;
}

#define TABLE_HEAD_BYTES 8 /* number of parts and of runs */
#define TABLE_ROW_BYTES  48

/* The table is what the leaf commits to, and each part what its row commits to. */
static enum status check_table(struct check *c, struct bundle_record *record, struct slice table)
{
    uint8_t digest[SHA256_BYTES];
    struct reader r = reader_make(table);
    uint32_t count = (uint32_t)reader_uint_le(&r, 4);
    sha256_bytes(table, digest);
    if (memcmp(digest, record->leaf.events_commitment, sizeof digest) != 0 ||
        table.size < TABLE_HEAD_BYTES || count > (table.size - TABLE_HEAD_BYTES) / TABLE_ROW_BYTES)
        return refuse(c, record->folder, "the table of parts is not what was recorded");
    enum status status = STATUS_OK;
    for (uint32_t n = 0; n < count && status == STATUS_OK; n++)
        status = check_numbered(c, record, n,
                                table.data + TABLE_HEAD_BYTES + (size_t)n * TABLE_ROW_BYTES);
    return status;
}

/* Of a record with parts, the body belongs to part 1, and the events to all. */
static enum status check_part(struct check *c, struct bundle_record *record, enum bundle_part part,
                              const struct bundle_file *seed)
{
    const struct bundle_file *file = find(c, record->folder, bundle_part_name(part));
    const struct bundle_file *table = find(c, record->folder, "parts");
    uint8_t commitment[SHA256_BYTES];
    if (record->erased)
        return file || table ? refuse(c, record->folder, "has a part that is said to be erased")
                             : STATUS_OK;
    record->has_parts = table != NULL;
    if (table && part == BUNDLE_EVENTS)
        return file ? refuse(c, record->folder, "has its events twice")
                    : check_table(c, record, table->bytes);
    if (table && part == BUNDLE_BODY) {
        seed = find(c, record->folder, "part-1.seed");
        if (!seed && !file)
            return STATUS_OK; /* erased with the first vehicle */
    }
    if (!file || !seed || seed->bytes.size != BUNDLE_SEED_BYTES)
        return refuse(c, record->folder, "a part or the seed is missing");
    bundle_commit(seed->bytes.data, part, file->bytes, commitment);
    if (memcmp(commitment, commitment_of(&record->leaf, part), sizeof commitment) != 0) {
        problem_say(c->problem, "%.*s%s is not what was recorded", SLICE_ARGS(record->folder),
                    bundle_part_name(part));
        return STATUS_REFUSED;
    }
    record->parts[part] = file->bytes;
    return STATUS_OK;
}

static enum status check_inclusion(struct check *c, const struct bundle_record *record,
                                   struct slice leaf_bytes)
{
    const struct bundle_file *file = find(c, record->folder, "proof.tlog-proof");
    struct tlog_proof proof;
    uint8_t leaf[MERKLE_HASH_BYTES];
    if (!file || tlog_proof_parse(file->bytes, &proof) != STATUS_OK || proof.has_extra)
        return refuse(c, record->folder, "there is no proof, or it is malformed");
    if (!slice_equal(proof.note, c->head) || proof.index != record->leaf.leaf_index)
        return refuse(c, record->folder, "the proof is of another head or another leaf");
    merkle_leaf_hash(leaf_bytes, leaf);
    if (merkle_inclusion_verify(leaf, proof.index, c->result->head.size, &proof.path,
                                c->result->head.root) != STATUS_OK)
        return refuse(c, record->folder, "the record is not in the log");
    return STATUS_OK;
}

static bool is_in_place(const struct bundle_record *record)
{
    char folder[48];
    if (slice_equal_text(record->folder, CUSTODY))
        return record->leaf.kind == EVIDENCE_AUDIT;
    snprintf(folder, sizeof folder, RECORDS "%" PRIu64 "/", record->leaf.position);
    return slice_equal_text(record->folder, folder);
}

static enum status check_record(struct check *c, struct slice folder, struct slice leaf_bytes)
{
    struct bundle_record record = {.folder = folder};
    const struct bundle_file *seed = find(c, folder, "seed");
    if (evidence_leaf_read(leaf_bytes, &record.leaf) != STATUS_OK)
        return refuse(c, folder, "leaf.bin is no leaf");
    if (!is_in_place(&record))
        return refuse(c, folder, "is not the place of this record");
    record.erased = find(c, folder, "erased") != NULL;
    enum status status = check_inclusion(c, &record, leaf_bytes);
    for (enum bundle_part part = 0; status == STATUS_OK && part < BUNDLE_PARTS; part++)
        status = check_part(c, &record, part, seed);
    if (status != STATUS_OK)
        return status;
    if (slice_equal_text(folder, CUSTODY)) {
        c->result->custody = record;
        return STATUS_OK;
    }
    c->result->records++;
    c->result->erased += record.erased;
    c->result->incomplete += record.absent > 0;
    if (c->request->on_record)
        c->request->on_record(c->request->arg, &record);
    return STATUS_OK;
}

static enum status check_records(struct check *c)
{
    for (size_t i = 0; i < c->files.count; i++) {
        const struct bundle_file *file = &c->files.files[i];
        struct slice folder = bundle_folder_of(file->name);
        if (!slice_starts_with(file->name, RECORDS) && !slice_starts_with(file->name, CUSTODY))
            continue;
        const struct bundle_file *leaf = find(c, folder, "leaf.bin");
        if (!leaf)
            return refuse(c, folder, "there is no leaf.bin");
        enum status status = leaf == file ? check_record(c, folder, leaf->bytes) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* time/SIZE-NUMBER.tsr is over heads/SIZE.checkpoint. */
static enum status check_token(struct check *c, const struct bundle_file *file)
{
    char name[BUNDLE_NAME_BYTES_MAX];
    struct note note;
    struct checkpoint checkpoint;
    struct slice size = slice_sub(file->name, sizeof TIME - 1, SIZE_MAX);
    const uint8_t *dash = size.size ? memchr(size.data, '-', size.size) : NULL;
    if (dash)
        snprintf(name, sizeof name, "heads/%.*s.checkpoint", (int)(dash - size.data),
                 (const char *)size.data);
    const struct bundle_file *head = dash ? find(c, SLICE_EMPTY, name) : NULL;
    if (!head || note_parse(head->bytes, &note) != STATUS_OK ||
        checkpoint_parse(note.text, &checkpoint) != STATUS_OK)
        return refuse(c, file->name, "is over no head of the bundle");
    const struct bundle_token token = {file->name, checkpoint.size, note.text, file->bytes};
    return c->request->on_token(c->request->arg, &token, c->problem);
}

static enum status check_tokens(struct check *c)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < c->files.count && status == STATUS_OK; i++) {
        if (!slice_starts_with(c->files.files[i].name, TIME))
            continue;
        c->result->tokens++;
        if (c->request->on_token)
            status = check_token(c, &c->files.files[i]);
    }
    return status;
}

/* The record of the export names the digest of what was given out. */
static enum status check_custody(struct check *c)
{
    struct slice body = c->result->custody.parts[BUNDLE_BODY];
    if (bundle_custody_is_of(body, c->files.contents))
        return STATUS_OK;
    problem_say(c->problem, "the log has no record of an export of these files");
    return STATUS_REFUSED;
}

static enum status check_names(struct check *c)
{
    for (size_t i = 0; i < c->files.count; i++) {
        struct slice name = c->files.files[i].name;
        if (bundle_name_is_known(name) && bundle_name_fits(&c->files, name))
            continue;
        problem_say(c->problem, "%.*s has no place in a bundle", SLICE_ARGS(name));
        return STATUS_REFUSED;
    }
    return STATUS_OK;
}

enum status bundle_verify(struct slice archive, const struct bundle_request *request,
                          struct bundle_result *result, struct problem *problem)
{
    *result = (struct bundle_result){0};
    struct check c = {.request = request, .result = result, .problem = problem};
    enum status status = bundle_files_read(archive, &c.files, problem);
    if (status != STATUS_OK)
        return status;
    struct bundle_heads heads = {.policy = request->policy, .problem = problem};
    status = check_names(&c);
    if (status == STATUS_OK)
        status = bundle_heads_check(&heads, &c.files);
    result->head = heads.checkpoint;
    result->signers = heads.signers;
    result->heads = heads.count;
    c.head = heads.note;
    if (status == STATUS_OK)
        status = check_tokens(&c);
    if (status == STATUS_OK)
        status = check_records(&c);
    if (status == STATUS_OK)
        status = check_custody(&c);
    bundle_files_fini(&c.files);
    return status;
}
