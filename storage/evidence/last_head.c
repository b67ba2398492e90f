/* last_head.c: the newest head in a second place. The evidence thread. Does not store heads and
 * does not decide what follows from a refusal. */
#include "storage/evidence/last_head.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "storage/evidence/restart.h"

#define LOG_COMPONENT "evidence"
#include "core/log/log.h"

void last_head_init(struct last_head *place, const char *path, unsigned generation)
{
    snprintf(place->path, sizeof place->path, "%s", path ? path : "");
    place->generation = generation;
    writer_init(&place->seen, NOTE_BYTES_MAX);
}

void last_head_fini(struct last_head *place)
{
    writer_fini(&place->seen);
}

enum status evidence_continues(const struct evidence_tree *tree, uint64_t size,
                               const struct evidence_head *head, const char *where,
                               struct problem *problem)
{
    uint8_t root[MERKLE_HASH_BYTES];
    if (head->size > size) {
        problem_say(problem,
                    "%.200s has a signed head of %llu records, but the tree here has %llu: "
                    "data_dir was rolled back or replaced, or another server signs with this "
                    "key; " EVIDENCE_WHAT_TO_DO,
                    where, (unsigned long long)head->size, (unsigned long long)size);
        return STATUS_REFUSED;
    }
    enum status status = evidence_tree_root(tree, head->size, root);
    if (status != STATUS_OK) {
        problem_say(problem, "the stored hashes of the tree can't be read: %s",
                    status_text(status));
        return status;
    }
    if (memcmp(root, head->root, sizeof root) == 0)
        return STATUS_OK;
    problem_say(
        problem,
        "%.200s has a signed head of %llu records with another root: records or hashes in "
        "data_dir were changed, or another server signs with this key; " EVIDENCE_WHAT_TO_DO,
        where, (unsigned long long)head->size);
    return STATUS_REFUSED;
}

/* NOT_FOUND: nothing is there. */
static enum status read_place(const char *path, struct writer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        if (!writer_reserve(out, 4096)) {
            status = STATUS_IO;
            break;
        }
        ssize_t n = read(fd, out->data + out->size, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = STATUS_IO;
        if (n <= 0)
            break;
        out->size += (size_t)n;
    }
    close(fd);
    return status == STATUS_OK && !out->size ? STATUS_NOT_FOUND : status;
}

static enum status refuse(struct problem *problem, const char *path, const char *why)
{
    problem_say(problem,
                "the head in %.200s %s: nothing is signed; put back the file that belongs to this "
                "data_dir, or correct evidence.last_head",
                path, why);
    return STATUS_REFUSED;
}

static enum status check_note(struct last_head *place, struct slice bytes,
                              const struct note_verifier *log, const struct evidence_tree *tree,
                              uint64_t size, struct problem *problem)
{
    struct note note;
    struct checkpoint checkpoint;
    struct evidence_head head;
    enum status status = evidence_head_parse(bytes, 0, &head);
    if (status == STATUS_NO_MEMORY)
        return status;
    if (status != STATUS_OK)
        return refuse(problem, place->path, "is not a signed head");
    status = checkpoint_open(bytes, log, &note, &checkpoint);
    if (status == STATUS_NO_MEMORY)
        return status;
    if (status == STATUS_CONFLICT || status == STATUS_NOT_FOUND) {
        status = note_parse(bytes, &note);
        if (status == STATUS_OK)
            status = checkpoint_parse(note.text, &checkpoint);
        if (status == STATUS_OK &&
            evidence_restart_is_earlier(log->name, place->generation, checkpoint.origin))
            return STATUS_OK;
        return refuse(problem, place->path, "is another log's, or another key's");
    }
    if (status != STATUS_OK)
        return refuse(problem, place->path, "has a wrong signature");
    return evidence_continues(tree, size, &head, place->path, problem);
}

enum status last_head_check(struct last_head *place, const struct note_verifier *log,
                            const struct evidence_tree *tree, uint64_t size,
                            struct problem *problem)
{
    struct writer bytes;
    if (!place->path[0])
        return STATUS_OK;
    writer_init(&bytes, NOTE_BYTES_MAX);
    enum status status = read_place(place->path, &bytes);
    if (status == STATUS_NOT_FOUND) {
        if (place->seen.size)
            log_warn("the head in the second place is gone; it is written again",
                     LOG_TEXT("file", place->path));
        status = STATUS_OK;
    } else if (status != STATUS_OK) {
        problem_say(problem,
                    "evidence.last_head %.200s can't be read: %.100s; heads are signed "
                    "when it can",
                    place->path, strerror(errno));
    } else if (!slice_equal(writer_slice(&bytes), writer_slice(&place->seen))) {
        status = check_note(place, writer_slice(&bytes), log, tree, size, problem);
        if (status == STATUS_OK) {
            writer_reset(&place->seen);
            writer_add_slice(&place->seen, writer_slice(&bytes));
        }
    }
    writer_fini(&bytes);
    return status;
}

/* Replaces a file as a whole; errno says why not. */
static bool replace(const char *path, struct slice note)
{
    char fresh[4300];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good = fd >= 0 && write(fd, note.data, note.size) == (ssize_t)note.size && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    return good && rename(fresh, path) == 0 && folder_sync(path) == STATUS_OK;
}

enum status last_head_write(struct last_head *place, struct slice note, struct problem *problem)
{
    if (!place->path[0])
        return STATUS_OK;
    if (replace(place->path, note)) {
        writer_reset(&place->seen);
        writer_add_slice(&place->seen, note);
        return STATUS_OK;
    }
    problem_say(problem, "evidence.last_head %.200s can't be written: %.100s", place->path,
                strerror(errno));
    return STATUS_IO;
}

enum status last_head_report(const char *dir, struct slice note)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/" LAST_HEAD_REPORTED, dir);
    return replace(path, note) ? STATUS_OK : STATUS_IO;
}
