/* archive_target.c: picks the kind of a target by its URL; what all kinds share. The caller's
 * thread. */
#include "storage/evidence/archive/archive_target.h"

#include "core/object.h"

#define BYTES_MAGIC   0x41434259U
#define HASHING_MAGIC 0x41434841U
#define READING_MAGIC 0x41435245U

enum status archive_target_open(const struct archive_settings *settings,
                                struct archive_target **out, struct problem *problem)
{
    struct slice url = slice_from_text(settings->url);
    if (slice_starts_with(url, "file:///"))
        return archive_directory_open(settings, out, problem);
    if (slice_starts_with(url, "s3://"))
        return archive_s3_open(settings, out, problem);
    problem_say(problem,
                "the URL of an archive is file:///folder or s3://bucket/prefix, not '%.200s'",
                settings->url);
    return STATUS_CONFIG;
}

void archive_target_close(struct archive_target *target)
{
    if (target)
        target->ops->close(target);
}

void archive_target_stop_on(struct archive_target *target, const atomic_bool *stop)
{
    target->stop = stop;
}

enum status archive_target_put(struct archive_target *target, const char *name,
                               const struct archive_body *body, int64_t retain_until_ns,
                               struct problem *problem)
{
    return target->ops->put(target, name, body, retain_until_ns, problem);
}

enum status archive_target_get(struct archive_target *target, const char *name,
                               archive_take_fn take, void *arg, struct problem *problem)
{
    return target->ops->get(target, name, take, arg, problem);
}

enum status archive_target_list(struct archive_target *target, archive_name_fn fn, void *arg,
                                struct problem *problem)
{
    return target->ops->list(target, fn, arg, problem);
}

OBJECT_CAST(archive_bytes, BYTES_MAGIC)

static enum status read_memory(void *arg, uint64_t offset, void *bytes, size_t size)
{
    const struct archive_bytes *b = archive_bytes_cast(arg);
    memcpy(bytes, b->bytes.data + offset, size);
    return STATUS_OK;
}

struct archive_body archive_body_of(struct archive_bytes *bytes)
{
    bytes->magic = BYTES_MAGIC;
    sha256_bytes(bytes->bytes, bytes->sha256);
    return (struct archive_body){bytes->bytes.size, bytes->sha256, read_memory, bytes};
}

struct hashing {
    unsigned magic; /* HASHING_MAGIC */
    struct sha256 *hash;
    uint64_t size;
};

OBJECT_CAST(hashing, HASHING_MAGIC)

static enum status take_hash(void *arg, struct slice bytes)
{
    struct hashing *h = hashing_cast(arg);
    sha256_update(h->hash, bytes);
    h->size += bytes.size;
    return STATUS_OK;
}

enum status archive_target_hash(struct archive_target *target, const char *name,
                                uint8_t sha256[SHA256_BYTES], uint64_t *size,
                                struct problem *problem)
{
    struct hashing h = {.magic = HASHING_MAGIC, .hash = sha256_create()};
    if (!h.hash)
        return STATUS_NO_MEMORY;
    sha256_start(h.hash);
    enum status status = archive_target_get(target, name, take_hash, &h, problem);
    if (status == STATUS_OK) {
        sha256_finish(h.hash, sha256);
        *size = h.size;
    }
    sha256_destroy(h.hash);
    return status;
}

struct reading {
    unsigned magic; /* READING_MAGIC */
    struct writer *writer;
};

OBJECT_CAST(reading, READING_MAGIC)

static enum status take_bytes(void *arg, struct slice bytes)
{
    const struct reading *r = reading_cast(arg);
    writer_add_slice(r->writer, bytes);
    return r->writer->status;
}

enum status archive_target_read(struct archive_target *target, const char *name, struct writer *w,
                                struct problem *problem)
{
    struct reading r = {READING_MAGIC, w};
    return archive_target_get(target, name, take_bytes, &r, problem);
}
