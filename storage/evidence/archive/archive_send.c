/* archive_send.c: keys aside, segment, leaf hashes, index object: in this order, each read back.
 * Runs on the archiver's thread. Does not decide which segment and does not repeat. */
#include "storage/evidence/archive/archive_send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/fault.h"
#include "storage/evidence/archive/archive_image.h"
#include "storage/evidence/archive/archive_keys.h"

#define HASHES_AHEAD 65536 /* of leaves after the segment, at most */
#define DAY_NS       (86400 * NS_PER_S)

struct sending {
    struct archive_target *target;
    const struct archive_source *source;
    struct archive_image image;
    struct archive_entry *entry;
    struct writer head, leaves, index;
    int64_t retain_until_ns;
    struct problem *problem;
};

static enum status open_image(struct sending *s)
{
    int folder;
    enum status status = archive_keys_lock(s->source->evidence_dir, true, &folder);
    if (status != STATUS_OK) {
        problem_say(s->problem, "%.300s/" ARCHIVE_KEYS_FOLDER ": %s", s->source->evidence_dir,
                    status_text(status));
        return status;
    }
    status = archive_image_open(s->source->spool_fd, s->source->first_position, s->source->bytes,
                                &s->image);
    if (status == STATUS_OK)
        status = archive_keys_save(folder, &s->image);
    if (status != STATUS_OK)
        problem_say(s->problem, "the segment can't be prepared: %s", status_text(status));
    close(folder);
    return status;
}

static void fill_entry(const struct archive_image *image, struct archive_entry *e)
{
    *e = (struct archive_entry){
        .segment = image->header.first_position,
        .first = image->first,
        .last = image->last,
        .records = image->records,
        .events = image->events,
        .events_before = image->header.events_before,
        .first_leaf = image->first_leaf,
        .leaves = image->leaves,
        .oldest_ns = image->oldest_ns,
        .newest_ns = image->newest_ns,
        .bytes = image->size,
        .damaged_bytes = image->damaged_bytes,
    };
    for (size_t i = 0; i < image->blank_count; i++)
        e->key_areas += !image->blanks[i].is_damage;
    memcpy(e->spool_uid, image->header.spool_uid, UUID_BYTES);
    memcpy(e->sha256, image->sha256, SHA256_BYTES);
    memcpy(e->chain_before, image->header.chain_before, SHA256_BYTES);
    memcpy(e->chain_hash, image->chain_hash, SHA256_BYTES);
}

/* Reads [offset, offset + size) of a file in the evidence folder; NOT_FOUND: no file, or shorter.
 */
static enum status read_file(const char *dir, const char *name, uint64_t offset, size_t size,
                             struct writer *w, bool whole)
{
    char path[4400];
    size_t got = 0;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = writer_reserve(w, size) ? STATUS_OK : w->status;
    if (status == STATUS_OK)
        status = spool_read_all(fd, w->data + w->size, size, offset, &got);
    close(fd);
    if (status != STATUS_OK)
        return status;
    w->size += got;
    return whole && got < size ? STATUS_NOT_FOUND : STATUS_OK;
}

static bool has_tree(const char *dir)
{
    char path[4400];
    struct stat st;
    snprintf(path, sizeof path, "%s/tree", dir);
    return stat(path, &st) == 0;
}

/* The newest head must cover the segment: else the archive would hold records that nobody has
 * signed. */
static enum status take_head(struct sending *s)
{
    struct archive_entry *e = s->entry;
    if (!e->leaves || !has_tree(s->source->evidence_dir))
        return STATUS_OK;
    enum status status =
        read_file(s->source->evidence_dir, "head", 0, ARCHIVE_HEAD_BYTES_MAX, &s->head, false);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        problem_say(s->problem, "the signed head can't be read: %s", status_text(status));
        return status;
    }
    uint64_t end = e->first_leaf + e->leaves, size = archive_head_size(writer_slice(&s->head));
    if (size < end) {
        problem_say(s->problem, "no signed head covers leaf %llu yet",
                    (unsigned long long)(end - 1));
        return STATUS_BUSY;
    }
    /* With the hashes up to the head's end, the head can be computed again from the archive. */
    e->leaf_hashes = size - end <= HASHES_AHEAD ? size - e->first_leaf : e->leaves;
    status = read_file(s->source->evidence_dir, "tree/level0", e->first_leaf * SHA256_BYTES,
                       (size_t)e->leaf_hashes * SHA256_BYTES, &s->leaves, true);
    if (status != STATUS_OK) {
        problem_say(s->problem, "the leaf hashes can't be read: %s", status_text(status));
        return status == STATUS_NOT_FOUND ? STATUS_BUSY : status;
    }
    e->head = writer_slice(&s->head);
    sha256_bytes(writer_slice(&s->leaves), e->leaves_sha256);
    return STATUS_OK;
}

/* Sends one object, or finds it there; it must be what we wanted. */
static enum status put_checked(struct sending *s, enum archive_object kind,
                               const struct archive_body *body)
{
    char name[ARCHIVE_NAME_BYTES];
    uint8_t sha256[SHA256_BYTES];
    uint64_t size;
    archive_object_name(s->entry, kind, name);
    enum status status = archive_target_put(s->target, name, body, s->retain_until_ns, s->problem);
    if (status != STATUS_OK && status != STATUS_EXISTS)
        return status;
    fault_point(archive_object_sent);
    bool existed = status == STATUS_EXISTS;
    status = archive_target_hash(s->target, name, sha256, &size, s->problem);
    if (status == STATUS_NOT_FOUND) {
        problem_say(s->problem, "%s was sent, and is not there", name);
        return STATUS_UNAVAILABLE;
    }
    if (status != STATUS_OK)
        return status;
    /* The index of an earlier attempt may have another head: it was complete then. */
    bool same = kind == ARCHIVE_INDEX && existed
                    ? true
                    : size == body->size && memcmp(sha256, body->sha256, SHA256_BYTES) == 0;
    if (!same) {
        problem_say(s->problem, "%s was read back with other bytes than it should have", name);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

static enum status read_image(void *arg, uint64_t offset, void *bytes, size_t size)
{
    return archive_image_read(arg, offset, bytes, size);
}

static enum status put_all(struct sending *s)
{
    struct archive_bytes leaves = {.bytes = writer_slice(&s->leaves)}, index;
    const struct archive_body segment = {s->image.size, s->image.sha256, read_image, &s->image};
    struct archive_body body = archive_body_of(&leaves);
    enum status status = put_checked(s, ARCHIVE_SEGMENT, &segment);
    if (status == STATUS_OK && s->entry->leaf_hashes)
        status = put_checked(s, ARCHIVE_LEAVES, &body);
    if (status != STATUS_OK)
        return status;
    archive_entry_write(&s->index, s->entry);
    if (s->index.status != STATUS_OK)
        return s->index.status;
    index.bytes = writer_slice(&s->index);
    body = archive_body_of(&index);
    return put_checked(s, ARCHIVE_INDEX, &body);
}

/* Until the end of a day, and at least for a day: a store refuses a time that is over. */
static int64_t retain_until(const struct sending *s)
{
    int64_t now_ns = clock_wall_ns(), retain_ns = s->source->retain_ns,
            newest_ns = s->image.newest_ns ? s->image.newest_ns : now_ns;
    if (retain_ns <= 0)
        return 0;
    int64_t until_ns = retain_ns > INT64_MAX - newest_ns - 2 * DAY_NS ? INT64_MAX - 2 * DAY_NS
                                                                      : newest_ns + retain_ns;
    if (until_ns < now_ns + DAY_NS)
        until_ns = now_ns + DAY_NS;
    return (until_ns / DAY_NS + 1) * DAY_NS;
}

enum status archive_send(struct archive_target *target, const struct archive_source *source,
                         struct archive_entry *entry, struct problem *problem)
{
    struct sending s = {.target = target,
                        .source = source,
                        .image = {.fd = -1},
                        .entry = entry,
                        .problem = problem};
    writer_init(&s.head, ARCHIVE_HEAD_BYTES_MAX);
    writer_init(&s.leaves, SIZE_MAX / 2);
    writer_init(&s.index, ARCHIVE_ENTRY_BYTES_MAX);
    problem_say(problem, "%s", "");
    enum status status = open_image(&s);
    if (status == STATUS_OK) {
        fill_entry(&s.image, entry);
        s.retain_until_ns = retain_until(&s);
        status = take_head(&s);
    }
    if (status == STATUS_OK) {
        fault_point(archive_segment_ready);
        status = put_all(&s);
    }
    entry->head = SLICE_EMPTY;
    archive_image_close(&s.image);
    writer_fini(&s.head);
    writer_fini(&s.leaves);
    writer_fini(&s.index);
    return status;
}
