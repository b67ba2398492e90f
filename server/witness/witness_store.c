/* witness_store.c: the files of a witness: read, replaced durably. Main thread. Does not look into
 * what it stores. */
#include "server/witness/witness_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "core/hash.h"
#include "server/files/file_read.h"

#define ORIGIN_BYTES 16 /* of its hash, in names */
#define ROOT_BYTES   8
#define HEX_MAX      (2 * ORIGIN_BYTES + 1)
#define FORK         ".fork-"

struct witness_store {
    char dir[PATH_MAX];
    int lock_fd;
    size_t forks;
};

static void to_hex(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void origin_name(struct slice origin, char name[HEX_MAX])
{
    uint8_t digest[SHA256_BYTES];
    sha256_bytes(origin, digest);
    to_hex(digest, ORIGIN_BYTES, name);
}

static enum status make_path(const struct witness_store *store, const char *name,
                             char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s", store->dir, name) < PATH_MAX ? STATUS_OK
                                                                          : STATUS_TOO_LARGE;
}

static void count_forks(struct witness_store *store)
{
    DIR *folder = opendir(store->dir);
    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;)
        store->forks += strstr(entry->d_name, FORK) != NULL;
    if (folder)
        closedir(folder);
}

static enum status open_folder(struct witness_store *store, struct problem *problem)
{
    char path[PATH_MAX];
    enum status s = folder_make(store->dir);
    if (s != STATUS_OK) {
        problem_say(problem, "the folder %s can't be made: %s", store->dir, strerror(errno));
        return s;
    }
    s = make_path(store, "lock", path);
    store->lock_fd = s == STATUS_OK ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640) : -1;
    if (store->lock_fd < 0) {
        problem_say(problem, "%s can't be written: %s", path, strerror(errno));
        return s == STATUS_OK ? status_from_errno(errno) : s;
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        problem_say(problem, "another witness uses %s: a folder belongs to one process",
                    store->dir);
        return STATUS_LOCKED;
    }
    count_forks(store);
    return STATUS_OK;
}

enum status witness_store_open(const char *dir, struct witness_store **out, struct problem *problem)
{
    struct witness_store *store = calloc(1, sizeof *store);
    if (!store)
        return STATUS_NO_MEMORY;
    store->lock_fd = -1;
    enum status s = STATUS_TOO_LARGE;
    if ((size_t)snprintf(store->dir, sizeof store->dir, "%s", dir) >= sizeof store->dir)
        problem_say(problem, "the name of the folder is too long");
    else
        s = open_folder(store, problem);
    if (s == STATUS_OK)
        *out = store;
    else
        witness_store_close(store);
    return s;
}

void witness_store_close(struct witness_store *store)
{
    if (!store)
        return;
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store);
}

static enum status head_path(const struct witness_store *store, struct slice origin,
                             char path[PATH_MAX])
{
    char hex[HEX_MAX], name[HEX_MAX + 8];
    origin_name(origin, hex);
    snprintf(name, sizeof name, "%s.head", hex);
    return make_path(store, name, path);
}

enum status witness_store_read(const struct witness_store *store, struct slice origin,
                               struct writer *note)
{
    char path[PATH_MAX];
    struct writer bytes;
    enum status s = head_path(store, origin, path);
    if (s != STATUS_OK)
        return s;
    s = file_read_all(path, &bytes);
    if (s == STATUS_OK) {
        writer_add_slice(note, writer_slice(&bytes));
        s = note->status;
    }
    writer_fini(&bytes);
    return s;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno != EINTR)
            return false;
        bytes = slice_sub(bytes, n > 0 ? (size_t)n : 0, bytes.size);
    }
    return true;
}

/* A whole file takes the name `path`, durably. */
static enum status replace(const char *path, struct slice bytes)
{
    char fresh[PATH_MAX];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh)
        return STATUS_TOO_LARGE;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    bool good = write_all(fd, bytes) && fsync(fd) == 0;
    int err = errno;
    close(fd);
    if (good && rename(fresh, path) == 0)
        return folder_sync(path);
    if (good)
        err = errno;
    unlink(fresh);
    return status_from_errno(err);
}

enum status witness_store_write(struct witness_store *store, struct slice origin, struct slice note)
{
    char path[PATH_MAX];
    enum status s = head_path(store, origin, path);
    return s == STATUS_OK ? replace(path, note) : s;
}

enum status witness_store_fork(struct witness_store *store, struct slice origin, uint64_t size,
                               const uint8_t root[32], struct slice note)
{
    char hex[HEX_MAX], root_hex[2 * ROOT_BYTES + 1], name[HEX_MAX + 60], path[PATH_MAX];
    origin_name(origin, hex);
    to_hex(root, ROOT_BYTES, root_hex);
    snprintf(name, sizeof name, "%s" FORK "%llu-%s", hex, (unsigned long long)size, root_hex);
    enum status s = make_path(store, name, path);
    if (s != STATUS_OK || access(path, F_OK) == 0)
        return s;
    if (store->forks >= WITNESS_FORKS_MAX)
        return STATUS_TOO_MANY;
    s = replace(path, note);
    if (s == STATUS_OK)
        store->forks++;
    return s;
}
