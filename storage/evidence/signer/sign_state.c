/* sign_state.c: the file of the head that was signed last: a few lines of text that end in their
 * own checksum, written anew beside the old one and renamed over it. The signer's thread. */
#include "storage/evidence/signer/sign_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/disk/fault.h"
#include "core/disk/folder.h"
#include "core/writer.h"

#define FILE_NAME  "signed"
#define FIRST_LINE "vsocd signer state 1\n"
#define FILE_MAX   1024

struct sign_state {
    int folder_fd; /* locked */
    char path[PATH_MAX], fresh[PATH_MAX];
    struct writer origin;
    struct sign_head head;
};

static enum status say_errno(const char *path, const char *what, struct problem *problem)
{
    int err = errno;
    problem_say(problem, "%s %s: %s", path, what, strerror(err));
    return status_from_errno(err);
}

/* first line, origin, size, root, CRC32C of all before. */
static void write_text(struct writer *w, struct slice origin, const struct sign_head *head)
{
    writer_text(w, FIRST_LINE);
    writer_add_slice(w, origin);
    writer_format(w, "\n%llu\n", (unsigned long long)head->size);
    writer_base64(w, slice_make(head->root, sizeof head->root));
    writer_text(w, "\n");
    writer_format(w, "%08x\n", crc32c(0, writer_slice(w)));
}

static bool take_line(struct slice *text, struct slice *line)
{
    const uint8_t *end = slice_find_byte(*text, '\n');
    if (!end)
        return false;
    size_t size = (size_t)(end - text->data);
    *line = slice_sub(*text, 0, size);
    *text = slice_sub(*text, size + 1, text->size);
    return true;
}

/* The values of a file; whether they are its only reading is decided by writing them again. */
static bool read_values(struct slice text, struct sign_head *head)
{
    struct slice line, root;
    uint8_t room[128];
    char size[24];
    if (!take_line(&text, &line) || !take_line(&text, &line) || !take_line(&text, &line))
        return false;
    snprintf(size, sizeof size, "%.*s", (int)(line.size < 20 ? line.size : 20),
             (const char *)line.data);
    head->size = strtoull(size, NULL, 10);
    if (!take_line(&text, &line) || line.size != 44 ||
        base64_decode(line, room, &root) != STATUS_OK || root.size != sizeof head->root)
        return false;
    memcpy(head->root, root.data, sizeof head->root);
    return true;
}

static enum status parse(const struct sign_state *state, struct slice text, struct sign_head *head)
{
    struct writer again;
    writer_init(&again, FILE_MAX);
    bool good = read_values(text, head);
    if (good)
        write_text(&again, writer_slice(&state->origin), head);
    good = good && again.status == STATUS_OK && slice_equal(writer_slice(&again), text);
    writer_fini(&again);
    return good ? STATUS_OK : STATUS_CORRUPT;
}

static enum status load(struct sign_state *state, struct problem *problem)
{
    uint8_t text[FILE_MAX + 1];
    int fd = open(state->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        problem_say(problem,
                    "%s does not exist, so it is not known which head was signed last: restore it; "
                    "for a key that has never signed, start once with --first",
                    state->path);
        return STATUS_NOT_FOUND;
    }
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text) : -1;
    enum status status = size < 0 ? say_errno(state->path, "can't be read", problem) : STATUS_OK;
    if (fd >= 0)
        close(fd);
    if (status == STATUS_OK) {
        status = parse(state, slice_make(text, (size_t)size), &state->head);
        if (status != STATUS_OK)
            problem_say(problem,
                        "%s is damaged or belongs to another key; nothing is signed until it is "
                        "restored",
                        state->path);
    }
    return status;
}

static bool write_fresh(struct sign_state *state, const struct sign_head *head)
{
    struct writer w;
    writer_init(&w, FILE_MAX);
    write_text(&w, writer_slice(&state->origin), head);
    int fd = open(state->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && w.status == STATUS_OK;
    errno = good ? ENOSPC : errno; /* for a short write */
    good = good && write(fd, w.data, w.size) == (ssize_t)w.size;
    fault_point(signer_state_written);
    good = good && fsync(fd) == 0;
    fault_point(signer_state_synced);
    int err = errno;
    if (fd >= 0)
        close(fd);
    writer_fini(&w);
    errno = err;
    return good;
}

static enum status store(struct sign_state *state, const struct sign_head *head,
                         struct problem *problem)
{
    if (!write_fresh(state, head))
        return say_errno(state->fresh, "can't be written", problem);
    if (rename(state->fresh, state->path) != 0)
        return say_errno(state->path, "can't be replaced", problem);
    fault_point(signer_state_renamed);
    if (folder_sync(state->path) != STATUS_OK)
        return say_errno(state->path, "can't be made durable", problem);
    fault_point(signer_state_durable);
    state->head = *head;
    return STATUS_OK;
}

static enum status lock_folder(struct sign_state *state, const char *dir, struct problem *problem)
{
    if (mkdir(dir, 0700) == 0) {
        if (folder_sync(dir) != STATUS_OK)
            return say_errno(dir, "can't be made durable", problem);
    } else if (errno != EEXIST) {
        return say_errno(dir, "can't be created", problem);
    }
    state->folder_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state->folder_fd < 0)
        return say_errno(dir, "can't be opened", problem);
    if (flock(state->folder_fd, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    problem_say(problem, "%s is in use by another signer", dir);
    return STATUS_LOCKED;
}

static enum status begin(struct sign_state *state, struct problem *problem)
{
    struct sign_head none = {.size = 0};
    merkle_empty_root(none.root);
    if (access(state->path, F_OK) == 0) {
        problem_say(problem, "%s exists: this key has signed before, leave out --first",
                    state->path);
        return STATUS_EXISTS;
    }
    return store(state, &none, problem);
}

static bool set_paths(struct sign_state *state, const char *dir)
{
    int a = snprintf(state->path, sizeof state->path, "%s/" FILE_NAME, dir);
    int b = snprintf(state->fresh, sizeof state->fresh, "%s/" FILE_NAME ".new", dir);
    return a < PATH_MAX && b < PATH_MAX;
}

enum status sign_state_open(const char *dir, struct slice origin, bool is_first,
                            struct sign_state **out, struct problem *problem)
{
    struct sign_state *state = calloc(1, sizeof *state);
    problem_say(problem, "%s", status_text(STATUS_NO_MEMORY));
    if (!state)
        return STATUS_NO_MEMORY;
    state->folder_fd = -1;
    writer_init(&state->origin, FILE_MAX);
    writer_add_slice(&state->origin, origin);
    errno = ENAMETOOLONG;
    enum status status =
        set_paths(state, dir) ? state->origin.status : say_errno(dir, "can't be used", problem);
    if (status == STATUS_OK)
        status = lock_folder(state, dir, problem);
    if (status == STATUS_OK)
        status = is_first ? begin(state, problem) : load(state, problem);
    if (status == STATUS_OK)
        *out = state;
    else
        sign_state_close(state);
    return status;
}

void sign_state_close(struct sign_state *state)
{
    if (!state)
        return;
    if (state->folder_fd >= 0)
        close(state->folder_fd);
    writer_fini(&state->origin);
    free(state);
}

const struct sign_head *sign_state_head(const struct sign_state *state)
{
    return &state->head;
}

enum status sign_state_advance(struct sign_state *state, const struct sign_head *head,
                               struct problem *problem)
{
    return store(state, head, problem);
}
