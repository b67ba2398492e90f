/* file_log.c: appends, commits and rotates a file of lines. Runs on the file sink's thread. Does
 * not know what a line is.
 *
 * Order that matters: data, fdatasync, then the record of its end (a new file renamed over the old
 * one, directory synced). A rotation is announced in that record before a file is renamed, and the
 * announcement is removed after the names of all files are synced: after a crash in between, the
 * rotation is completed. */
#define LOG_COMPONENT "file"
#include "storage/sinks/file/file_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/log.h"
#include "core/disk/fault.h"
#include "core/disk/folder.h"

#define RECORD_FORMAT                                                                              \
    "vsocd-file-position 1\nspool %s\nposition %llu\nbatch %s\nsize %llu\nrotating %u\n"
#define RECORD_SCAN                                                                                \
    "vsocd-file-position 1\nspool %36s\nposition %llu\nbatch %36s\nsize %llu\nrotating %u\n%n"

struct file_record {
    uint8_t spool_uid[UUID_BYTES];
    struct sink_position there;
    uint64_t size;
    bool rotating;
};

void file_log_init(struct file_log *log, const char *path, uint64_t rotate_bytes, unsigned keep,
                   const uint8_t spool_uid[UUID_BYTES])
{
    *log = (struct file_log){.path = path, .rotate_bytes = rotate_bytes, .keep = keep, .fd = -1};
    memcpy(log->spool_uid, spool_uid, UUID_BYTES);
}

/* Records what failed and why (errno); returns the status. */
static enum status failed(struct file_log *log, const char *what, const char *path)
{
    int err = errno;
    char text[128];
    snprintf(log->reason, sizeof log->reason, "can't %s %.200s: %s", what, path,
             strerror_r(err, text, sizeof text));
    return status_from_errno(err);
}

static bool name_make(char name[PATH_MAX], const char *path, const char *suffix)
{
    int n = snprintf(name, PATH_MAX, "%s%s", path, suffix);
    return n > 0 && n < PATH_MAX;
}

static enum status sync_name(struct file_log *log)
{
    return folder_sync(log->path) == STATUS_OK ? STATUS_OK
                                               : failed(log, "sync the folder of", log->path);
}

static enum status write_all(struct file_log *log, int fd, struct slice bytes, const char *path)
{
    while (bytes.size) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(log, "write", path);
        bytes = slice_sub(bytes, (size_t)n, bytes.size);
    }
    return STATUS_OK;
}

/* The spool's id is zero until something is committed. */
static enum status record_write(struct file_log *log, const struct sink_position *there,
                                bool rotating)
{
    static const uint8_t no_spool[UUID_BYTES];
    char name[PATH_MAX], fresh[PATH_MAX], text[256];
    char uid[UUID_TEXT_BYTES + 1] = "", batch[UUID_TEXT_BYTES + 1] = "";
    if (!name_make(name, log->path, ".position") || !name_make(fresh, log->path, ".position.new"))
        return STATUS_TOO_LARGE;
    uuid_to_text(there->known ? log->spool_uid : no_spool, uid);
    uuid_to_text(there->batch_uid, batch);
    int size = snprintf(text, sizeof text, RECORD_FORMAT, uid, (unsigned long long)there->position,
                        batch, (unsigned long long)log->size, rotating);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return failed(log, "make", fresh);
    enum status status = write_all(log, fd, slice_make(text, (size_t)size), fresh);
    if (status == STATUS_OK && fdatasync(fd) != 0)
        status = failed(log, "sync", fresh);
    close(fd);
    fault_point(file_record_written);
    if (status == STATUS_OK && rename(fresh, name) != 0)
        status = failed(log, "rename", fresh);
    fault_point(file_record_renamed);
    if (status == STATUS_OK)
        status = sync_name(log);
    return status;
}

static enum status record_parse(struct file_log *log, const char *text, const char *name,
                                struct file_record *record)
{
    char uid[UUID_TEXT_BYTES + 1], batch[UUID_TEXT_BYTES + 1];
    unsigned long long position, size;
    unsigned rotating;
    int end = 0;
    if (sscanf(text, RECORD_SCAN, uid, &position, batch, &size, &rotating, &end) != 5 || end == 0 ||
        uuid_from_text(slice_from_text(uid), record->spool_uid) != STATUS_OK ||
        uuid_from_text(slice_from_text(batch), record->there.batch_uid) != STATUS_OK) {
        snprintf(log->reason, sizeof log->reason,
                 "%.200s is damaged: restore it from a copy, or move it and its file away; the "
                 "sink then starts at the spool's cursor",
                 name);
        return STATUS_CORRUPT;
    }
    record->there.position = position;
    record->size = size;
    record->rotating = rotating != 0;
    return STATUS_OK;
}

/* NOT_FOUND: there is none. */
static enum status record_read(struct file_log *log, struct file_record *record)
{
    char name[PATH_MAX], text[256];
    if (!name_make(name, log->path, ".position"))
        return STATUS_TOO_LARGE;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(log, "open", name);
    ssize_t n = 0, more;
    do {
        more = read(fd, text + n, sizeof text - 1 - (size_t)n);
        n += more > 0 ? more : 0;
    } while (more > 0 || (more < 0 && errno == EINTR));
    enum status status = more == 0 ? STATUS_OK : failed(log, "read", name);
    close(fd);
    if (status != STATUS_OK)
        return status;
    text[n] = '\0';
    return record_parse(log, text, name, record);
}

static bool numbered_name(char name[PATH_MAX], const struct file_log *log, unsigned number)
{
    char suffix[16];
    snprintf(suffix, sizeof suffix, ".%u", number);
    return name_make(name, log->path, number ? suffix : "");
}

/* A file that can't be examined does not count as missing. */
static enum status look(struct file_log *log, const char *path, uint64_t *bytes, bool *there)
{
    struct stat st;
    *there = stat(path, &st) == 0;
    if (!*there && errno != ENOENT)
        return failed(log, "look at", path);
    *bytes = *there ? (uint64_t)st.st_size : 0;
    return STATUS_OK;
}

/* The first number without a file, or the last one. */
static enum status find_gap(struct file_log *log, unsigned *gap)
{
    char name[PATH_MAX];
    uint64_t bytes;
    bool there = true;
    for (*gap = 1; *gap < log->keep; ++*gap) {
        if (!numbered_name(name, log, *gap))
            return STATUS_TOO_LARGE;
        enum status status = look(log, name, &bytes, &there);
        if (status != STATUS_OK || !there)
            return status;
    }
    return STATUS_OK;
}

/* Moves PATH to PATH.1 and each PATH.n to the next number, up to the first free one; the last one
 * replaces the oldest. After a crash it finds the gap and completes the rest. */
static enum status shift_files(struct file_log *log)
{
    char from[PATH_MAX], to[PATH_MAX];
    unsigned gap;
    if (log->keep == 0)
        return unlink(log->path) == 0 || errno == ENOENT ? STATUS_OK
                                                         : failed(log, "remove", log->path);
    enum status status = find_gap(log, &gap);
    if (status != STATUS_OK)
        return status;
    for (unsigned number = gap; number > 0; number--) {
        if (!numbered_name(from, log, number - 1) || !numbered_name(to, log, number))
            return STATUS_TOO_LARGE;
        if (rename(from, to) != 0 && errno != ENOENT)
            return failed(log, "rename", from);
        fault_point(file_shifted);
    }
    return STATUS_OK;
}

/* Makes the names durable that the record refers to, also after a process that died between a
 * rename and its sync. The lock keeps two writers (two replays, for example) from writing
 * everything twice. */
static enum status open_data(struct file_log *log)
{
    log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log->fd < 0)
        return failed(log, "open", log->path);
    if (flock(log->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return failed(log, "have alone, as another process writes to it,", log->path);
    struct stat st;
    if (fstat(log->fd, &st) != 0)
        return failed(log, "look at", log->path);
    log->size = (uint64_t)st.st_size;
    return sync_name(log);
}

/* The announced rotation, from whatever point it had reached. */
static enum status finish_rotation(struct file_log *log)
{
    uint64_t bytes;
    bool there;
    file_log_close(log);
    enum status status = look(log, log->path, &bytes, &there);
    if (status == STATUS_OK && bytes > 0)
        status = shift_files(log);
    if (status == STATUS_OK)
        status = open_data(log);
    if (status == STATUS_OK)
        status = record_write(log, &log->there, false);
    return status;
}

static enum status rotate(struct file_log *log)
{
    enum status status = record_write(log, &log->there, true);
    fault_point(file_rotating);
    if (status == STATUS_OK)
        status = finish_rotation(log);
    fault_point(file_rotated);
    return status;
}

/* Truncates the bytes after the committed end; a shorter file was truncated by somebody else. */
static enum status cut_tail(struct file_log *log, uint64_t committed)
{
    if (log->size == committed)
        return STATUS_OK;
    if (log->size < committed) {
        log_warn("file is shorter than what was written to it: continuing at its end",
                 LOG_TEXT("path", log->path), LOG_U64("bytes", log->size),
                 LOG_U64("written_bytes", committed));
        return STATUS_OK;
    }
    log_warn("file has bytes that were not committed: they are truncated and written again",
             LOG_TEXT("path", log->path), LOG_U64("bytes", log->size - committed));
    if (ftruncate(log->fd, (off_t)committed) != 0 || fdatasync(log->fd) != 0)
        return failed(log, "cut", log->path);
    fault_point(file_tail_cut);
    log->size = committed;
    return STATUS_OK;
}

/* *found: there is a record. */
static enum status take_position(struct file_log *log, struct file_record *record, bool *found)
{
    log->there = (struct sink_position){0};
    enum status status = record_read(log, record);
    *found = status == STATUS_OK;
    if (*found && memcmp(record->spool_uid, log->spool_uid, UUID_BYTES) == 0) {
        log->there = record->there;
        log->there.known = true;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status file_log_look(struct file_log *log)
{
    struct file_record record;
    bool found;
    return take_position(log, &record, &found);
}

enum status file_log_open(struct file_log *log)
{
    struct file_record record;
    bool found;
    enum status status = open_data(log);
    if (status == STATUS_OK) /* of the last writer: nobody writes now */
        status = take_position(log, &record, &found);
    if (status == STATUS_OK && found) {
        if (record.rotating)
            status = finish_rotation(log);
        else
            status = cut_tail(log, record.size);
    } else if (status == STATUS_OK) {
        status = record_write(log, &log->there,
                              false); /* so that an interrupted first load is truncated too */
    }
    if (status != STATUS_OK)
        file_log_close(log);
    return status;
}

void file_log_close(struct file_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

enum status file_log_append(struct file_log *log, struct slice bytes)
{
    enum status status = write_all(log, log->fd, bytes, log->path);
    if (status == STATUS_OK)
        log->size += bytes.size;
    return status;
}

enum status file_log_commit(struct file_log *log, const struct sink_position *end)
{
    fault_point(file_written);
    if (fdatasync(log->fd) != 0)
        return failed(log, "sync", log->path);
    fault_point(file_synced);
    enum status status = record_write(log, end, false);
    if (status != STATUS_OK)
        return status;
    log->there = *end;
    fault_point(file_committed);
    if (log->rotate_bytes && log->size >= log->rotate_bytes)
        status = rotate(log);
    return status;
}
