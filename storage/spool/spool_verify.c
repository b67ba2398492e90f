/* spool_verify.c: walks a spool directory without its lock: lists, checks, verifies the hash chain.
 * The caller's thread. Repairs nothing: recovery does, at start. */
#include "storage/spool/spool_verify.h"
#include "core/object.h"

#include "storage/spool/record_open.h"
#include "storage/spool/retire/erasure.h"
#include "storage/spool/spool_cursor.h"
#include "storage/spool/spool_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WALK_MAGIC 0x57414c4bU

struct walk {
    unsigned magic; /* WALK_MAGIC */
    const struct spool_verify_options *options;
    struct spool_verify_result *result;
    struct spool_scan scan;
    struct sha256 *hash;
    struct record_opener opener;
    int dir_fd;
    struct spool_segment_summary segment; /* the current one */
    bool last;                            /* it is the newest */
    bool uid_known, chain_known;
    uint64_t events_next; /* events_before the next record should have */
    bool lost;            /* something is missing since the last record */
    uint64_t had; /* newest position that a sink has had and that was not reported missing yet */
    struct spool_eviction evicted; /* the last one on record */
};

OBJECT_CAST(walk, WALK_MAGIC)

const char *spool_finding_text(enum spool_finding_kind kind)
{
    static const char *const texts[] = {
        [SPOOL_FINDING_HEADER] = "segment_header",
        [SPOOL_FINDING_COPY] = "segment_header_copy",
        [SPOOL_FINDING_BYTES] = "damaged_bytes",
        [SPOOL_FINDING_TAIL] = "unfinished_tail",
        [SPOOL_FINDING_MISSING] = "records_missing",
        [SPOOL_FINDING_CURSORS] = "cursors_unreadable",
        [SPOOL_FINDING_ORDER] = "out_of_order",
        [SPOOL_FINDING_BODY] = "body_digest",
        [SPOOL_FINDING_CONTENT] = "content_digest",
        [SPOOL_FINDING_KEYS] = "record_keys",
        [SPOOL_FINDING_UNBOUND] = "keys_destroyed",
        [SPOOL_FINDING_ERASED] = "erased_unrecorded",
        [SPOOL_FINDING_CHAIN] = "chain_broken",
        [SPOOL_FINDING_EXPECTED] = "not_as_expected",
        [SPOOL_FINDING_UNCOMPARED] = "expected_position_missing",
        [SPOOL_FINDING_EVICTIONS] = "evictions_damaged",
    };
    return texts[kind];
}

static void found(struct walk *w, enum spool_finding_kind kind, uint64_t bytes, uint64_t position)
{
    struct spool_finding finding = {kind, w->segment.file, w->scan.offset, bytes, position};
    if (kind != SPOOL_FINDING_TAIL && kind != SPOOL_FINDING_CURSORS)
        w->result->damaged++;
    if (kind == SPOOL_FINDING_CHAIN && !w->result->broken_position)
        w->result->broken_position = position;
    if (w->options->on_finding)
        w->options->on_finding(w->options->arg, &finding);
}

/* Compares the chain hash of a position with the expected one. */
static void compare_expected(struct walk *w, uint64_t position, const uint8_t *chain_hash)
{
    if (w->options->depth != SPOOL_DEPTH_VERIFY)
        return;
    for (size_t i = 0; i < w->options->expected_count; i++) {
        struct spool_expectation *e = &w->options->expected[i];
        if (e->position != position || e->seen)
            continue;
        e->seen = true;
        e->matches = memcmp(e->chain_hash, chain_hash, SHA256_BYTES) == 0;
        if (!e->matches)
            found(w, SPOOL_FINDING_EXPECTED, 0, position);
    }
}

static enum status check_chain(struct walk *w, const struct batch_meta *meta)
{
    struct slice header;
    uint8_t digest[SHA256_BYTES];
    enum status status = spool_scan_header_bytes(&w->scan, &header);
    if (status != STATUS_OK)
        return status;
    spool_frame_chain(header, w->hash, w->result->chain_hash, digest);
    if (w->chain_known && memcmp(digest, meta->chain_hash, SHA256_BYTES) != 0)
        found(w, SPOOL_FINDING_CHAIN, 0, meta->position);
    return STATUS_OK;
}

/* Version 1. */
static void check_digests(struct walk *w, const struct spool_frame *frame,
                          const struct batch_record *record)
{
    uint8_t digest[SHA256_BYTES];
    sha256_bytes(record->body, digest);
    if (memcmp(digest, record->meta.body_digest, SHA256_BYTES) != 0)
        found(w, SPOOL_FINDING_BODY, record->body.size, record->meta.position);
    sha256_start(w->hash);
    sha256_update(w->hash, record->meta_texts);
    sha256_update(w->hash, record->events);
    sha256_finish(w->hash, digest);
    if (memcmp(digest, frame->content_sha256, SHA256_BYTES) != 0)
        found(w, SPOOL_FINDING_CONTENT, record->events.size, record->meta.position);
}

static void check_commitments(struct walk *w, const struct batch_record *record)
{
    uint64_t position = record->meta.position;
    if (!record_is_committed(record, SEAL_BODY))
        found(w, SPOOL_FINDING_BODY, record->body.size, position);
    if (!record_is_committed(record, SEAL_META) || !record_is_committed(record, SEAL_EVENTS))
        found(w, SPOOL_FINDING_CONTENT, record->events.size, position);
}

/* A record of the log's own is never erased: its keys say what its text was. */
static void check_own(struct walk *w, const struct batch_record *record)
{
    if (record->state == SEAL_ERASED || record->state == SEAL_ABSENT) {
        if (!w->options->without_key_areas)
            found(w, SPOOL_FINDING_UNBOUND, 0, record->meta.position);
    } else if (record->state == SEAL_NO_KEY && w->options->keys)
        found(w, SPOOL_FINDING_KEYS, 0, record->meta.position);
}

/* Version 2: with its key, if there is one. */
static enum status check_parts(struct walk *w, struct batch_record *record)
{
    struct spool_verify_result *result = w->result;
    bool own = !batch_is_events(&record->meta);
    uint64_t recorded = 0;
    enum status status = record_open(&w->opener, record);
    if (status == STATUS_OK && own)
        status = erasure_read(record->body, &recorded);
    if (status != STATUS_OK)
        return status;
    result->erasures_recorded += recorded;
    result->erasures += own ? 0 : record_erasures(record);
    if (own)
        check_own(w, record);
    switch (record->state) {
    case SEAL_OPEN:
        check_commitments(w, record);
        result->erased_parts += record->parts ? record->parts->erased : 0;
        break;
    case SEAL_ERASED:
        result->erased++;
        break;
    case SEAL_ABSENT:
        result->keyless++;
        break;
    case SEAL_NO_KEY:
        if (!own && seal_keys_find(w->options->keys, record->key_id))
            found(w, SPOOL_FINDING_KEYS, 0, record->meta.position);
        result->without_key++;
        result->missing_key = record->key_id;
        break;
    case SEAL_DAMAGED:
        found(w, SPOOL_FINDING_KEYS, 0, record->meta.position);
    }
    return STATUS_OK;
}

/* Checks the payload of the current record to the requested depth. CORRUPT: it is damaged. */
static enum status check_payload(struct walk *w, const struct spool_frame *frame)
{
    struct batch_record record;
    if (w->options->depth == SPOOL_DEPTH_LIST)
        return STATUS_OK;
    enum status status = spool_scan_record(&w->scan, frame, &record);
    if (status != STATUS_OK || w->options->depth == SPOOL_DEPTH_CHECK)
        return status;
    if (frame->meta.version == 1)
        check_digests(w, frame, &record);
    else
        status = check_parts(w, &record);
    return status == STATUS_OK ? check_chain(w, &frame->meta) : status;
}

static void count_record(struct walk *w, const struct batch_meta *meta)
{
    struct spool_verify_result *result = w->result;
    struct spool_segment_summary *s = &w->segment;
    uint64_t events = UINT64_C(0) + meta->accepted + meta->quarantined;
    bool leaf = meta->version > 1;
    if (meta->position <= result->newest || meta->position < s->first_position ||
        (w->chain_known && !w->lost && meta->events_before != w->events_next) ||
        (leaf && meta->leaf_index < result->leaves))
        found(w, SPOOL_FINDING_ORDER, 0, meta->position);
    if (!s->oldest) {
        s->oldest = meta->position;
        s->oldest_ns = meta->ingested_ns;
    }
    s->newest = meta->position;
    s->newest_ns = meta->ingested_ns;
    s->records++;
    s->kinds[meta->kind]++;
    s->events += events;
    if (!result->oldest)
        result->oldest = meta->position;
    result->newest = meta->position;
    result->records++;
    result->events += events;
    memcpy(result->chain_hash, meta->chain_hash, SHA256_BYTES);
    compare_expected(w, meta->position, meta->chain_hash);
    w->chain_known = true;
    w->events_next = meta->events_before + events;
    if (leaf)
        result->leaves = meta->leaf_index + 1;
    w->lost = false;
}

/* Bytes that are not a record: reports them and moves past them; does neither if they have become
 * one, because the spool may be live. END: no record follows. */
static enum status pass_damage(struct walk *w)
{
    uint64_t bad = w->scan.offset, used;
    bool whole = false;
    enum status status = spool_scan_resync(&w->scan);
    uint64_t next = w->scan.offset;
    if (status == STATUS_OK)
        status = spool_scan_back(&w->scan, bad, &whole);
    if (whole)
        return STATUS_OK;
    w->scan.offset = bad;
    if (status == STATUS_OK) {
        found(w, SPOOL_FINDING_BYTES, next - bad, 0);
        w->lost = true;
        w->scan.offset = next;
        return STATUS_OK;
    }
    if (status == STATUS_NO_MEMORY)
        return status;
    if (status == STATUS_IO || spool_scan_used_end(&w->scan, &used) != STATUS_OK) {
        found(w, SPOOL_FINDING_BYTES, 0, 0);
        w->lost = true;
    } else if (used > bad) {
        found(w, w->last ? SPOOL_FINDING_TAIL : SPOOL_FINDING_BYTES, used - bad, 0);
        w->lost = true;
    }
    return STATUS_END;
}

static enum status walk_records(struct walk *w)
{
    for (;;) {
        struct spool_frame frame;
        enum status status = spool_scan_header(&w->scan, &frame);
        if (status == STATUS_OK)
            status = check_payload(w, &frame);
        if (status == STATUS_OK) {
            count_record(w, &frame.meta);
            spool_scan_pass(&w->scan, &frame);
            w->segment.used_bytes = w->scan.offset;
            continue;
        }
        if (status == STATUS_NO_MEMORY)
            return status;
        status = pass_damage(w);
        if (status != STATUS_OK)
            return status == STATUS_END ? STATUS_OK : status;
    }
}

/* What was removed before the first segment: this header has the hash of its last record, and the
 * file of evictions too if it was evicted. */
static void check_before(struct walk *w, const struct spool_segment_header *header)
{
    w->scan.offset = 0;
    if (w->options->depth == SPOOL_DEPTH_VERIFY && w->evicted.last &&
        w->evicted.last + 1 == header->first_position &&
        memcmp(w->evicted.chain_hash, header->chain_before, SHA256_BYTES) != 0)
        found(w, SPOOL_FINDING_CHAIN, 0, w->evicted.last);
    compare_expected(w, header->first_position - 1, header->chain_before);
}

/* CORRUPT: reported as a finding, the segment is skipped. */
static enum status check_header(struct walk *w, int fd, struct spool_segment_header *header)
{
    struct spool_verify_result *result = w->result;
    enum status status = spool_segment_read_header(fd, header);
    if (status == STATUS_OK && !w->uid_known)
        memcpy(result->spool_uid, header->spool_uid, UUID_BYTES);
    if (status == STATUS_OK)
        w->uid_known = true;
    if (status == STATUS_OK && (memcmp(result->spool_uid, header->spool_uid, UUID_BYTES) != 0 ||
                                header->first_position != w->segment.first_position))
        status = STATUS_CORRUPT;
    if (status == STATUS_CORRUPT) {
        w->scan.offset = 0;
        found(w, SPOOL_FINDING_HEADER, SPOOL_SEGMENT_HEADER_BYTES, 0);
        w->lost = true;
        return status;
    }
    if (status == STATUS_OK && !w->chain_known) {
        check_before(w, header);
        memcpy(result->chain_hash, header->chain_before, SHA256_BYTES);
        w->events_next = header->events_before;
        result->leaves = header->leaves_before;
        w->chain_known = true;
    }
    return status;
}

/* The other copy, and the zeros around both. */
static enum status check_copies(struct walk *w, int fd, const struct spool_segment_header *header)
{
    if (w->options->depth == SPOOL_DEPTH_LIST)
        return STATUS_OK;
    enum status status = spool_segment_check_header(fd, header, &w->scan.offset);
    if (status != STATUS_CORRUPT)
        return status;
    found(w, SPOOL_FINDING_COPY, 0, 0);
    return STATUS_OK;
}

static enum status walk_open_segment(struct walk *w, int fd)
{
    struct spool_segment_header header;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return STATUS_IO;
    w->segment.file_bytes = (uint64_t)st.st_size;
    w->segment.used_bytes = SPOOL_SEGMENT_HEADER_BYTES;
    w->result->segments++;
    w->result->bytes += w->segment.file_bytes;
    enum status status = check_header(w, fd, &header);
    if (status == STATUS_OK)
        status = check_copies(w, fd, &header);
    if (status == STATUS_OK) {
        w->segment.salvaged = header.flags & SPOOL_SEGMENT_SALVAGED;
        spool_scan_start(&w->scan, fd, header.tag, w->segment.file_bytes);
        status = walk_records(w);
    }
    if (status == STATUS_CORRUPT)
        status = STATUS_OK;
    if (status == STATUS_OK && w->options->on_segment)
        w->options->on_segment(w->options->arg, &w->segment);
    return status;
}

static enum status walk_segment(struct walk *w, uint64_t first, bool last)
{
    int fd;
    w->segment = (struct spool_segment_summary){.first_position = first};
    w->last = last;
    spool_segment_name(first, w->segment.file);
    enum status status = spool_segment_open(w->dir_fd, first, false, &fd);
    if (status == STATUS_NOT_FOUND) { /* removed since the listing, with all before it */
        w->chain_known = false;
        w->lost = true;
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    status = walk_open_segment(w, fd);
    close(fd);
    return status;
}

/* Before the segments: in a live spool cursors follow them. */
static void read_cursors(struct walk *w)
{
    struct spool_cursor_table table;
    struct stat st;
    if (fstatat(w->dir_fd, SPOOL_CURSOR_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 || !st.st_size)
        return;
    snprintf(w->segment.file, sizeof w->segment.file, SPOOL_CURSOR_FILE);
    if (spool_cursor_load(w->dir_fd, &table) != STATUS_OK)
        found(w, SPOOL_FINDING_CURSORS, 0, 0);
    else
        w->had = spool_cursor_missed(&table);
}

static void take_eviction(void *arg, const struct spool_eviction *eviction)
{
    struct walk *w = walk_cast(arg);
    if (eviction->last <= w->result->evicted_to)
        return; /* recorded twice: a crash happened in between */
    w->evicted = *eviction;
    w->result->evicted_to = eviction->last;
    w->result->evicted_batches += eviction->batches;
    if (w->options->on_eviction)
        w->options->on_eviction(w->options->arg, eviction);
}

static enum status read_evictions(struct walk *w)
{
    uint64_t damaged;
    snprintf(w->segment.file, sizeof w->segment.file, SPOOL_EVICTION_FILE);
    enum status status = spool_eviction_read(w->dir_fd, take_eviction, w, &damaged);
    for (uint64_t i = 0; status == STATUS_OK && i < damaged; i++)
        found(w, SPOOL_FINDING_EVICTIONS, 0, 0);
    return status;
}

/* Expected positions that were not found. */
static void check_uncompared(struct walk *w)
{
    if (w->options->depth != SPOOL_DEPTH_VERIFY)
        return;
    compare_expected(w, w->evicted.last, w->evicted.chain_hash);
    for (size_t i = 0; i < w->options->expected_count; i++)
        if (!w->options->expected[i].seen)
            found(w, SPOOL_FINDING_UNCOMPARED, 0, w->options->expected[i].position);
}

/* The end of the log, when it was read to there. */
static void check_end(struct walk *w, uint64_t last_first)
{
    uint64_t end = w->result->newest > last_first - 1 ? w->result->newest : last_first - 1;
    if (w->had <= end || w->options->depth == SPOOL_DEPTH_LIST || w->options->to < w->had)
        return;
    w->scan.offset = w->segment.used_bytes;
    found(w, SPOOL_FINDING_MISSING, 0, w->had);
}

/* Of a whole spool: what erasures took is on record in it. Each is on record before. */
static void check_erasures(struct walk *w)
{
    const struct spool_verify_result *r = w->result;
    const struct spool_verify_options *o = w->options;
    if (o->from > 1 || o->to != UINT64_MAX || o->without_end || r->erasures <= r->erasures_recorded)
        return;
    w->scan.offset = w->segment.used_bytes;
    found(w, SPOOL_FINDING_ERASED, 0, 0);
}

static enum status walk_all(struct walk *w)
{
    uint64_t *firsts;
    size_t count;
    read_cursors(w);
    enum status status = read_evictions(w);
    if (status == STATUS_OK)
        status = spool_segment_list(w->dir_fd, &firsts, &count);
    if (status != STATUS_OK)
        return status;
    if (!count)
        status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        bool before = i + 1 < count && firsts[i + 1] <= w->options->from;
        if (!before && firsts[i] <= w->options->to)
            status = walk_segment(w, firsts[i], i + 1 == count);
    }
    if (status == STATUS_OK)
        check_end(w, firsts[count - 1]);
    if (status == STATUS_OK)
        check_uncompared(w);
    if (status == STATUS_OK)
        check_erasures(w);
    free(firsts);
    return status;
}

enum status spool_verify_dir(const char *dir, const struct spool_verify_options *options,
                             struct spool_verify_result *result)
{
    *result = (struct spool_verify_result){0};
    struct walk w = {.magic = WALK_MAGIC, .options = options, .result = result, .dir_fd = -1};
    spool_scan_init(&w.scan);
    record_opener_init(&w.opener);
    w.opener.keys = options->keys;
    w.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.dir_fd < 0)
        return status_from_errno(errno);
    w.hash = sha256_create();
    enum status status = w.hash ? walk_all(&w) : STATUS_NO_MEMORY;
    sha256_destroy(w.hash);
    spool_scan_fini(&w.scan);
    record_opener_fini(&w.opener);
    close(w.dir_fd);
    return status;
}
