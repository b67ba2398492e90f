/* key_file.c: makes files with a signing key. Main thread. Reads none: files that are trusted are
 * read by server/files. */
#include "storage/evidence/signer/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "core/hash.h"

#define TEXT_BYTES_MAX 4096

static bool write_secret(int fd, const struct note_secret *secret)
{
    struct writer w;
    writer_init(&w, TEXT_BYTES_MAX);
    note_secret_write(&w, secret);
    writer_text(&w, "\n");
    errno = ENOSPC; /* for a short write */
    bool good = w.status == STATUS_OK && write(fd, w.data, w.size) == (ssize_t)w.size &&
                fchmod(fd, 0600) == 0 && fsync(fd) == 0;
    if (w.data)
        explicit_bzero(w.data, w.capacity);
    writer_fini(&w);
    return good;
}

/* Gets its name only where no file has it. */
static bool publish(const char *fresh, const char *path)
{
    return link(fresh, path) == 0 && unlink(fresh) == 0;
}

static enum status write_file(const char *path, const struct note_secret *secret,
                              struct problem *problem)
{
    char fresh[PATH_MAX];
    int size = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
    errno = ENAMETOOLONG;
    int fd = size < PATH_MAX ? mkostemp(fresh, O_CLOEXEC) : -1;
    bool good = fd >= 0 && write_secret(fd, secret) && publish(fresh, path) &&
                folder_sync(path) == STATUS_OK;
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (good)
        return STATUS_OK;
    if (fd >= 0)
        unlink(fresh);
    if (err == EEXIST)
        problem_say(problem, "%s exists; a key is never overwritten: choose another name", path);
    else
        problem_say(problem, "%s can't be created: %s", path, strerror(err));
    return status_from_errno(err);
}

enum status key_file_make(const char *path, struct slice name, enum note_algorithm algorithm,
                          struct note_verifier *made, struct problem *problem)
{
    uint8_t seed[NOTE_SEED_BYTES];
    struct note_secret secret;
    random_bytes(seed, sizeof seed);
    enum status status = note_secret_make(name, algorithm, seed, &secret);
    explicit_bzero(seed, sizeof seed);
    if (status == STATUS_MALFORMED)
        problem_say(problem, "the name of a key has 1 to 255 bytes without spaces and plus signs");
    else if (status != STATUS_OK)
        problem_say(problem, "the key can't be made: %s", status_text(status));
    if (status != STATUS_OK)
        return status;
    status = write_file(path, &secret, problem);
    if (status == STATUS_OK)
        *made = secret.verifier;
    note_secret_wipe(&secret);
    return status;
}
