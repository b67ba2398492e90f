/* fail_calls.c: preloaded into a program under test, lets chosen calls fail. Any thread. Does not
 * know the program.
 *
 * FAIL_CALLS=KIND:NTH:ERRNO:TIMES[:HOW] fails the NTH call of KIND and the TIMES - 1 after it (0:
 * all after it) with that errno number. HOW is "after": does the work and then says that it failed;
 * "short": reads or writes one byte less than asked, or nothing to speak of (ERRNO is not used).
 * KIND "change" is all calls that change the file system: with TIMES 0 and EROFS it is read-only.
 * FAIL_CALLS_BELOW=DIR: of calls that name files only those below DIR count. Of allocations those
 * of libc, the loader, librdkafka (ends the process by design) and libcrypto (reads through NULL
 * when its first use finds no memory) never fail, nor those of libevent's bufferevent_setwatermark
 * (goes on with the NULL of its evbuffer_add_cb) and of simdjson's choice for the CPU at first use
 * (throws out of noexcept functions, so no caller can catch it). FAIL_CALLS_COUNTS=FILE: how
 * many calls of each kind there were and how many failed. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

/* clang-format off */
#define KINDS(X)                                                                                   \
    X(open) X(read) X(write) X(sync) X(ftruncate) X(fallocate) X(rename) X(unlink) X(link)         \
    X(mkdir) X(close) X(stat) X(statvfs) X(flock) X(readdir) X(recv) X(send) X(accept4)            \
    X(epoll_ctl) X(epoll_wait) X(epoll_create) X(eventfd) X(pthread_create) X(socket) X(bind)      \
    X(listen) X(dup) X(mmap) X(alloc) X(change)
/* clang-format on */

enum kind {
#define X(name) KIND_##name,
    KINDS(X)
#undef X
        KIND_COUNT,
    KIND_NONE = KIND_COUNT
};

struct row {
    char name[16];
    atomic_ulong seen, failed;
};

enum how { BEFORE, AFTER, SHORT };

#define FILES_MAX 65536
#define SPANS_MAX 64

static struct row own_rows[KIND_COUNT], *rows = own_rows;
static bool on;
static enum kind chosen = KIND_NONE;
static unsigned long chosen_nth, chosen_times;
static int chosen_errno;
static enum how chosen_how;
static char below[PATH_MAX];
static size_t below_size;
static atomic_bool of_interest[FILES_MAX];
static struct {
    uintptr_t from, to;
} spared[SPANS_MAX]; /* code whose allocations never fail */
static size_t spared_count;
static _Thread_local bool spared_call; /* this thread is in a call whose allocations never fail */

/* --- choice ------------------------------------------------------------------------------------
 */

static bool is_turn(enum kind kind)
{
    unsigned long n = atomic_fetch_add(&rows[kind].seen, 1) + 1;
    if (kind != chosen || n < chosen_nth || (chosen_times && n >= chosen_nth + chosen_times))
        return false;
    atomic_fetch_add(&rows[kind].failed, 1);
    return true;
}

static bool changes(enum kind kind)
{
    switch (kind) {
    case KIND_write:
    case KIND_sync:
    case KIND_ftruncate:
    case KIND_fallocate:
    case KIND_rename:
    case KIND_unlink:
    case KIND_link:
    case KIND_mkdir:
        return true;
    default:
        return false;
    }
}

static bool due(enum kind kind)
{
    if (!on)
        return false;
    bool change = changes(kind) && is_turn(KIND_change);
    return is_turn(kind) || change;
}

static bool open_is_due(int flags)
{
    bool change = on && (flags & (O_ACCMODE | O_CREAT)) && is_turn(KIND_change);
    return due(KIND_open) || change;
}

static bool known_file(int fd)
{
    return fd >= 0 && fd < FILES_MAX && atomic_load(&of_interest[fd]);
}

/* A name in a folder that was opened on the way, as the server walks to files that must be trusted.
 */
static bool is_below(int dir_fd, const char *name)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (!below_size || n < 0)
        return false;
    int more = snprintf(path + n, sizeof path - (size_t)n, "/%s", name);
    return more > 0 && (size_t)(n + more) < sizeof path && strncmp(path, below, below_size) == 0;
}

static bool known_path(int dir_fd, const char *path)
{
    if (path[0] != '/')
        return dir_fd != AT_FDCWD && (known_file(dir_fd) || is_below(dir_fd, path));
    return below_size && strncmp(path, below, below_size) == 0;
}

static void know(int fd, bool is)
{
    if (fd >= 0 && fd < FILES_MAX)
        atomic_store(&of_interest[fd], is);
}

static bool spares(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    for (size_t i = 0; i < spared_count; i++)
        if (at >= spared[i].from && at < spared[i].to)
            return true;
    return false;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    static const char *const names[] = {"/libc.so",   "/ld-linux",    "/librdkafka",
                                        "/libcrypto", "/libjemalloc", "/fail_calls"};
    (void)size, (void)arg;
    bool spare = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        spare = spare || strstr(info->dlpi_name, names[i]);
    for (int i = 0; spare && i < info->dlpi_phnum && spared_count < SPANS_MAX; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        spared[spared_count].from = info->dlpi_addr + p->p_vaddr;
        spared[spared_count++].to = info->dlpi_addr + p->p_vaddr + p->p_memsz;
    }
    return 0;
}

static void share_counts(const char *path)
{
    static const char *const names[] = {
#define X(name) #name,
        KINDS(X)
#undef X
    };
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof own_rows) != 0)
        abort();
    rows = mmap(NULL, sizeof own_rows, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (rows == MAP_FAILED)
        abort();
    for (size_t i = 0; i < KIND_COUNT; i++)
        snprintf(rows[i].name, sizeof rows[i].name, "%s", names[i]);
}

__attribute__((constructor)) static void begin(void)
{
    const char *counts = getenv("FAIL_CALLS_COUNTS"), *what = getenv("FAIL_CALLS"),
               *dir = getenv("FAIL_CALLS_BELOW");
    char kind[16], how[8] = "";
    if (!counts || !dir)
        return;
    snprintf(below, sizeof below, "%s", dir);
    below_size = strlen(below);
    share_counts(counts);
    dl_iterate_phdr(note_object, NULL);
    if (what && sscanf(what, "%15[a-z0-9_]:%lu:%d:%lu:%7s", kind, &chosen_nth, &chosen_errno,
                       &chosen_times, how) >= 4) {
        chosen_how = strcmp(how, "after") == 0 ? AFTER : strcmp(how, "short") == 0 ? SHORT : BEFORE;
        for (chosen = 0; chosen < KIND_COUNT && strcmp(rows[chosen].name, kind) != 0;)
            chosen++;
        if (chosen == KIND_NONE)
            abort();
    }
    on = true;
}

/* --- calls -------------------------------------------------------------------------------------
 */

/* REAL(name): the next function of that name. */
#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real)                                                                                     \
    real = (__typeof__(name) *)(uintptr_t)dlsym(RTLD_NEXT, #name)

/* The body of a call that gives -1 when it fails. */
#define CALL(interesting, kind, arguments)                                                         \
    do {                                                                                           \
        if (!(interesting) || !due(kind))                                                          \
            return real arguments;                                                                 \
        if (chosen_how == AFTER)                                                                   \
            (void)!real arguments;                                                                 \
        errno = chosen_errno;                                                                      \
        return -1;                                                                                 \
    } while (0)

/* The same for reads and writes, which may also be short. */
#define TRANSFER(interesting, kind, arguments, short_arguments)                                    \
    do {                                                                                           \
        if (!(interesting) || !due(kind))                                                          \
            return real arguments;                                                                 \
        if (chosen_how == SHORT)                                                                   \
            return real short_arguments;                                                           \
        errno = chosen_errno;                                                                      \
        return -1;                                                                                 \
    } while (0)

static int open_known(int fd, bool known)
{
    know(fd, known);
    return fd;
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    bool known = known_path(AT_FDCWD, path);
    if (known && open_is_due(flags)) {
        errno = chosen_errno;
        return -1;
    }
    return open_known(real(path, flags, mode), known);
}

int openat(int dir_fd, const char *path, int flags, ...)
{
    REAL(openat);
    va_list more;
    va_start(more, flags);
    mode_t mode = mode_of(flags, more);
    va_end(more);
    bool known = known_path(dir_fd, path);
    if (known && open_is_due(flags)) {
        errno = chosen_errno;
        return -1;
    }
    return open_known(real(dir_fd, path, flags, mode), known);
}

/* What openat becomes under _FORTIFY_SOURCE when no mode is given. */
int __openat_2(int dir_fd, const char *path, int flags);
int __openat_2(int dir_fd, const char *path, int flags)
{
    return openat(dir_fd, path, flags);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    if (known_path(AT_FDCWD, path) && open_is_due(strpbrk(mode, "wa+") ? O_WRONLY : O_RDONLY)) {
        errno = chosen_errno;
        return NULL;
    }
    return real(path, mode);
}

DIR *opendir(const char *path)
{
    REAL(opendir);
    if (known_path(AT_FDCWD, path) && due(KIND_open)) {
        errno = chosen_errno;
        return NULL;
    }
    return real(path);
}

DIR *fdopendir(int fd)
{
    REAL(fdopendir);
    if (known_file(fd) && due(KIND_open)) {
        errno = chosen_errno;
        return NULL;
    }
    return real(fd);
}

struct dirent *readdir(DIR *stream)
{
    REAL(readdir);
    if (known_file(dirfd(stream)) && due(KIND_readdir)) {
        errno = chosen_errno;
        return NULL;
    }
    return real(stream);
}

int close(int fd)
{
    REAL(close);
    bool known = known_file(fd);
    know(fd, false);
    int done = real(fd);
    if (!known || !due(KIND_close))
        return done;
    errno = chosen_errno; /* the descriptor is gone all the same (close(2)) */
    return -1;
}

ssize_t read(int fd, void *bytes, size_t size)
{
    REAL(read);
    TRANSFER(true, known_file(fd) ? KIND_read : KIND_recv, (fd, bytes, size),
             (fd, bytes, size / 2 + 1));
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
    REAL(pread);
    TRANSFER(known_file(fd), KIND_read, (fd, bytes, size, at), (fd, bytes, size / 2 + 1, at));
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write);
    /* To an event descriptor all 8 bytes go or none. */
    TRANSFER(fd != STDERR_FILENO, known_file(fd) ? KIND_write : KIND_send, (fd, bytes, size),
             (fd, bytes, size > 8 ? size / 2 + 1 : size));
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    REAL(pwrite);
    TRANSFER(known_file(fd), KIND_write, (fd, bytes, size, at), (fd, bytes, size / 2 + 1, at));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    REAL(pwritev);
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2 + 1};
    TRANSFER(known_file(fd), KIND_write, (fd, parts, count, at), (fd, &half, 1, at));
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
    REAL(readv);
    struct iovec one = {parts[0].iov_base, 1};
    TRANSFER(true, KIND_recv, (fd, parts, count), (fd, &one, 1));
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    REAL(recv);
    TRANSFER(true, KIND_recv, (fd, bytes, size, flags), (fd, bytes, 1, flags));
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    struct iovec one = {parts[0].iov_base, 1};
    TRANSFER(true, KIND_send, (fd, parts, count), (fd, &one, 1));
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    REAL(send);
    TRANSFER(true, KIND_send, (fd, bytes, size, flags), (fd, bytes, 1, flags));
}

int fsync(int fd)
{
    REAL(fsync);
    CALL(known_file(fd), KIND_sync, (fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    CALL(known_file(fd), KIND_sync, (fd));
}

int ftruncate(int fd, off_t size)
{
    REAL(ftruncate);
    CALL(known_file(fd), KIND_ftruncate, (fd, size));
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    REAL(fallocate);
    CALL(known_file(fd), KIND_fallocate, (fd, mode, at, size));
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    CALL(known_path(AT_FDCWD, from), KIND_rename, (from, to));
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    REAL(renameat);
    CALL(known_path(from_fd, from), KIND_rename, (from_fd, from, to_fd, to));
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    REAL(renameat2);
    CALL(known_path(from_fd, from), KIND_rename, (from_fd, from, to_fd, to, flags));
}

int unlink(const char *path)
{
    REAL(unlink);
    CALL(known_path(AT_FDCWD, path), KIND_unlink, (path));
}

int unlinkat(int dir_fd, const char *path, int flags)
{
    REAL(unlinkat);
    CALL(known_path(dir_fd, path), KIND_unlink, (dir_fd, path, flags));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    REAL(linkat);
    CALL(known_path(from_fd, from), KIND_link, (from_fd, from, to_fd, to, flags));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    CALL(known_path(AT_FDCWD, path), KIND_mkdir, (path, mode));
}

int mkdirat(int dir_fd, const char *path, mode_t mode)
{
    REAL(mkdirat);
    CALL(known_path(dir_fd, path), KIND_mkdir, (dir_fd, path, mode));
}

int stat(const char *path, struct stat *st)
{
    REAL(stat);
    CALL(known_path(AT_FDCWD, path), KIND_stat, (path, st));
}

int fstat(int fd, struct stat *st)
{
    REAL(fstat);
    CALL(known_file(fd), KIND_stat, (fd, st));
}

int fstatat(int dir_fd, const char *path, struct stat *st, int flags)
{
    REAL(fstatat);
    CALL(known_path(dir_fd, path), KIND_stat, (dir_fd, path, st, flags));
}

int access(const char *path, int mode)
{
    REAL(access);
    CALL(known_path(AT_FDCWD, path), KIND_stat, (path, mode));
}

int fstatvfs(int fd, struct statvfs *fs)
{
    REAL(fstatvfs);
    CALL(known_file(fd), KIND_statvfs, (fd, fs));
}

int flock(int fd, int operation)
{
    REAL(flock);
    CALL(known_file(fd), KIND_flock, (fd, operation));
}

/* --- not files ---------------------------------------------------------------------------------
 */

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    REAL(accept4);
    CALL(true, KIND_accept4, (fd, address, size, flags));
}

int epoll_ctl(int fd, int operation, int target, struct epoll_event *event)
{
    REAL(epoll_ctl);
    CALL(true, KIND_epoll_ctl, (fd, operation, target, event));
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout)
{
    REAL(epoll_wait);
    CALL(true, KIND_epoll_wait, (fd, events, count, timeout));
}

int epoll_create1(int flags)
{
    REAL(epoll_create1);
    CALL(true, KIND_epoll_create, (flags));
}

int epoll_create(int size)
{
    REAL(epoll_create);
    CALL(true, KIND_epoll_create, (size));
}

int eventfd(unsigned count, int flags)
{
    REAL(eventfd);
    CALL(true, KIND_eventfd, (count, flags));
}

int socket(int domain, int type, int protocol)
{
    REAL(socket);
    CALL(true, KIND_socket, (domain, type, protocol));
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    REAL(bind);
    CALL(true, KIND_bind, (fd, address, size));
}

int listen(int fd, int backlog)
{
    REAL(listen);
    CALL(true, KIND_listen, (fd, backlog));
}

int fcntl(int fd, int command, ...)
{
    REAL(fcntl);
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    CALL(command == F_DUPFD_CLOEXEC || command == F_DUPFD, KIND_dup, (fd, command, argument));
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg)
{
    REAL(pthread_create);
    if (due(KIND_pthread_create))
        return chosen_errno;
    return real(thread, attributes, run, arg);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t at)
{
    REAL(mmap);
    if (!spares(__builtin_return_address(0)) && due(KIND_mmap)) {
        errno = chosen_errno;
        return MAP_FAILED;
    }
    return real(address, size, protection, flags, fd, at);
}

/* --- memory ------------------------------------------------------------------------------------
 */

#define NO_MEMORY()                                                                                \
    (on && !spared_call && !spares(__builtin_return_address(0)) && due(KIND_alloc) &&              \
     (errno = ENOMEM))

struct bufferevent;
void bufferevent_setwatermark(struct bufferevent *bev, short events, size_t low, size_t high);
void bufferevent_setwatermark(struct bufferevent *bev, short events, size_t low, size_t high)
{
    REAL(bufferevent_setwatermark);
    spared_call = true;
    real(bev, events, low, high);
    spared_call = false;
}

/* simdjson's functions of that kind. */
#define SPARED_CALL(name, symbol)                                                                  \
    void *name(void *argument) __asm__(symbol);                                                    \
    void *name(void *argument)                                                                     \
    {                                                                                              \
        void *(*real)(void *) = (void *(*)(void *))(uintptr_t)dlsym(RTLD_NEXT, symbol);            \
        spared_call = true;                                                                        \
        void *result = real(argument);                                                             \
        spared_call = false;                                                                       \
        return result;                                                                             \
    }

SPARED_CALL(get_active_implementation, "_ZN8simdjson25get_active_implementationEv")
SPARED_CALL(detect_best_supported,
            "_ZNK8simdjson8internal29available_implementation_list21detect_best_supportedEv")

void *malloc(size_t size)
{
    REAL(malloc);
    return NO_MEMORY() ? NULL : real(size);
}

void *calloc(size_t count, size_t size)
{
    REAL(calloc);
    return NO_MEMORY() ? NULL : real(count, size);
}

void *realloc(void *old, size_t size)
{
    REAL(realloc);
    return NO_MEMORY() ? NULL : real(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
    REAL(realloc);
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || NO_MEMORY()) {
        errno = ENOMEM;
        return NULL;
    }
    return real(old, bytes);
}

/* C++'s operator new(std::nothrow), of one value and of an array: simdjson's. jemalloc has its own.
 */
#define NEW_OR_NULL(name, symbol)                                                                  \
    void *name(size_t size, const void *nothrow) __asm__(symbol);                                  \
    void *name(size_t size, const void *nothrow)                                                   \
    {                                                                                              \
        static void *(*real)(size_t, const void *);                                                \
        if (!real)                                                                                 \
            real = (void *(*)(size_t, const void *))(uintptr_t)dlsym(RTLD_NEXT, symbol);           \
        return NO_MEMORY() ? NULL : real(size, nothrow);                                           \
    }

NEW_OR_NULL(new_or_null, "_ZnwmRKSt9nothrow_t")
NEW_OR_NULL(new_array_or_null, "_ZnamRKSt9nothrow_t")

char *strndup(const char *text, size_t most)
{
    REAL(malloc);
    size_t size = strnlen(text, most);
    char *copy = NO_MEMORY() ? NULL : real(size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

char *strdup(const char *text)
{
    REAL(malloc);
    size_t size = strlen(text) + 1;
    char *copy = NO_MEMORY() ? NULL : real(size);
    return copy ? memcpy(copy, text, size) : NULL;
}
