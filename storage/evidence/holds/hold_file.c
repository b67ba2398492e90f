/* hold_file.c: lines of the file of holds ↔ structs. The caller's thread. Does not decide what a
 * hold keeps (hold_guard.c). */
#include "storage/evidence/holds/hold_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "core/hash.h"
#include "core/hex.h"
#include "core/json/json.h"
#include "core/writer.h"

#define FILE_BYTES_MAX ((size_t)256 << 20)
#define LINE_BYTES_MAX 8192
#define CRC_DIGITS     8
#define DEPTH          2
#define NODES          64

const char *hold_kind_text(enum hold_kind kind)
{
    static const char *const texts[] = {"vehicle", "batch", "time"};
    return texts[kind];
}

bool hold_is_active(const struct hold *hold, int64_t now_ns)
{
    return !hold->released && now_ns < hold->until_ns;
}

/* --- reading -------------------------------------------------------------------------------- */

static bool read_text(const struct json_document *d, const char *key, char *out, size_t room)
{
    const struct json_node *n = json_find(d, 0, key);
    if (!n || n->type != JSON_STRING || n->text.size >= room)
        return false;
    memcpy(out, n->text.data, n->text.size);
    out[n->text.size] = '\0';
    return true;
}

static bool read_time(const struct json_document *d, const char *key, int64_t *out)
{
    const struct json_node *n = json_find(d, 0, key);
    if (!n || n->type != JSON_INT)
        return false;
    *out = n->integer;
    return true;
}

static bool read_uid(const struct json_document *d, const char *key, uint8_t uid[UUID_BYTES])
{
    const struct json_node *n = json_find(d, 0, key);
    return n && n->type == JSON_STRING && uuid_from_text(n->text, uid) == STATUS_OK;
}

static bool read_pid(const struct json_document *d, uint8_t pid[HOLD_PID_BYTES])
{
    const struct json_node *n = json_find(d, 0, "vehicle");
    if (!n || n->type != JSON_STRING || n->text.size != 2 * (size_t)HOLD_PID_BYTES)
        return false;
    for (size_t i = 0; i < HOLD_PID_BYTES; i++) {
        int high = hex_digit_value(n->text.data[2 * i]);
        int low = hex_digit_value(n->text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        pid[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool read_hold(const struct json_document *d, struct hold *h)
{
    if (!read_uid(d, "id", h->id) || !read_time(d, "at_ns", &h->added_ns) ||
        !read_text(d, "reason", h->reason, sizeof h->reason) ||
        !read_text(d, "by", h->by, sizeof h->by))
        return false;
    h->until_ns = INT64_MAX;
    if (json_find(d, 0, "until_ns") && !read_time(d, "until_ns", &h->until_ns))
        return false;
    h->kind = HOLD_VEHICLE;
    if (read_pid(d, h->vehicle_pid))
        return true;
    h->kind = HOLD_BATCH;
    if (read_uid(d, "batch", h->batch_uid))
        return true;
    h->kind = HOLD_TIME;
    return read_time(d, "from_ns", &h->from_ns) && read_time(d, "to_ns", &h->to_ns);
}

static enum status append(struct holds *holds, const struct hold *hold)
{
    if (holds->count == holds->room) {
        size_t room = holds->room ? holds->room * 2 : 16;
        struct hold *grown = realloc(holds->items, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        holds->items = grown;
        holds->room = room;
    }
    holds->items[holds->count++] = *hold;
    return STATUS_OK;
}

static bool take_release(struct holds *holds, const struct json_document *d)
{
    uint8_t id[UUID_BYTES];
    if (!read_uid(d, "id", id))
        return false;
    for (size_t i = 0; i < holds->count; i++) {
        struct hold *h = &holds->items[i];
        if (memcmp(h->id, id, UUID_BYTES) != 0)
            continue;
        h->released = true;
        return read_time(d, "at_ns", &h->released_ns) &&
               read_text(d, "reason", h->release_reason, sizeof h->release_reason) &&
               read_text(d, "by", h->released_by, sizeof h->released_by);
    }
    return false;
}

/* *good false: the line can't be read. */
static enum status take_object(struct holds *holds, const struct json_document *d, bool *good)
{
    const struct json_node *action = json_find(d, 0, "action");
    struct hold hold = {0};
    *good = false;
    if (!action || action->type != JSON_STRING)
        return STATUS_OK;
    if (slice_equal_text(action->text, "release"))
        *good = take_release(holds, d);
    else if (slice_equal_text(action->text, "add") && read_hold(d, &hold)) {
        *good = true;
        return append(holds, &hold);
    }
    return STATUS_OK;
}

static bool crc_matches(struct slice line)
{
    uint32_t crc = 0;
    if (line.size < CRC_DIGITS + 2 || line.size > LINE_BYTES_MAX || line.data[CRC_DIGITS] != ' ')
        return false;
    for (size_t i = 0; i < CRC_DIGITS; i++) {
        int digit = hex_digit_value(line.data[i]);
        if (digit < 0)
            return false;
        crc = crc << 4 | (uint32_t)digit;
    }
    return crc == crc32c(0, slice_sub(line, CRC_DIGITS + 1, line.size));
}

static enum status take_line(struct holds *holds, struct json_parser *parser, struct slice line)
{
    uint8_t padded[LINE_BYTES_MAX + JSON_PADDING];
    struct json_document document;
    struct json_error error;
    enum status status = STATUS_MALFORMED;
    bool good = false;
    if (crc_matches(line)) {
        struct slice json = slice_sub(line, CRC_DIGITS + 1, line.size);
        memcpy(padded, json.data, json.size);
        memset(padded + json.size, 0, JSON_PADDING);
        status = json_parse(parser, slice_make(padded, json.size), &document, &error);
    }
    if (status == STATUS_OK)
        status = take_object(holds, &document, &good);
    if (status == STATUS_NO_MEMORY)
        return status;
    holds->damaged += !good;
    return STATUS_OK;
}

enum status holds_parse(struct slice text, struct holds *holds)
{
    *holds = (struct holds){.bytes = text.size};
    struct json_parser *parser = json_parser_create(DEPTH, NODES);
    enum status status = parser ? STATUS_OK : STATUS_NO_MEMORY;
    while (status == STATUS_OK && text.size) {
        const uint8_t *end = slice_find_byte(text, '\n');
        if (!end)
            break; /* torn: the command that wrote it did not return */
        size_t size = (size_t)(end - text.data);
        status = take_line(holds, parser, slice_sub(text, 0, size));
        text = slice_sub(text, size + 1, text.size);
    }
    json_parser_destroy(parser);
    if (status != STATUS_OK)
        holds_fini(holds);
    return status;
}

static enum status read_all(int fd, struct writer *w)
{
    for (;;) {
        if (!writer_reserve(w, 65536))
            return w->status;
        ssize_t n = pread(fd, w->data + w->size, 65536, (off_t)w->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_from_errno(errno);
        if (n == 0)
            return STATUS_OK;
        w->size += (size_t)n;
    }
}

enum status holds_read(const char *evidence_dir, struct holds *holds, struct problem *problem)
{
    char path[4400];
    struct writer w;
    *holds = (struct holds){0};
    snprintf(path, sizeof path, "%s/" HOLDS_FILE, evidence_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return STATUS_OK;
    if (fd < 0) {
        problem_say(problem, "%.400s: %s", path, strerror(errno));
        return status_from_errno(errno);
    }
    writer_init(&w, FILE_BYTES_MAX);
    enum status status = read_all(fd, &w);
    if (status == STATUS_OK)
        status = holds_parse(writer_slice(&w), holds);
    if (status != STATUS_OK)
        problem_say(problem, "%.400s: %s", path, status_text(status));
    writer_fini(&w);
    close(fd);
    return status;
}

void holds_fini(struct holds *holds)
{
    free(holds->items);
    *holds = (struct holds){0};
}

const struct hold *holds_find(const struct holds *holds, const uint8_t id[UUID_BYTES])
{
    for (size_t i = 0; i < holds->count; i++)
        if (memcmp(holds->items[i].id, id, UUID_BYTES) == 0)
            return &holds->items[i];
    return NULL;
}

/* --- writing -------------------------------------------------------------------------------- */

static void write_head(struct writer *w, const char *action, const uint8_t id[UUID_BYTES],
                       int64_t at_ns, const char *reason, const char *by)
{
    char uid[UUID_TEXT_BYTES];
    uuid_to_text(id, uid);
    writer_format(w, "{\"action\":\"%s\",\"id\":\"%.*s\",\"at_ns\":%" PRId64 ",\"reason\":", action,
                  UUID_TEXT_BYTES, uid, at_ns);
    writer_json_string(w, slice_from_text(reason));
    writer_text(w, ",\"by\":");
    writer_json_string(w, slice_from_text(by));
}

static void write_what(struct writer *w, const struct hold *h)
{
    char uid[UUID_TEXT_BYTES];
    if (h->kind == HOLD_VEHICLE) {
        writer_text(w, ",\"vehicle\":\"");
        writer_hex(w, slice_make(h->vehicle_pid, HOLD_PID_BYTES));
        writer_u8(w, '"');
    } else if (h->kind == HOLD_BATCH) {
        uuid_to_text(h->batch_uid, uid);
        writer_format(w, ",\"batch\":\"%.*s\"", UUID_TEXT_BYTES, uid);
    } else {
        writer_format(w, ",\"from_ns\":%" PRId64 ",\"to_ns\":%" PRId64, h->from_ns, h->to_ns);
    }
    if (h->until_ns != INT64_MAX)
        writer_format(w, ",\"until_ns\":%" PRId64, h->until_ns);
}

enum status holds_open(const char *evidence_dir, int *fd)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/" HOLDS_FILE, evidence_dir);
    enum status status = folder_make(evidence_dir);
    if (status != STATUS_OK)
        return status;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (*fd < 0)
        return status_from_errno(errno);
    status = folder_sync(path);
    if (status != STATUS_OK)
        close(*fd);
    return status;
}

enum status holds_open_there(const char *evidence_dir, int *fd)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/" HOLDS_FILE, evidence_dir);
    *fd = open(path, O_RDWR | O_CLOEXEC);
    return *fd < 0 ? status_from_errno(errno) : STATUS_OK;
}

/* False also if there is none any more: it was replaced or removed since fd was opened. */
bool holds_is_current(const char *evidence_dir, int fd)
{
    char path[4400];
    struct stat there, opened;
    snprintf(path, sizeof path, "%s/" HOLDS_FILE, evidence_dir);
    return stat(path, &there) == 0 && fstat(fd, &opened) == 0 && there.st_dev == opened.st_dev &&
           there.st_ino == opened.st_ino;
}

/* Opens the file, waits for the lock and has it for the file that has the name then. */
static enum status open_locked(const char *evidence_dir, int operation, int *fd)
{
    enum status status;
    while ((status = holds_open(evidence_dir, fd)) == STATUS_OK) {
        int rc;
        while ((rc = flock(*fd, operation)) != 0 && errno == EINTR)
            continue;
        if (rc == 0 && holds_is_current(evidence_dir, *fd))
            return STATUS_OK;
        status = status_from_errno(errno);
        close(*fd);
        if (rc != 0)
            return status;
    }
    return status;
}

/* REFUSED: the line could not be read back. text: what is in the file, up to its last whole line.
 */
static enum status check_line(struct slice text, struct writer *with_line)
{
    struct holds before, after;
    enum status status = holds_parse(text, &before);
    if (status != STATUS_OK)
        return status;
    status = holds_parse(writer_slice(with_line), &after);
    if (status == STATUS_OK && after.damaged != before.damaged)
        status = STATUS_REFUSED;
    holds_fini(&before);
    holds_fini(&after);
    return status;
}

/* Writes the line after the last whole one: what a killed command left there is cut. */
static enum status write_line(int fd, struct slice line)
{
    struct writer w;
    writer_init(&w, FILE_BYTES_MAX);
    enum status status = read_all(fd, &w);
    size_t end = w.size;
    while (end && w.data[end - 1] != '\n')
        end--;
    w.size = end;
    writer_add_slice(&w, line);
    if (status == STATUS_OK)
        status = w.status;
    if (status == STATUS_OK)
        status = check_line(slice_make(w.data, end), &w);
    writer_fini(&w);
    if (status != STATUS_OK)
        return status;
    if (ftruncate(fd, (off_t)end) != 0)
        return status_from_errno(errno);
    for (size_t done = 0; done < line.size;) {
        ssize_t n = pwrite(fd, line.data + done, line.size - done, (off_t)(end + done));
        if (n < 0 && errno != EINTR)
            return status_from_errno(errno);
        done += n > 0 ? (size_t)n : 0;
    }
    return fdatasync(fd) == 0 ? STATUS_OK : status_from_errno(errno);
}

static enum status append_line(const char *evidence_dir, struct slice json, struct problem *problem)
{
    struct writer line;
    int fd;
    writer_init(&line, LINE_BYTES_MAX);
    writer_format(&line, "%08x ", crc32c(0, json));
    writer_add_slice(&line, json);
    writer_u8(&line, '\n');
    enum status status = line.status;
    if (status == STATUS_OK)
        status = open_locked(evidence_dir, LOCK_EX, &fd);
    if (status == STATUS_OK) {
        status = write_line(fd, writer_slice(&line));
        close(fd);
    }
    if (status == STATUS_REFUSED)
        problem_say(problem, "the hold could not be read back from its line: nothing is written");
    else if (status != STATUS_OK)
        problem_say(problem, "%.300s/" HOLDS_FILE ": %s", evidence_dir, status_text(status));
    writer_fini(&line);
    return status;
}

enum status holds_read_locked(const char *evidence_dir, int *fd, struct holds *holds,
                              struct problem *problem)
{
    struct writer w;
    *holds = (struct holds){0};
    writer_init(&w, FILE_BYTES_MAX);
    enum status status = open_locked(evidence_dir, LOCK_SH, fd);
    if (status == STATUS_OK) {
        status = read_all(*fd, &w);
        if (status == STATUS_OK)
            status = holds_parse(writer_slice(&w), holds);
        if (status != STATUS_OK)
            close(*fd);
    }
    if (status != STATUS_OK)
        problem_say(problem, "%.300s/" HOLDS_FILE ": %s", evidence_dir, status_text(status));
    writer_fini(&w);
    return status;
}

enum status holds_add(const char *evidence_dir, const struct hold *hold, struct problem *problem)
{
    struct writer w;
    writer_init(&w, LINE_BYTES_MAX);
    write_head(&w, "add", hold->id, hold->added_ns, hold->reason, hold->by);
    write_what(&w, hold);
    writer_u8(&w, '}');
    enum status status = w.status;
    if (status == STATUS_OK)
        status = append_line(evidence_dir, writer_slice(&w), problem);
    else
        problem_say(problem, "the reason is too long");
    writer_fini(&w);
    return status;
}

enum status holds_release(const char *evidence_dir, const struct hold *hold,
                          struct problem *problem)
{
    struct writer w;
    writer_init(&w, LINE_BYTES_MAX);
    write_head(&w, "release", hold->id, hold->released_ns, hold->release_reason, hold->released_by);
    writer_u8(&w, '}');
    enum status status = w.status;
    if (status == STATUS_OK)
        status = append_line(evidence_dir, writer_slice(&w), problem);
    else
        problem_say(problem, "the reason is too long");
    writer_fini(&w);
    return status;
}

enum status holds_begin(int fd, uint64_t *bytes)
{
    struct stat st;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? STATUS_BUSY : status_from_errno(errno);
    if (fstat(fd, &st) != 0) {
        enum status status = status_from_errno(errno);
        holds_end(fd);
        return status;
    }
    *bytes = (uint64_t)st.st_size;
    return STATUS_OK;
}

void holds_end(int fd)
{
    (void)flock(fd, LOCK_UN);
}
