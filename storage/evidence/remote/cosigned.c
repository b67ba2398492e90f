/* cosigned.c: keeps the cosigned heads. Remote thread. Does not check them. */
#include "storage/evidence/remote/cosigned.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/folder.h"

#define HISTORY_NS (60 * NS_PER_S)

struct cosigned {
    char dir[PATH_MAX];
    struct evidence_heads *heads;
    int64_t stored_ns; /* wall clock of the newest in the history */
};

enum status cosigned_open(const char *dir, struct cosigned **out)
{
    struct evidence_head newest;
    struct cosigned *c = calloc(1, sizeof *c);
    if (!c)
        return STATUS_NO_MEMORY;
    enum status s = STATUS_TOO_LARGE;
    if ((size_t)snprintf(c->dir, sizeof c->dir, "%s/" COSIGNED_FOLDER, dir) < sizeof c->dir)
        s = folder_make(c->dir);
    if (s == STATUS_OK)
        s = evidence_heads_open(c->dir, &c->heads);
    if (s != STATUS_OK) {
        cosigned_close(c);
        return s;
    }
    if (evidence_heads_newest(c->heads, &newest))
        c->stored_ns = newest.signed_ns;
    *out = c;
    return STATUS_OK;
}

void cosigned_close(struct cosigned *c)
{
    if (!c)
        return;
    evidence_heads_close(c->heads);
    free(c);
}

static enum status read_text(const char *path, struct writer *note)
{
    uint8_t bytes[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        writer_bytes(note, bytes, (size_t)n);
    close(fd);
    return n < 0 ? STATUS_IO : note->status;
}

enum status cosigned_newest(const struct cosigned *c, struct writer *note)
{
    char path[PATH_MAX + sizeof HEADS_TEXT_FILE + 1];
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, c->dir);
    return read_text(path, note);
}

/* Only the text: the history has one of the last minute. */
static enum status replace_text(const struct cosigned *c, struct slice note)
{
    char path[PATH_MAX + 16], fresh[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, c->dir);
    snprintf(fresh, sizeof fresh, "%s/" HEADS_TEXT_FILE ".new", c->dir);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return status_from_errno(errno);
    bool good = write(fd, note.data, note.size) == (ssize_t)note.size;
    good = close(fd) == 0 && good;
    return good && rename(fresh, path) == 0 ? STATUS_OK : STATUS_IO;
}

enum status cosigned_store(struct cosigned *c, const struct evidence_head *head)
{
    if (head->signed_ns >= c->stored_ns && head->signed_ns - c->stored_ns < HISTORY_NS)
        return replace_text(c, head->note);
    enum status s = evidence_heads_append(c->heads, head);
    if (s == STATUS_OK)
        c->stored_ns = head->signed_ns;
    return s;
}
