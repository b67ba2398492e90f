/* time_store.c: files of time-stamp tokens. The remote thread writes, any thread reads. Checks no
 * token. */
#include "storage/evidence/remote/time_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "core/object.h"
#include "storage/evidence/remote/time_token.h"

#define FOLDER      "tokens"
#define SIZE_DIGITS 20

static bool path_of(const char *dir, const struct time_place *place, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/" FOLDER "/%020llu-%u.tsr", dir,
                    (unsigned long long)place->size, place->authority) < PATH_MAX;
}

/* Only the spelling that path_of gives. */
static bool parse_name(const char *name, struct time_place *place)
{
    char again[64];
    unsigned long long size;
    unsigned authority;
    if (strlen(name) >= sizeof again || sscanf(name, "%20llu-%u.tsr", &size, &authority) != 2)
        return false;
    *place = (struct time_place){size, authority};
    snprintf(again, sizeof again, "%020llu-%u.tsr", size, authority);
    return authority < TIME_AUTHORITIES_MAX && !strcmp(again, name);
}

static bool write_file(const char *path, struct slice bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* for a short write */
    bool good = write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size && fsync(fd) == 0;
    int err = errno;
    close(fd);
    errno = err;
    return good;
}

enum status time_store_put(const char *dir, const struct time_place *place, struct slice response)
{
    char path[PATH_MAX], fresh[PATH_MAX + 8], folder[PATH_MAX];
    errno = ENAMETOOLONG;
    if (!path_of(dir, place, path))
        return STATUS_IO;
    snprintf(folder, sizeof folder, "%s/" FOLDER, dir);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    enum status status = folder_make(folder);
    if (status != STATUS_OK)
        return status;
    if (access(path, F_OK) == 0)
        return STATUS_EXISTS;
    if (write_file(fresh, response) && rename(fresh, path) == 0 && folder_sync(path) == STATUS_OK)
        return STATUS_OK;
    int err = errno;
    unlink(fresh);
    errno = err;
    return status_from_errno(err);
}

enum status time_store_get(const char *dir, const struct time_place *place, struct writer *out)
{
    char path[PATH_MAX];
    if (!path_of(dir, place, path))
        return STATUS_IO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = STATUS_NO_MEMORY;
    if (writer_reserve(out, TIME_TOKEN_BYTES_MAX + 1)) {
        ssize_t n = read(fd, out->data + out->size, TIME_TOKEN_BYTES_MAX + 1);
        status = n < 0                              ? STATUS_IO
                 : (size_t)n > TIME_TOKEN_BYTES_MAX ? STATUS_TOO_LARGE
                                                    : STATUS_OK;
        if (status == STATUS_OK)
            out->size += (size_t)n;
    }
    close(fd);
    return status;
}

enum status time_store_walk(const char *dir,
                            bool (*on_place)(void *arg, const struct time_place *place), void *arg)
{
    char folder[PATH_MAX];
    struct time_place place;
    snprintf(folder, sizeof folder, "%s/" FOLDER, dir);
    DIR *open_folder = opendir(folder);
    if (!open_folder)
        return errno == ENOENT ? STATUS_OK : status_from_errno(errno);
    const struct dirent *entry;
    bool goes_on = true;
    while (goes_on && (entry = readdir(open_folder)))
        if (parse_name(entry->d_name, &place))
            goes_on = on_place(arg, &place);
    closedir(open_folder);
    return STATUS_OK;
}

struct newest_search {
    unsigned magic; /* NEWEST_MAGIC */
    const unsigned *authority;
    struct time_place best;
    bool found;
};

#define NEWEST_MAGIC 0x564e5754U
OBJECT_CAST(newest_search, NEWEST_MAGIC)

static bool take_newest(void *arg, const struct time_place *place)
{
    struct newest_search *search = newest_search_cast(arg);
    if ((!search->authority || *search->authority == place->authority) &&
        (!search->found || place->size > search->best.size)) {
        search->best = *place;
        search->found = true;
    }
    return true;
}

enum status time_store_newest(const char *dir, const unsigned *authority, struct time_place *out)
{
    struct newest_search search = {.magic = NEWEST_MAGIC, .authority = authority};
    enum status status = time_store_walk(dir, take_newest, &search);
    if (status == STATUS_OK && !search.found)
        status = STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        *out = search.best;
    return status;
}
