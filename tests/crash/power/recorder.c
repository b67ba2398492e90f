/* recorder.c: LD_PRELOADed into vsocd: notes, in the order in which they happen, everything that
 * changes or syncs files under VSOCD_RECORD_ROOT, and each reply that grants a batch, in the file
 * VSOCD_RECORD. All threads; one lock makes the order. Changes nothing that the program sees.
 *
 * VSOCD_RECORD_DIE=n: the process kills itself instead of its n-th sync of a segment: what it had
 * written is then in files that nobody has synced. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define GRANTED     "HTTP/1.1 200 "
#define REPLY_BYTES 8192

/* A note: this, then name and data. journal.py reads it. */
struct note {
    uint32_t op; /* a letter, see the functions */
    uint32_t name_bytes, data_bytes, unused;
    uint64_t inode, number;
};

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int record_fd = -1;
static const char *root;
static long syncs_left;

/* The C library's function of that name. A data pointer becomes one to a function through memory:
 * ISO C has no cast for it. */
#define REAL(type, name, ...)                                                                      \
    static type (*real_##name)(__VA_ARGS__);                                                       \
    type name(__VA_ARGS__);
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)
REAL(ssize_t, writev, int, const struct iovec *, int)
REAL(ssize_t, send, int, const void *, size_t, int)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, ftruncate, int, off_t)
REAL(int, fallocate, int, int, off_t, off_t)
REAL(int, rename, const char *, const char *)
REAL(int, renameat, int, const char *, int, const char *)
REAL(int, renameat2, int, const char *, int, const char *, unsigned)
REAL(int, linkat, int, const char *, int, const char *, int)
REAL(int, link, const char *, const char *)
REAL(int, mkostemp, char *, int)
REAL(int, unlink, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, mkdir, const char *, mode_t)
REAL(int, mkdirat, int, const char *, mode_t)
static int (*real_openat)(int, const char *, int, ...);
int open(const char *path, int flags, ...);
int openat(int dir, const char *path, int flags, ...);
int __openat_2(int dir, const char *path, int flags);

static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(function, &found, sizeof found);
}

__attribute__((constructor)) static void begin(void)
{
#define FIND(name) find(&real_##name, #name)
    FIND(write), FIND(pwrite), FIND(pwritev), FIND(writev), FIND(send), FIND(fsync);
    FIND(fdatasync), FIND(ftruncate), FIND(fallocate), FIND(rename), FIND(renameat);
    FIND(renameat2), FIND(linkat), FIND(unlink), FIND(unlinkat), FIND(mkdir), FIND(mkdirat);
    FIND(mkostemp), FIND(link);
    FIND(openat);
    const char *record = getenv("VSOCD_RECORD"), *die = getenv("VSOCD_RECORD_DIE");
    root = getenv("VSOCD_RECORD_ROOT");
    syncs_left = die ? strtol(die, NULL, 10) : -1;
    if (record && root)
        record_fd = real_openat(AT_FDCWD, record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

/* --- notes ---------------------------------------------------------------------------------- */

static void note(char op, uint64_t inode, uint64_t number, const char *name, const void *data,
                 size_t data_bytes)
{
    struct note n = {.op = (unsigned char)op,
                     .name_bytes = (uint32_t)strlen(name),
                     .data_bytes = (uint32_t)data_bytes,
                     .inode = inode,
                     .number = number};
    struct iovec parts[] = {{&n, sizeof n},
                            {(void *)(uintptr_t)name, n.name_bytes},
                            {(void *)(uintptr_t)data, data_bytes}};
    if (real_writev(record_fd, parts, 3) != (ssize_t)(sizeof n + n.name_bytes + data_bytes))
        abort();
}

/* The path below root, or NULL when it is elsewhere. "" is root itself. */
static const char *below(const char *path)
{
    size_t size = strlen(root);
    if (record_fd < 0 || strncmp(path, root, size) != 0)
        return NULL;
    return path[size] == '/' ? path + size + 1 : path[size] ? NULL : path + size;
}

static const char *path_of_fd(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = '\0';
    return below(path);
}

static const char *path_at(int dir, const char *name, char path[PATH_MAX])
{
    char folder[PATH_MAX] = "";
    if (name[0] != '/' && dir == AT_FDCWD && !getcwd(folder, sizeof folder))
        return NULL;
    if (name[0] != '/' && dir != AT_FDCWD)
        (void)path_of_fd(dir, folder);
    int n = snprintf(path, PATH_MAX, "%s%s%s", folder, folder[0] ? "/" : "", name);
    return n > 0 && n < PATH_MAX ? below(path) : NULL;
}

/* A file below root that is written to: its inode and size. */
static bool is_recorded(int fd, struct stat *st)
{
    char path[PATH_MAX];
    if (record_fd < 0 || fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
        return false;
    return path_of_fd(fd, path) != NULL;
}

static void lock(void)
{
    pthread_mutex_lock(&order);
}

static void unlock(void)
{
    int err = errno;
    pthread_mutex_unlock(&order);
    errno = err;
}

/* --- data ----------------------------------------------------------------------------------- */

/* 'w': inode, offset, bytes */
static void note_written(uint64_t inode, uint64_t offset, const struct iovec *iov, int count,
                         ssize_t n)
{
    for (int i = 0; i < count && n > 0; i++) {
        size_t size = iov[i].iov_len < (size_t)n ? iov[i].iov_len : (size_t)n;
        note('w', inode, offset, "", iov[i].iov_base, size);
        offset += size;
        n -= (ssize_t)size;
    }
}

/* 'a': a reply with status 200, before it leaves */
static void note_reply(int fd, const void *data, size_t size)
{
    struct stat st;
    if (record_fd >= 0 && size > strlen(GRANTED) && memcmp(data, GRANTED, strlen(GRANTED)) == 0 &&
        fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
        note('a', 0, 0, "", data, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    lock();
    note_reply(fd, data, size);
    unlock();
    return real_send(fd, data, size, flags);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    char reply[REPLY_BYTES];
    size_t size = 0;
    for (int i = 0; i < count && iov[i].iov_len <= sizeof reply - size; i++) {
        memcpy(reply + size, iov[i].iov_base, iov[i].iov_len);
        size += iov[i].iov_len;
    }
    lock();
    note_reply(fd, reply, size);
    unlock();
    return real_writev(fd, iov, count);
}

/* Files are written to with O_APPEND or once from their start: the offset is their size. */
ssize_t write(int fd, const void *data, size_t size)
{
    struct stat st;
    struct iovec iov = {(void *)(uintptr_t)data, size};
    lock();
    bool recorded = is_recorded(fd, &st);
    note_reply(fd, data, size);
    ssize_t n = real_write(fd, data, size);
    if (recorded)
        note_written(st.st_ino, (uint64_t)st.st_size, &iov, 1, n);
    unlock();
    return n;
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    struct stat st;
    lock();
    ssize_t n = real_pwritev(fd, iov, count, offset);
    if (is_recorded(fd, &st))
        note_written(st.st_ino, (uint64_t)offset, iov, count, n);
    unlock();
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return pwritev(fd, &(struct iovec){(void *)(uintptr_t)data, size}, 1, offset);
}

/* 't': inode, new size */
int ftruncate(int fd, off_t size)
{
    struct stat st;
    lock();
    int rc = real_ftruncate(fd, size);
    if (rc == 0 && is_recorded(fd, &st))
        note('t', st.st_ino, (uint64_t)size, "", "", 0);
    unlock();
    return rc;
}

/* 'f': inode, size that the file has at least */
int fallocate(int fd, int mode, off_t offset, off_t size)
{
    struct stat st;
    lock();
    int rc = real_fallocate(fd, mode, offset, size);
    if (rc == 0 && is_recorded(fd, &st)) {
        if (mode & ~FALLOC_FL_KEEP_SIZE)
            abort();
        if (!mode) /* room alone is no change that a power cut could undo */
            note('f', st.st_ino, (uint64_t)(offset + size), "", "", 0);
    }
    unlock();
    return rc;
}

/* --- syncs ---------------------------------------------------------------------------------- */

static void die_when_due(const char *path)
{
    size_t size = path ? strlen(path) : 0;
    if (syncs_left < 0 || size < 4 || strcmp(path + size - 4, ".seg") != 0 || syncs_left-- > 1)
        return;
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* 's': inode; 'd': path of a directory */
static int sync_with(int (*real)(int), int fd)
{
    char path[PATH_MAX];
    struct stat st;
    lock();
    const char *name = path_of_fd(fd, path);
    die_when_due(name);
    int rc = real(fd);
    if (rc == 0 && name && fstat(fd, &st) == 0)
        note(S_ISDIR(st.st_mode) ? 'd' : 's', st.st_ino, 0, name, "", 0);
    unlock();
    return rc;
}

int fsync(int fd)
{
    return sync_with(real_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_with(real_fdatasync, fd);
}

/* --- names ---------------------------------------------------------------------------------- */

/* 'c': inode, path of a new file; 't' when an old one is emptied */
static int open_at(int dir, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat st;
    lock();
    const char *inside = flags & O_CREAT || flags & O_TRUNC ? path_at(dir, name, path) : NULL;
    bool was_there = inside && fstatat(dir, name, &st, 0) == 0;
    int fd = real_openat(dir, name, flags, mode);
    if (fd >= 0 && inside && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        if (!was_there)
            note('c', st.st_ino, 0, inside, "", 0);
        else if (flags & O_TRUNC)
            note('t', st.st_ino, 0, "", "", 0);
    }
    unlock();
    return fd;
}

int mkostemp(char *template, int flags)
{
    char path[PATH_MAX];
    struct stat st;
    lock();
    int fd = real_mkostemp(template, flags);
    const char *inside = fd >= 0 ? path_at(AT_FDCWD, template, path) : NULL;
    if (inside && fstat(fd, &st) == 0)
        note('c', st.st_ino, 0, inside, "", 0);
    unlock();
    return fd;
}

static mode_t mode_of(int flags, va_list *arguments)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(*arguments, mode_t) : 0;
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_at(dir, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, &arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int __openat_2(int dir, const char *path, int flags)
{
    return open_at(dir, path, flags, 0);
}

/* 'r', 'l': path, other path as data */
static void note_pair(char op, const char *from, const char *to)
{
    if (!from != !to)
        abort(); /* over the edge of what is recorded */
    if (from)
        note(op, 0, 0, from, to, strlen(to));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    char a[PATH_MAX], b[PATH_MAX];
    lock();
    int rc = flags ? real_renameat2(from_dir, from, to_dir, to, flags)
                   : real_renameat(from_dir, from, to_dir, to);
    if (rc == 0)
        note_pair('r', path_at(from_dir, from, a), path_at(to_dir, to, b));
    unlock();
    return rc;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char a[PATH_MAX], b[PATH_MAX];
    lock();
    int rc = real_linkat(from_dir, from, to_dir, to, flags);
    if (rc == 0)
        note_pair('l', path_at(from_dir, from, a), path_at(to_dir, to, b));
    unlock();
    return rc;
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* 'u': path */
int unlinkat(int dir, const char *name, int flags)
{
    char path[PATH_MAX];
    lock();
    const char *inside = path_at(dir, name, path);
    int rc = real_unlinkat(dir, name, flags);
    if (rc == 0 && inside)
        note('u', 0, 0, inside, "", 0);
    unlock();
    return rc;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

/* 'm': path */
int mkdirat(int dir, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    lock();
    int rc = real_mkdirat(dir, name, mode);
    const char *inside = path_at(dir, name, path);
    if (rc == 0 && inside)
        note('m', 0, 0, inside, "", 0);
    unlock();
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}
