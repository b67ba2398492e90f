/* archive_restore.c: reads archived segments, checks them, and writes them as files of a spool. The
 * caller's thread. Does not read the index (archive_catalog.c). */
#include "storage/evidence/archive/archive_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/object.h"
#include "storage/evidence/archive/archive_keys.h"

static enum status check_object(struct archive_target *target, const struct archive_entry *entry,
                                enum archive_object kind, const uint8_t *expected, uint64_t bytes,
                                struct problem *problem)
{
    char name[ARCHIVE_NAME_BYTES];
    uint8_t sha256[SHA256_BYTES];
    uint64_t size;
    archive_object_name(entry, kind, name);
    enum status status = archive_target_hash(target, name, sha256, &size, problem);
    if (status == STATUS_NOT_FOUND)
        problem_say(problem, "%s is missing", name);
    if (status == STATUS_OK && (size != bytes || memcmp(sha256, expected, SHA256_BYTES) != 0)) {
        problem_say(problem, "%s differs from the hash in its index", name);
        status = STATUS_CORRUPT;
    }
    return status;
}

enum status archive_check(struct archive_target *target, const struct archive_entry *entry,
                          enum archive_finding *wrong, struct problem *problem)
{
    *wrong = ARCHIVE_FINDING_OBJECT;
    enum status status =
        check_object(target, entry, ARCHIVE_SEGMENT, entry->sha256, entry->bytes, problem);
    if (status != STATUS_OK || !entry->leaf_hashes)
        return status;
    *wrong = ARCHIVE_FINDING_LEAVES;
    return check_object(target, entry, ARCHIVE_LEAVES, entry->leaves_sha256,
                        entry->leaf_hashes * SHA256_BYTES, problem);
}

#define FETCHING_MAGIC 0x41434645U

struct fetching {
    unsigned magic; /* FETCHING_MAGIC */
    int fd;
    uint64_t at, limit;
    struct sha256 *hash;
};

OBJECT_CAST(fetching, FETCHING_MAGIC)

static enum status take(void *arg, struct slice bytes)
{
    struct fetching *f = fetching_cast(arg);
    if (bytes.size > f->limit - f->at)
        return STATUS_CORRUPT;
    sha256_update(f->hash, bytes);
    enum status status = spool_write_all(f->fd, bytes, f->at);
    f->at += bytes.size;
    return status;
}

/* Copies an object to fd at `offset`; CORRUPT unless it is what its index says. */
static enum status copy_object(struct archive_target *target, const struct archive_entry *entry,
                               enum archive_object kind, const uint8_t *expected, uint64_t bytes,
                               int fd, uint64_t offset, struct problem *problem)
{
    char name[ARCHIVE_NAME_BYTES];
    uint8_t sha256[SHA256_BYTES];
    struct fetching f = {FETCHING_MAGIC, fd, offset, offset + bytes, sha256_create()};
    if (!f.hash)
        return STATUS_NO_MEMORY;
    archive_object_name(entry, kind, name);
    sha256_start(f.hash);
    enum status status = archive_target_get(target, name, take, &f, problem);
    sha256_finish(f.hash, sha256);
    sha256_destroy(f.hash);
    if (status == STATUS_OK && (f.at != f.limit || memcmp(sha256, expected, SHA256_BYTES) != 0))
        status = STATUS_CORRUPT;
    if (status == STATUS_CORRUPT || status == STATUS_NOT_FOUND)
        problem_say(problem,
                    status == STATUS_CORRUPT ? "%s differs from the hash in its index"
                                             : "%s is missing",
                    name);
    return status;
}

/* The segment with its key areas, into fd. */
static enum status fill(struct archive_target *target, const struct archive_entry *entry, int fd,
                        int keys_fd, uint64_t *joined, struct problem *problem)
{
    char name[SPOOL_NAME_BYTES];
    enum status status =
        copy_object(target, entry, ARCHIVE_SEGMENT, entry->sha256, entry->bytes, fd, 0, problem);
    if (status != STATUS_OK || keys_fd < 0 || !entry->key_areas)
        return status;
    status = archive_keys_join(keys_fd, entry->segment, fd, joined);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    spool_segment_name(entry->segment, name);
    if (status != STATUS_OK)
        problem_say(problem, "the key areas of %s can't be used: %s", name, status_text(status));
    return status;
}

enum status archive_fetch_unnamed(struct archive_target *target, const struct archive_entry *entry,
                                  int folder, int keys_fd, int *out, struct problem *problem)
{
    static const char fresh[] = "fetched";
    uint64_t joined = 0;
    int fd = openat(folder, fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || unlinkat(folder, fresh, 0) != 0) {
        enum status failed = status_from_errno(errno);
        problem_say(problem, "%s: %s", fresh, strerror(errno));
        if (fd >= 0)
            close(fd);
        return failed;
    }
    enum status status = fill(target, entry, fd, keys_fd, &joined, problem);
    if (status == STATUS_OK)
        *out = fd;
    else
        close(fd);
    return status;
}

enum status archive_fetch(struct archive_target *target, const struct archive_entry *entry,
                          int folder, int keys_fd, uint64_t *joined, struct problem *problem)
{
    char name[SPOOL_NAME_BYTES], fresh[SPOOL_NAME_BYTES + 16];
    *joined = 0;
    spool_segment_name(entry->segment, name);
    snprintf(fresh, sizeof fresh, "%s.restore", name);
    if (faccessat(folder, name, F_OK, 0) == 0) {
        problem_say(problem, "%s is there already", name);
        return STATUS_EXISTS;
    }
    int fd = openat(folder, fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        problem_say(problem, "%s: %s", fresh, strerror(errno));
        return status_from_errno(errno);
    }
    enum status status = fill(target, entry, fd, keys_fd, joined, problem);
    if (status == STATUS_OK &&
        (fsync(fd) != 0 || renameat(folder, fresh, folder, name) != 0 || fsync(folder) != 0)) {
        problem_say(problem, "%s: %s", name, strerror(errno));
        status = status_from_errno(errno);
    }
    close(fd);
    if (status != STATUS_OK)
        (void)unlinkat(folder, fresh, 0);
    return status;
}

enum status archive_fetch_leaves(struct archive_target *target, const struct archive_entry *entry,
                                 int fd, struct problem *problem)
{
    if (!entry->leaf_hashes)
        return STATUS_OK;
    return copy_object(target, entry, ARCHIVE_LEAVES, entry->leaves_sha256,
                       entry->leaf_hashes * SHA256_BYTES, fd, entry->first_leaf * SHA256_BYTES,
                       problem);
}
