/* heads_write.c: stores heads. The evidence thread. Checks no signatures and does not decide what
 * is signed. */
#include "storage/evidence/heads_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/disk/fault.h"
#include "core/disk/folder.h"

/* Size at which a part is complete; small where tests wait for it. */
#ifdef VSOCD_FAULTS
#define PART_BYTES UINT64_C(1000)
#else
#define PART_BYTES HEADS_PART_BYTES
#endif

struct evidence_heads {
    char dir[4200];
    int fd;         /* of HEADS_FILE */
    uint64_t bytes; /* of whole entries in it */
    uint64_t first; /* size of its first head; 0: it has none */
    bool has_newest;
    struct evidence_head newest;
    struct writer note; /* of the newest */
};

static bool keep_newest(struct evidence_heads *heads, const struct evidence_head *head)
{
    writer_reset(&heads->note);
    writer_add_slice(&heads->note, head->note);
    if (heads->note.status != STATUS_OK)
        return false;
    heads->newest = *head;
    heads->newest.note = writer_slice(&heads->note);
    heads->has_newest = true;
    return true;
}

/* Where the whole entries of the open part end, and the newest of them. */
static enum status scan_part(struct evidence_heads *heads, const char *path)
{
    struct writer bytes;
    struct evidence_head head;
    writer_init(&bytes, SIZE_MAX / 2);
    enum status status = heads_read_file(path, &bytes);
    struct reader r = reader_make(writer_slice(&bytes));
    while (status == STATUS_OK) {
        status = heads_next_entry(&r, &head);
        if (status != STATUS_OK)
            break;
        if (!heads->bytes)
            heads->first = head.size;
        heads->bytes = r.offset;
        if (!keep_newest(heads, &head))
            status = STATUS_NO_MEMORY;
    }
    writer_fini(&bytes);
    return status == STATUS_END || status == STATUS_TRUNCATED ? STATUS_OK : status;
}

static enum status open_part(struct evidence_heads *heads)
{
    char path[HEADS_PATH_BYTES];
    snprintf(path, sizeof path, "%s/" HEADS_FILE, heads->dir);
    heads->bytes = heads->first = 0;
    heads->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (heads->fd < 0)
        return status_from_errno(errno);
    enum status status = folder_sync(path);
    if (status == STATUS_OK)
        status = scan_part(heads, path);
    if (status == STATUS_OK && ftruncate(heads->fd, (off_t)heads->bytes) != 0)
        status = STATUS_IO;
    return status;
}

enum status evidence_heads_open(const char *dir, struct evidence_heads **out)
{
    struct evidence_heads *heads = calloc(1, sizeof *heads);
    struct evidence_head head;
    struct writer note;
    if (!heads)
        return STATUS_NO_MEMORY;
    heads->fd = -1;
    writer_init(&heads->note, NOTE_BYTES_MAX);
    writer_init(&note, NOTE_BYTES_MAX);
    snprintf(heads->dir, sizeof heads->dir, "%s", dir);
    enum status status = open_part(heads);
    if (status == STATUS_OK && !heads->has_newest) { /* it is in the part before, if there is one */
        status = evidence_heads_last(dir, &note, &head);
        if (status == STATUS_OK && !keep_newest(heads, &head))
            status = STATUS_NO_MEMORY;
        if (status == STATUS_NOT_FOUND)
            status = STATUS_OK;
    }
    writer_fini(&note);
    if (status == STATUS_OK)
        *out = heads;
    else
        evidence_heads_close(heads);
    return status;
}

void evidence_heads_close(struct evidence_heads *heads)
{
    if (!heads)
        return;
    if (heads->fd >= 0)
        close(heads->fd);
    writer_fini(&heads->note);
    free(heads);
}

bool evidence_heads_newest(const struct evidence_heads *heads, struct evidence_head *head)
{
    if (heads->has_newest)
        *head = heads->newest;
    return heads->has_newest;
}

/* A complete part gets its own name; the next one begins. */
static enum status roll(struct evidence_heads *heads)
{
    char path[HEADS_PATH_BYTES], part[HEADS_PATH_BYTES];
    snprintf(path, sizeof path, "%s/" HEADS_FILE, heads->dir);
    heads_part_path(heads->dir, heads->first, part);
    if (rename(path, part) != 0)
        return status_from_errno(errno);
    fault_point(evidence_heads_rolled);
    close(heads->fd);
    return open_part(heads);
}

/* For people and simple tools: replaced as a whole; heads has the same, so it is not synced. */
static enum status write_text(const struct evidence_heads *heads, struct slice note)
{
    char path[HEADS_PATH_BYTES], fresh[HEADS_PATH_BYTES];
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, heads->dir);
    snprintf(fresh, sizeof fresh, "%s/" HEADS_TEXT_FILE ".new", heads->dir);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return status_from_errno(errno);
    bool good = write(fd, note.data, note.size) == (ssize_t)note.size;
    good = close(fd) == 0 && good;
    return good && rename(fresh, path) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status write_entry(struct evidence_heads *heads, struct slice entry)
{
    enum status status = STATUS_OK;
    ssize_t n = pwrite(heads->fd, entry.data, entry.size, (off_t)heads->bytes);
    if (n != (ssize_t)entry.size)
        status = n < 0 ? status_from_errno(errno) : STATUS_NO_SPACE;
    fault_point(evidence_head_written);
    if (status == STATUS_OK && fdatasync(heads->fd) != 0)
        status = status_from_errno(errno);
    if (status != STATUS_OK && ftruncate(heads->fd, (off_t)heads->bytes) != 0)
        status = STATUS_IO;
    return status;
}

enum status evidence_heads_append(struct evidence_heads *heads, const struct evidence_head *head)
{
    struct writer entry;
    enum status status = STATUS_OK;
    if (heads->bytes >= PART_BYTES)
        status = roll(heads);
    if (status != STATUS_OK)
        return status;
    writer_init(&entry, HEADS_ENTRY_HEAD_BYTES + HEADS_ENTRY_BYTES_MAX);
    writer_uint_le(&entry, 8 + head->note.size, 4);
    writer_uint_le(&entry, 0, 4);
    writer_uint_le(&entry, (uint64_t)head->signed_ns, 8);
    writer_add_slice(&entry, head->note);
    status = entry.status;
    if (status == STATUS_OK) {
        struct writer crc;
        writer_init(&crc, 4);
        writer_uint_le(
            &crc, crc32c(0, slice_sub(writer_slice(&entry), HEADS_ENTRY_HEAD_BYTES, SIZE_MAX)), 4);
        status = crc.status;
        if (status == STATUS_OK)
            memcpy(entry.data + 4, crc.data, 4);
        writer_fini(&crc);
    }
    if (status == STATUS_OK)
        status = write_entry(heads, writer_slice(&entry));
    if (status == STATUS_OK) {
        if (!heads->bytes)
            heads->first = head->size;
        heads->bytes += entry.size;
        fault_point(evidence_head_stored);
        if (!keep_newest(heads, head))
            status = STATUS_NO_MEMORY;
    }
    writer_fini(&entry);
    return status == STATUS_OK ? write_text(heads, head->note) : status;
}

enum status evidence_heads_adopt(struct evidence_heads *heads)
{
    char path[HEADS_PATH_BYTES];
    struct writer note;
    struct evidence_head head;
    if (heads->has_newest)
        return STATUS_OK;
    writer_init(&note, NOTE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/" HEADS_TEXT_FILE, heads->dir);
    enum status status = heads_read_file(path, &note);
    if (status == STATUS_OK)
        status = evidence_head_parse(writer_slice(&note), 0, &head);
    if (status == STATUS_OK)
        status = evidence_heads_append(heads, &head);
    writer_fini(&note);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
