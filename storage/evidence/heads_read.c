/* heads_read.c: reads stored heads, also while a server appends to them. Any thread, any process.
 * Checks no signatures. */
#include "storage/evidence/heads_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/object.h"

enum status evidence_head_parse(struct slice bytes, int64_t signed_ns, struct evidence_head *head)
{
    struct note note;
    struct checkpoint checkpoint;
    enum status status = note_parse(bytes, &note);
    if (status == STATUS_OK)
        status = checkpoint_parse(note.text, &checkpoint);
    if (status != STATUS_OK)
        return status;
    head->size = checkpoint.size;
    memcpy(head->root, checkpoint.root, sizeof head->root);
    head->signed_ns = signed_ns;
    head->note = bytes;
    return STATUS_OK;
}

enum status heads_read_file(const char *path, struct writer *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return status_from_errno(errno);
    enum status status = fstat(fd, &st) == 0 ? STATUS_OK : STATUS_IO;
    if (status == STATUS_OK && !writer_reserve(out, (size_t)st.st_size + 1))
        status = STATUS_NO_MEMORY;
    while (status == STATUS_OK && out->size < out->capacity) {
        ssize_t n = read(fd, out->data + out->size, out->capacity - out->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = STATUS_IO;
        if (n <= 0)
            break;
        out->size += (size_t)n;
    }
    close(fd);
    return status;
}

/* One entry at the front. TRUNCATED: it goes beyond the end; CORRUPT. */
static enum status read_entry(struct reader *r, struct slice *body)
{
    uint64_t bytes = reader_uint_le(r, 4);
    uint32_t crc = (uint32_t)reader_uint_le(r, 4);
    if (r->status == STATUS_OK && (bytes < 8 || bytes > HEADS_ENTRY_BYTES_MAX))
        return STATUS_CORRUPT;
    if (r->status != STATUS_OK || bytes > reader_left(r))
        return STATUS_TRUNCATED;
    *body = reader_bytes(r, (size_t)bytes);
    return crc32c(0, *body) == crc ? STATUS_OK : STATUS_CORRUPT;
}

/* A power cut leaves any part of the one entry that was being written, zeros for the rest; what is
 * damaged elsewhere has whole entries behind it. */
static bool entry_follows(struct slice left)
{
    struct slice body;
    if (left.size > HEADS_ENTRY_HEAD_BYTES + HEADS_ENTRY_BYTES_MAX)
        return true; /* more than one was ever being written */
    for (size_t i = 1; i < left.size; i++) {
        struct reader r = reader_make(slice_sub(left, i, SIZE_MAX));
        if (read_entry(&r, &body) == STATUS_OK)
            return true;
    }
    return false;
}

enum status heads_next_entry(struct reader *r, struct evidence_head *head)
{
    struct reader at = *r;
    struct slice body, left = reader_bytes(&at, reader_left(&at));
    if (!left.size)
        return STATUS_END;
    enum status status = read_entry(r, &body);
    if (status != STATUS_OK)
        return entry_follows(left) ? STATUS_CORRUPT : STATUS_TRUNCATED;
    struct reader inner = reader_make(body);
    int64_t signed_ns = (int64_t)reader_uint_le(&inner, 8);
    status = evidence_head_parse(slice_sub(body, 8, SIZE_MAX), signed_ns, head);
    return status == STATUS_OK || status == STATUS_NO_MEMORY ? status : STATUS_CORRUPT;
}

struct part_list {
    uint64_t *firsts; /* ascending */
    size_t count, room;
};

static bool parse_part(const char *name, uint64_t *first)
{
    char *end;
    size_t prefix = sizeof HEADS_FILE; /* with the dash */
    if (strncmp(name, HEADS_FILE "-", prefix) != 0 || strlen(name) != prefix + 20)
        return false;
    *first = strtoull(name + prefix, &end, 10);
    return !*end;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum status list_parts(const char *dir, struct part_list *list)
{
    enum status status = STATUS_OK;
    DIR *folder = opendir(dir);
    if (!folder)
        return status_from_errno(errno);
    for (const struct dirent *e; status == STATUS_OK && (e = readdir(folder));) {
        uint64_t first;
        if (!parse_part(e->d_name, &first))
            continue;
        if (list->count == list->room) {
            size_t room = list->room ? 2 * list->room : 64;
            uint64_t *grown = realloc(list->firsts, room * sizeof *grown);
            if (!grown) {
                status = STATUS_NO_MEMORY;
                break;
            }
            list->firsts = grown;
            list->room = room;
        }
        list->firsts[list->count++] = first;
    }
    closedir(folder);
    if (list->count)
        qsort(list->firsts, list->count, sizeof *list->firsts, by_size);
    return status;
}

void heads_part_path(const char *dir, uint64_t first, char path[HEADS_PATH_BYTES])
{
    snprintf(path, HEADS_PATH_BYTES, "%s/" HEADS_FILE "-%020llu", dir, (unsigned long long)first);
}

struct walk {
    uint64_t from, last; /* last: size of the newest head that was given */
    bool any, ended;
    bool (*on_head)(void *arg, const struct evidence_head *head);
    void *arg;
};

static enum status walk_part(struct walk *walk, const char *path)
{
    struct writer bytes;
    struct evidence_head head;
    writer_init(&bytes, SIZE_MAX / 2);
    enum status status = heads_read_file(path, &bytes);
    struct reader r = reader_make(writer_slice(&bytes));
    while (status == STATUS_OK && !walk->ended) {
        status = heads_next_entry(&r, &head);
        if (status != STATUS_OK || head.size < walk->from || (walk->any && head.size < walk->last))
            continue;
        walk->any = true;
        walk->last = head.size;
        walk->ended = !walk->on_head(walk->arg, &head);
    }
    writer_fini(&bytes);
    return status == STATUS_END || status == STATUS_TRUNCATED ? STATUS_OK : status;
}

enum status evidence_heads_walk(const char *dir, uint64_t from,
                                bool (*on_head)(void *arg, const struct evidence_head *head),
                                void *arg)
{
    struct walk walk = {.from = from, .on_head = on_head, .arg = arg};
    struct part_list parts = {0};
    char path[HEADS_PATH_BYTES];
    enum status status = list_parts(dir, &parts);
    for (size_t i = 0; i < parts.count && status == STATUS_OK && !walk.ended; i++) {
        if (i + 1 < parts.count && parts.firsts[i + 1] <= from)
            continue;
        heads_part_path(dir, parts.firsts[i], path);
        status = walk_part(&walk, path);
    }
    free(parts.firsts);
    snprintf(path, sizeof path, "%s/" HEADS_FILE, dir);
    if (status == STATUS_OK && !walk.ended)
        status = walk_part(&walk, path);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

#define LAST_MAGIC 0x4c415354U

struct last {
    unsigned magic; /* LAST_MAGIC */
    struct writer *note;
    struct evidence_head head;
    size_t before; /* bytes in note before */
    bool found;
};

OBJECT_CAST(last, LAST_MAGIC)

static bool keep_last(void *arg, const struct evidence_head *head)
{
    struct last *last = last_cast(arg);
    last->found = true;
    last->head = *head;
    last->note->size = last->before;
    writer_add_slice(last->note, head->note);
    return true;
}

enum status evidence_heads_last(const char *dir, struct writer *note, struct evidence_head *head)
{
    struct last last = {.magic = LAST_MAGIC, .note = note, .before = note->size};
    struct part_list parts = {0};
    enum status status = list_parts(dir, &parts);
    uint64_t from = parts.count ? parts.firsts[parts.count - 1] : 0;
    free(parts.firsts);
    if (status == STATUS_OK)
        status = evidence_heads_walk(dir, from, keep_last, &last);
    if (status == STATUS_OK)
        status = note->status;
    if (status == STATUS_OK && !last.found)
        status = STATUS_NOT_FOUND;
    if (status != STATUS_OK)
        return status;
    *head = last.head;
    head->note = slice_sub(writer_slice(note), last.before, SIZE_MAX);
    return STATUS_OK;
}

/* --- newest first --------------------------------------------------------------------------- */

struct recent {
    uint64_t below;
    size_t left;
    void (*on_head)(void *arg, const struct evidence_head *head);
    void *arg;
    struct evidence_head *heads; /* of one part */
    size_t count, room;
};

static enum status collect(struct recent *recent, const struct evidence_head *head)
{
    if (head->size >= recent->below)
        return STATUS_OK;
    if (recent->count == recent->room) {
        size_t room = recent->room ? 2 * recent->room : 256;
        struct evidence_head *grown = realloc(recent->heads, room * sizeof *grown);
        if (!grown)
            return STATUS_NO_MEMORY;
        recent->heads = grown;
        recent->room = room;
    }
    recent->heads[recent->count++] = *head;
    return STATUS_OK;
}

static enum status recent_part(struct recent *recent, const char *path)
{
    struct writer bytes;
    struct evidence_head head;
    writer_init(&bytes, SIZE_MAX / 2);
    recent->count = 0;
    enum status status = heads_read_file(path, &bytes);
    struct reader r = reader_make(writer_slice(&bytes));
    while (status == STATUS_OK) {
        status = heads_next_entry(&r, &head);
        if (status == STATUS_OK)
            status = collect(recent, &head);
    }
    if (status == STATUS_END || status == STATUS_TRUNCATED || status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    for (size_t i = recent->count; i > 0 && recent->left && status == STATUS_OK; i--) {
        recent->below = recent->heads[i - 1].size;
        recent->on_head(recent->arg, &recent->heads[i - 1]);
        recent->left--;
    }
    writer_fini(&bytes);
    return status;
}

enum status evidence_heads_recent(const char *dir, uint64_t below, size_t most,
                                  void (*on_head)(void *arg, const struct evidence_head *head),
                                  void *arg)
{
    struct recent recent = {.below = below, .left = most, .on_head = on_head, .arg = arg};
    struct part_list parts = {0};
    char path[HEADS_PATH_BYTES];
    enum status status = list_parts(dir, &parts);
    snprintf(path, sizeof path, "%s/" HEADS_FILE, dir);
    if (status == STATUS_OK)
        status = recent_part(&recent, path);
    for (size_t i = parts.count; i > 0 && recent.left && status == STATUS_OK; i--) {
        if (parts.firsts[i - 1] >= recent.below)
            continue;
        heads_part_path(dir, parts.firsts[i - 1], path);
        status = recent_part(&recent, path);
    }
    free(recent.heads);
    free(parts.firsts);
    return status;
}
