/* archive_restore_dir.c: `vsocd archive restore`: makes a data_dir's spool from an archive. Main
 * thread. Never replaces a file; may be stopped and repeated. */
#include "server/commands/evidence/cmd_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/disk/folder.h"
#include "core/exit_status.h"
#include "storage/evidence/archive/archive_keys.h"
#include "storage/spool/spool_cursor.h"

/* Positions that were given to records that are not in the archive: a spool makes fewer in the time
 * of a few segments. Sinks may have had them, so they are not used again. */
#define POSITIONS_SKIPPED UINT64_C(1000000000)

struct restore {
    struct archive_command *command;
    int spool, keys;
    uint64_t segments, present, records, joined, areas;
};

static int failed(const char *what, const char *why)
{
    fprintf(stderr, "vsocd archive: %s: %s\n", what, why);
    return EXIT_DISK;
}

static int open_folders(struct restore *r)
{
    char path[PATH_MAX];
    const char *to = r->command->to;
    if (folder_make(to) != STATUS_OK ||
        snprintf(path, sizeof path, "%s/spool", to) >= (int)sizeof path ||
        folder_make(path) != STATUS_OK)
        return failed(to, strerror(errno));
    r->spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->spool < 0)
        return failed(path, strerror(errno));
    if (r->command->keys)
        snprintf(path, sizeof path, "%s", r->command->keys);
    else
        snprintf(path, sizeof path, "%s/evidence", to);
    enum status s = archive_keys_lock(path, false, &r->keys);
    if (s == STATUS_OK)
        return EXIT_DONE;
    r->keys = -1;
    return s == STATUS_NOT_FOUND && !r->command->keys ? EXIT_DONE : failed(path, status_text(s));
}

static int fetch_all(struct restore *r)
{
    const struct archive_catalog *c = &r->command->catalog;
    for (size_t i = 0; i < c->count; i++) {
        const struct archive_entry *e = &c->entries[i];
        struct problem problem = {""};
        uint64_t joined;
        enum status s = archive_fetch(r->command->target, e, r->spool, r->keys, &joined, &problem);
        if (s == STATUS_EXISTS) {
            r->present++;
            continue;
        }
        if (s == STATUS_CORRUPT || s == STATUS_NOT_FOUND) {
            archive_tell(r->command, ARCHIVE_FINDING_OBJECT, e, problem.text);
            continue;
        }
        if (s != STATUS_OK)
            return failed(r->command->url, problem.text[0] ? problem.text : status_text(s));
        r->segments++;
        r->records += e->records;
        r->joined += joined;
        r->areas += e->key_areas;
    }
    return EXIT_DONE;
}

/* A cursor file that says which positions may have been used, unless there is one. */
static int store_floor(const struct restore *r)
{
    struct spool_cursor_table table = {0};
    const struct archive_entry *last = &r->command->catalog.entries[r->command->catalog.count - 1];
    int fd;
    if (spool_cursor_load(r->spool, &table) == STATUS_OK)
        return EXIT_DONE;
    memcpy(table.spool_uid, last->spool_uid, UUID_BYTES);
    table.floor = last->last + POSITIONS_SKIPPED;
    table.count = 1;
    snprintf(table.entries[0].name, sizeof table.entries[0].name, "archive");
    table.entries[0].position = last->last;
    enum status s = spool_cursor_create(r->spool, &fd);
    if (s == STATUS_OK) {
        s = spool_cursor_store(fd, &table);
        close(fd);
    }
    return s == STATUS_OK ? EXIT_DONE : failed("cursors", status_text(s));
}

/* A file of the evidence folder that is not there yet; -1: it is there, or errno says why not. */
static int make_file(const char *to, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/evidence/%s", to, name);
    return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
}

static int write_hashes(const struct restore *r, int fd)
{
    const struct archive_catalog *c = &r->command->catalog;
    for (size_t i = 0; i < c->count; i++) {
        struct problem problem = {""};
        enum status s = archive_fetch_leaves(r->command->target, &c->entries[i], fd, &problem);
        if (s != STATUS_OK)
            return failed(r->command->url, problem.text[0] ? problem.text : status_text(s));
    }
    return fsync(fd) == 0 ? EXIT_DONE : failed("tree/level0", strerror(errno));
}

/* Leaf hashes and the newest head that they reach: the server computes the rest of the tree from
 * them, and goes on behind the head (the file `restored`). A tree that is there stays. */
static int restore_tree(const struct restore *r)
{
    const struct archive_command *c = r->command;
    char path[PATH_MAX];
    if (!c->catalog.head.size)
        return EXIT_DONE;
    snprintf(path, sizeof path, "%.4000s/evidence", c->to);
    if (folder_make(path) != STATUS_OK)
        return failed(path, strerror(errno));
    snprintf(path, sizeof path, "%.4000s/evidence/tree", c->to);
    if (folder_make(path) != STATUS_OK)
        return failed(path, strerror(errno));
    int level = make_file(c->to, "tree/level0");
    if (level < 0)
        return errno == EEXIST ? EXIT_DONE : failed(path, strerror(errno));
    int code = write_hashes(r, level);
    close(level);
    int head = code == EXIT_DONE ? make_file(c->to, "head") : -1;
    if (head >= 0) {
        enum status s = spool_write_all(head, writer_slice(&c->catalog.head), 0);
        if (s != STATUS_OK || fsync(head) != 0)
            code = failed("head", status_text(s));
        close(head);
    }
    int mark = code == EXIT_DONE ? make_file(c->to, "restored") : -1;
    if (mark >= 0)
        close(mark);
    return code;
}

static void print(const struct restore *r)
{
    const struct archive_command *c = r->command;
    uint64_t last = c->catalog.entries[c->catalog.count - 1].last;
    if (c->json) {
        printf("{\"segments\":%" PRIu64 ",\"present\":%" PRIu64 ",\"records\":%" PRIu64
               ",\"last_position\":%" PRIu64 ",\"key_areas\":%" PRIu64
               ",\"key_areas_found\":%" PRIu64 ",\"findings\":[%.*s]}\n",
               r->segments, r->present, r->records, last, r->areas, r->joined, (int)c->listed.size,
               (const char *)c->listed.data);
        return;
    }
    printf("restored %" PRIu64 " segments with %" PRIu64 " records up to position %" PRIu64
           "; %" PRIu64 " were there already\n",
           r->segments, r->records, last, r->present);
    if (r->areas)
        printf("keys of %" PRIu64 " of %" PRIu64 " records found: the others can't be opened\n",
               r->joined, r->areas);
    printf("records that were not archived are not here: the newest segment of a spool is archived "
           "when it is full\n");
}

int archive_restore_into(struct archive_command *c)
{
    struct restore r = {.command = c, .spool = -1, .keys = -1};
    int code = open_folders(&r);
    if (code == EXIT_DONE)
        code = fetch_all(&r);
    if (code == EXIT_DONE)
        code = store_floor(&r);
    if (code == EXIT_DONE)
        code = restore_tree(&r);
    if (code == EXIT_DONE)
        print(&r);
    if (r.spool >= 0)
        close(r.spool);
    if (r.keys >= 0)
        close(r.keys);
    return code == EXIT_DONE && c->findings ? EXIT_FAILED : code;
}
