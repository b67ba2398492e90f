/* spool_index_files.c: index files as a whole: which there are, kept or removed. At open the
 * opener's thread, then the writer's and the keeper's. */
#include "storage/spool/index/spool_index_format.h"

#include "core/disk/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum status spool_index_keep(int dir_fd, uint64_t first)
{
    char from[SPOOL_NAME_BYTES], to[SPOOL_NAME_BYTES];
    spool_index_name(first, SPOOL_INDEX_SEGMENT, from);
    spool_index_name(first, SPOOL_INDEX_KEYS, to);
    enum status status =
        renameat(dir_fd, from, dir_fd, to) == 0 ? STATUS_OK : status_from_errno(errno);
    if (status == STATUS_NOT_FOUND && faccessat(dir_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        status = STATUS_OK; /* by an attempt to remove the segment that got no further */
    fault_point(spool_index_kept);
    return status;
}

enum status spool_index_remove(int dir_fd, uint64_t first)
{
    const enum spool_index_kind kinds[] = {SPOOL_INDEX_SEGMENT, SPOOL_INDEX_KEYS};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char name[SPOOL_NAME_BYTES];
        spool_index_name(first, kinds[i], name);
        if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
            status = status_from_errno(errno);
    }
    return status;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Number of an index file; *suffix: what follows it. False: another file. */
static bool parse(const char *name, uint64_t *first, const char **suffix)
{
    char segment[SPOOL_NAME_BYTES];
    *suffix = strchr(name, '.');
    if (!*suffix || *suffix - name > 20)
        return false;
    snprintf(segment, sizeof segment, "%.20s.seg", name);
    return *suffix - name == 20 && spool_segment_parse_name(segment, first);
}

/* What can't be removed is no hindrance: its name is tried again by the next start. */
static void take_name(int dir_fd, const char *name, const uint64_t *firsts, size_t count,
                      uint64_t *keys, size_t *key_count)
{
    uint64_t first;
    const char *suffix;
    if (!parse(name, &first, &suffix))
        return;
    bool there = count && bsearch(&first, firsts, count, sizeof *firsts, compare_u64);
    bool unfinished = strcmp(suffix, ".idx.new") == 0;
    bool lost = strcmp(suffix, ".idx") == 0 && !there;
    if (unfinished || lost)
        unlinkat(dir_fd, name, 0);
    else if (strcmp(suffix, ".keys") == 0 && !there)
        keys[(*key_count)++] = first;
}

static DIR *open_stream(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !stream)
        close(fd);
    return stream;
}

enum status spool_index_list_keys(int dir_fd, const uint64_t *firsts, size_t first_count,
                                  uint64_t **keys, size_t *count)
{
    DIR *stream = open_stream(dir_fd);
    if (!stream)
        return status_from_errno(errno);
    size_t n = 0, room = 64;
    uint64_t *found = malloc(room * sizeof *found);
    enum status status = found ? STATUS_OK : STATUS_NO_MEMORY;
    struct dirent *e;
    while (status == STATUS_OK && (errno = 0, e = readdir(stream)) != NULL) {
        if (n == room) {
            uint64_t *grown = realloc(found, 2 * room * sizeof *found);
            if (!grown) {
                status = STATUS_NO_MEMORY;
                break;
            }
            found = grown;
            room *= 2;
        }
        take_name(dir_fd, e->d_name, firsts, first_count, found, &n);
    }
    if (status == STATUS_OK && errno)
        status = status_from_errno(errno);
    closedir(stream);
    if (status != STATUS_OK) {
        free(found);
        return status;
    }
    qsort(found, n, sizeof *found, compare_u64);
    *keys = found;
    *count = n;
    return STATUS_OK;
}
