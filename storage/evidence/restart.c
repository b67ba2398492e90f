/* restart.c: reads and writes data_dir/evidence/generation, and begins a tree anew. The main thread
 * of the server at start, or a command's. Does not decide where spool and tree agree. */
#define LOG_COMPONENT "evidence"
#include "storage/evidence/restart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/disk/folder.h"
#include "core/hex.h"
#include "core/log/log.h"
#include "storage/evidence/heads.h"
#include "storage/evidence/tree.h"
#include "storage/spool/spool.h"

#define PATH_BYTES 4300
#define FILE_NAME  "generation"
#define RESTARTED  "restarted"

/* --- the file ------------------------------------------------------------------------------- */

/* Five lines: generation, size, root in hex, time in ns, reason. */
static bool parse(char *text, struct evidence_restart *r)
{
    unsigned long long size;
    char hex[2 * MERKLE_HASH_BYTES + 1];
    long long time_ns;
    int used = 0;
    if (sscanf(text, "%u\n%llu\n%64[0-9a-f]\n%lld\n%n", &r->generation, &size, hex, &time_ns,
               &used) != 4 ||
        !used || strlen(hex) != 2 * MERKLE_HASH_BYTES || r->generation < 2)
        return false;
    r->size = size;
    r->time_ns = time_ns;
    for (size_t i = 0; i < MERKLE_HASH_BYTES; i++)
        r->root[i] = (uint8_t)(hex_digit_value(hex[2 * i]) * 16 + hex_digit_value(hex[2 * i + 1]));
    snprintf(r->reason, sizeof r->reason, "%.*s", (int)strcspn(text + used, "\n"), text + used);
    return true;
}

enum status evidence_restart_read(const char *dir, struct evidence_restart *restart)
{
    char path[PATH_BYTES], text[1024] = "";
    struct evidence_restart read = {.generation = 1};
    snprintf(path, sizeof path, "%s/" FILE_NAME, dir);
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) {
        *restart = read;
        return STATUS_OK;
    }
    if (!file)
        return status_from_errno(errno);
    size_t n = fread(text, 1, sizeof text - 1, file);
    bool bad = ferror(file);
    fclose(file);
    if (bad)
        return STATUS_IO;
    text[n] = '\0';
    if (!parse(text, &read))
        return STATUS_CORRUPT;
    *restart = read;
    return STATUS_OK;
}

static enum status write_file(const char *path, const struct evidence_restart *r)
{
    struct writer w;
    writer_init(&w, 4096);
    writer_format(&w, "%u\n%llu\n", r->generation, (unsigned long long)r->size);
    writer_hex(&w, slice_make(r->root, sizeof r->root));
    writer_format(&w, "\n%lld\n%s\n", (long long)r->time_ns, r->reason);
    enum status status = w.status;
    int fd = status == STATUS_OK ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640) : -1;
    if (status == STATUS_OK)
        status = fd >= 0 && write(fd, w.data, w.size) == (ssize_t)w.size && fsync(fd) == 0
                     ? STATUS_OK
                     : status_from_errno(errno);
    if (fd >= 0)
        close(fd);
    writer_fini(&w);
    return status;
}

/* --- origins -------------------------------------------------------------------------------- */

enum status evidence_restart_origin(const char *base, unsigned generation,
                                    char origin[NOTE_NAME_BYTES_MAX + 1])
{
    int n = generation > 1 ? snprintf(origin, NOTE_NAME_BYTES_MAX + 1, "%s/%u", base, generation)
                           : snprintf(origin, NOTE_NAME_BYTES_MAX + 1, "%s", base);
    return n > 0 && n <= NOTE_NAME_BYTES_MAX ? STATUS_OK : STATUS_MALFORMED;
}

bool evidence_restart_is_earlier(const char *now, unsigned generation, struct slice origin)
{
    char base[NOTE_NAME_BYTES_MAX + 1], earlier[NOTE_NAME_BYTES_MAX + 1], suffix[16];
    if (generation < 2)
        return false;
    int n = snprintf(suffix, sizeof suffix, "/%u", generation);
    size_t size = strlen(now);
    if (size <= (size_t)n || strcmp(now + size - (size_t)n, suffix) != 0)
        return false;
    snprintf(base, sizeof base, "%.*s", (int)(size - (size_t)n), now);
    for (unsigned g = 1; g < generation; g++)
        if (evidence_restart_origin(base, g, earlier) == STATUS_OK &&
            slice_equal_text(origin, earlier))
            return true;
    return false;
}

/* --- from an archive ------------------------------------------------------------------------ */

static bool has_mark(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void remove_mark(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)unlink(path);
}

static enum status make_mark(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return status_from_errno(errno);
    close(fd);
    return folder_sync(path);
}

bool evidence_is_restored(const char *dir)
{
    return has_mark(dir, "restored");
}

void evidence_restored_done(const char *dir)
{
    remove_mark(dir, "restored");
}

bool evidence_restart_is_unrecorded(const char *dir)
{
    return has_mark(dir, RESTARTED);
}

void evidence_restart_recorded(const char *dir)
{
    remove_mark(dir, RESTARTED);
}

enum status evidence_keep_leaves(struct spool *spool, const char *dir, uint64_t size)
{
    struct spool_stats stats;
    spool_stats(spool, &stats);
    if (stats.leaves >= size)
        return STATUS_OK;
    if (!stats.corrupt_segments && !evidence_is_restored(dir))
        return STATUS_REFUSED;
    log_error(
        "the newest records in the tree are not in the spool any more: it goes on behind them",
        LOG_U64("first_leaf", stats.leaves), LOG_U64("records", size - stats.leaves));
    spool_raise_leaves(spool, size);
    return STATUS_OK;
}

/* --- beginning anew ------------------------------------------------------------------------- */

/* Copies the first `size` leaves of the tree in `from` to one in `to`. */
static enum status copy_tree(struct evidence_tree *from, const char *to, uint64_t size,
                             uint8_t root[MERKLE_HASH_BYTES])
{
    struct evidence_tree *tree;
    uint8_t hashes[TILE_WIDTH][MERKLE_HASH_BYTES];
    enum status status = folder_make(to);
    if (status == STATUS_OK)
        status = evidence_tree_open(to, true, &tree);
    if (status != STATUS_OK)
        return status;
    status = evidence_tree_cut(tree, 0);
    for (uint64_t i = 0; i < size && status == STATUS_OK; i += TILE_WIDTH) {
        size_t count = size - i < TILE_WIDTH ? (size_t)(size - i) : TILE_WIDTH;
        status = evidence_tree_read(from, 0, i, count, hashes);
        for (size_t k = 0; k < count && status == STATUS_OK; k++)
            status = evidence_tree_append(tree, hashes[k]);
    }
    if (status == STATUS_OK)
        status = evidence_tree_sync(tree);
    evidence_tree_top(tree, root);
    evidence_tree_close(tree);
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

static enum status move_heads(const char *dir, const char *aside)
{
    char from[PATH_BYTES], to[PATH_BYTES + 300];
    DIR *folder = opendir(dir);
    if (!folder)
        return status_from_errno(errno);
    enum status status = STATUS_OK;
    for (const struct dirent *e; status == STATUS_OK && (e = readdir(folder));) {
        if (strncmp(e->d_name, HEADS_FILE, strlen(HEADS_FILE)) &&
            strcmp(e->d_name, HEADS_TEXT_FILE))
            continue;
        snprintf(from, sizeof from, "%s/%s", dir, e->d_name);
        snprintf(to, sizeof to, "%s/%s", aside, e->d_name);
        if (rename(from, to) != 0)
            status = status_from_errno(errno);
    }
    closedir(folder);
    return status;
}

/* The generation counts first: from then on a start does not sign under the old origin. */
static enum status swap(const char *dir, const struct evidence_restart *r, const char *fresh)
{
    char aside[PATH_BYTES], path[PATH_BYTES], tree[PATH_BYTES], old[PATH_BYTES + 16];
    snprintf(aside, sizeof aside, "%s/before-%u", dir, r->generation);
    snprintf(path, sizeof path, "%s/" FILE_NAME, dir);
    snprintf(old, sizeof old, "%s/" FILE_NAME, aside);
    enum status status = folder_make(aside);
    if (status == STATUS_OK && link(path, old) != 0 && errno != ENOENT)
        status = status_from_errno(errno);
    snprintf(old, sizeof old, "%s.new", path);
    if (status == STATUS_OK)
        status = write_file(old, r);
    if (status == STATUS_OK)
        status = make_mark(dir, RESTARTED);
    if (status == STATUS_OK && rename(old, path) != 0)
        status = status_from_errno(errno);
    if (status == STATUS_OK)
        status = folder_sync(path);
    if (status == STATUS_OK)
        status = move_heads(dir, aside);
    snprintf(tree, sizeof tree, "%s/tree", dir);
    snprintf(old, sizeof old, "%s/tree", aside);
    if (status == STATUS_OK && (rename(tree, old) != 0 || rename(fresh, tree) != 0))
        status = status_from_errno(errno);
    return status == STATUS_OK ? folder_sync(path) : status;
}

enum status evidence_restart(const char *dir, uint64_t size, const char *reason,
                             struct evidence_restart *restart, struct problem *problem)
{
    char path[PATH_BYTES], fresh[PATH_BYTES];
    struct evidence_tree *old = NULL;
    struct evidence_restart r;
    enum status status = evidence_restart_read(dir, &r);
    if (status != STATUS_OK) {
        problem_say(problem, "%.200s/" FILE_NAME ": %s", dir, status_text(status));
        return status;
    }
    r.generation++;
    r.size = size;
    r.time_ns = clock_wall_ns();
    snprintf(r.reason, sizeof r.reason, "%.*s", (int)strcspn(reason, "\n"), reason);
    snprintf(path, sizeof path, "%s/tree", dir);
    snprintf(fresh, sizeof fresh, "%s/tree-new", dir);
    status = evidence_tree_open(path, true, &old);
    if (status == STATUS_OK)
        status = copy_tree(old, fresh, size, r.root);
    if (status != STATUS_OK)
        problem_say(problem,
                    status == STATUS_LOCKED ? "%.200s is in use: stop the server first"
                                            : "%.200s can't be copied: %s",
                    path, status_text(status));
    else if ((status = swap(dir, &r, fresh)) != STATUS_OK)
        problem_say(problem, "%.200s can't be set aside: %.100s; call again", dir, strerror(errno));
    evidence_tree_close(old);
    if (status == STATUS_OK)
        *restart = r;
    return status;
}
