/* trusted_file.c: walks the path of a file folder by folder, and checks each through the descriptor
 * that the next step uses. Main thread and subcommands. Does not know what files hold. */
#include "server/files/trusted_file.h"
#include "core/thread.h"
#include "core/log/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/files/file_read.h"

#define LINKS_MAX 40

/* Debian gives each user a group with the user's name and no other member. */
static bool is_private_group(gid_t group, uid_t user)
{
    char text[4096];
    struct passwd entry, *who = NULL;
    struct group groups, *found = NULL;
    char name[256];
    if (getpwuid_r(user, &entry, text, sizeof text, &who) != 0 || !who || who->pw_gid != group)
        return false;
    snprintf(name, sizeof name, "%s", who->pw_name);
    if (getgrgid_r(group, &groups, text, sizeof text, &found) != 0 || !found ||
        strcmp(found->gr_name, name) != 0)
        return false;
    for (char **member = found->gr_mem; member && *member; member++)
        if (strcmp(*member, name) != 0)
            return false;
    return true;
}

static bool is_of(const struct stat *st, uid_t user)
{
    return st->st_uid == 0 || st->st_uid == user;
}

/* May somebody else write? */
static bool others_write(enum trusted_kind kind, const struct stat *st, uid_t user)
{
    bool group = (st->st_mode & S_IWGRP) && (kind == TRUSTED_CODE || st->st_uid != user ||
                                             !is_private_group(st->st_gid, user));
    return group || (st->st_mode & S_IWOTH);
}

static bool others_read(const struct stat *st, uid_t user)
{
    bool group = (st->st_mode & S_IRGRP) && st->st_uid != 0 && !is_private_group(st->st_gid, user);
    return group || (st->st_mode & S_IROTH);
}

const char *trusted_file_problem(enum trusted_kind kind, const struct stat *file, uid_t user)
{
    if (S_ISDIR(file->st_mode))
        return "is not a regular file (is a folder; name a file)";
    if (!S_ISREG(file->st_mode))
        return "is not a regular file";
    if (!is_of(file, user))
        return "belongs to a user other than root and the server's: chown it";
    if (others_write(kind, file, user))
        return "may be written by users other than its owner: chmod go-w";
    return kind == TRUSTED_SECRET && others_read(file, user)
               ? "holds secrets and may be read by users other than its owner: chmod 600 (640 if "
                 "root owns it)"
               : NULL;
}

const char *trusted_folder_problem(enum trusted_kind kind, const struct stat *folder, uid_t user)
{
    if (!is_of(folder, user))
        return "is in a folder of a user other than root and the server's";
    return others_write(kind, folder, user) && !(folder->st_mode & S_ISVTX)
               ? "is in a folder that users other than its owner may write: chmod go-w"
               : NULL;
}

/* The path walked so far and the rest. */
struct walk {
    enum trusted_kind kind;
    uid_t user;
    int folder; /* O_PATH */
    unsigned links;
    char rest[2 * PATH_MAX];
    char at[PATH_MAX]; /* name of the folder, for people */
    struct problem *problem;
};

static enum status fail(const struct walk *w, int error)
{
    problem_say(w->problem, "can't be read: %s", strerror(error));
    return status_from_errno(error);
}

static enum status distrust(const struct walk *w, const char *flaw, const char *what)
{
    problem_say(w->problem, "%s%s%s", flaw, what ? " " : "", what ? what : "");
    return STATUS_REFUSED;
}

/* Enters an opened folder; takes ownership of fd. */
static enum status enter(struct walk *w, int fd)
{
    struct stat st;
    if (w->folder >= 0)
        close(w->folder);
    w->folder = fd;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fail(w, errno);
    if (!S_ISDIR(st.st_mode))
        return fail(w, ENOTDIR);
    const char *problem = trusted_folder_problem(w->kind, &st, w->user);
    return problem ? distrust(w, problem, w->at) : STATUS_OK;
}

static enum status enter_root(struct walk *w)
{
    snprintf(w->at, sizeof w->at, "/");
    return enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Takes the next name from the rest; false: nothing is left. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1], bool *last)
{
    char *from = w->rest + strspn(w->rest, "/");
    size_t size = strcspn(from, "/");
    if (size == 0 || size > NAME_MAX)
        return false;
    memcpy(name, from, size);
    name[size] = '\0';
    from += size;
    from += strspn(from, "/");
    *last = *from == '\0';
    memmove(w->rest, from, strlen(from) + 1);
    return true;
}

/* Somebody else's link could point anywhere. */
static enum status follow(struct walk *w, int link, const struct stat *st)
{
    char target[PATH_MAX], rest[sizeof w->rest];
    ssize_t size = readlinkat(link, "", target, sizeof target - 1);
    if (size < 0)
        return fail(w, errno);
    target[size] = '\0';
    if (!is_of(st, w->user))
        return distrust(w,
                        "is reached by a symbolic link of a user other than root and the "
                        "server's in",
                        w->at);
    int n = snprintf(rest, sizeof rest, "%s/%s", target, w->rest);
    if (++w->links > LINKS_MAX || n < 0 || (size_t)n >= sizeof rest)
        return fail(w, ELOOP);
    memcpy(w->rest, rest, (size_t)n + 1);
    return target[0] == '/' ? enter_root(w) : STATUS_OK;
}

static void name_folder(struct walk *w, const char *name)
{
    size_t n = strlen(w->at);
    if (!strcmp(name, "..")) {
        char *slash = strrchr(w->at, '/');
        slash[slash == w->at] = '\0';
    } else if (strcmp(name, ".") != 0 && n + strlen(name) + 2 < sizeof w->at) {
        snprintf(w->at + n, sizeof w->at - n, "%s%s", n > 1 ? "/" : "", name);
    }
}

static enum status open_last(struct walk *w, const char *name, int *out)
{
    struct stat st;
    int fd = openat(w->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail(w, errno);
    const char *problem =
        fstat(fd, &st) == 0 ? trusted_file_problem(w->kind, &st, w->user) : strerror(errno);
    if (problem) {
        close(fd);
        return distrust(w, problem, NULL);
    }
    *out = fd;
    return STATUS_OK;
}

/* Resolves the next name. END: *out is open. */
static enum status step(struct walk *w, int *out)
{
    char name[NAME_MAX + 1];
    bool last;
    struct stat st;
    if (!next_name(w, name, &last))
        return fail(w, ENOENT);
    int fd = openat(w->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail(w, errno);
    if (fstat(fd, &st) != 0) {
        int error = errno;
        close(fd);
        return fail(w, error);
    }
    if (S_ISLNK(st.st_mode)) {
        enum status s = follow(w, fd, &st);
        close(fd);
        return s;
    }
    if (!last) {
        name_folder(w, name);
        return enter(w, fd);
    }
    close(fd);
    enum status s = open_last(w, name, out);
    return s == STATUS_OK ? STATUS_END : s;
}

/* /dev/stdin or /dev/fd/N, when it is a pipe: it has no name and no folder. */
static bool open_pipe(const char *path, int *out)
{
    static const char named[] = "/dev/fd/";
    struct stat st;
    if (strcmp(path, "/dev/stdin") != 0 &&
        (strncmp(path, named, sizeof named - 1) != 0 ||
         path[sizeof named - 1 + strspn(path + sizeof named - 1, "0123456789")] != '\0'))
        return false;
    int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode)) {
        close(fd);
        return false;
    }
    *out = fd;
    return true;
}

enum status trusted_file_open(const char *path, enum trusted_kind kind, int *fd,
                              struct problem *problem)
{
    thread_assert_not(THREAD_WORKER);
    struct walk w = {.kind = kind, .user = geteuid(), .folder = -1, .problem = problem};
    char here[PATH_MAX] = "";
    if (open_pipe(path, fd))
        return STATUS_OK;
    if (path[0] != '/' && !getcwd(here, sizeof here))
        return fail(&w, errno);
    int n = snprintf(w.rest, sizeof w.rest, "%s/%s", here, path);
    if (n < 0 || (size_t)n >= sizeof w.rest)
        return fail(&w, ENAMETOOLONG);
    enum status s = enter_root(&w);
    while (s == STATUS_OK)
        s = step(&w, fd);
    if (w.folder >= 0)
        close(w.folder);
    return s == STATUS_END ? STATUS_OK : s;
}

enum status trusted_file_read_rest(int fd, struct writer *out, struct problem *problem)
{
    enum status s = file_read_rest(fd, out);
    if (s != STATUS_OK)
        problem_say(problem, "can't be read: %s",
                    s == STATUS_IO ? strerror(errno) : status_text(s));
    return s;
}

enum status trusted_file_read(const char *path, enum trusted_kind kind, struct writer *out,
                              struct problem *problem)
{
    int fd;
    writer_init(out, FILE_READ_MAX);
    enum status s = trusted_file_open(path, kind, &fd, problem);
    if (s != STATUS_OK)
        return s;
    s = trusted_file_read_rest(fd, out, problem);
    close(fd);
    return s;
}
