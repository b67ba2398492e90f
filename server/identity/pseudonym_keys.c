/* pseudonym_keys.c: the file of pseudonym keys (privacy.keys_file): read completely or not at all,
 * created if it is missing. Main thread, at start. Never changes or removes an existing file:
 * losing a key means losing every pseudonym made with it. */
#include "server/identity/pseudonym.h"
#include "core/thread.h"
#include "core/log/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hex.h"
#include "server/files/trusted_file.h"
#include "core/disk/fault.h"
#include "core/disk/folder.h"

/* ---- reading ---- */

/* `ID HEX64`; false: another line. */
static bool parse_line(const char *line, int64_t *id, uint8_t bytes[32])
{
    char *end;
    errno = 0;
    long number = strtol(line, &end, 10);
    if (errno || end == line || *end != ' ' || number < 1 || number > INT16_MAX)
        return false;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit_value(end[2 * i]),
            low = high < 0 ? -1 : hex_digit_value(end[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    char after = end[64];
    *id = number;
    return after == '\0' || after == '\r' || after == ' ';
}

struct reading {
    struct pseudonym_key *key;
    struct pseudonym_keys *all; /* may be NULL */
    const char *path;
    struct problem *problem;
    size_t line;
    int64_t lowest; /* 0: no key yet */
};

static bool wrong(struct reading *r, const char *what)
{
    problem_say(r->problem, "%s, line %zu: %s", r->path, r->line, what);
    return false;
}

static bool take_line(struct reading *r, struct slice line)
{
    char text[256];
    int64_t id;
    uint8_t bytes[32];
    r->line++;
    if (!slice_trim(line).size || line.data[0] == '#')
        return true;
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(line));
    bool good =
        line.size < sizeof text && !memchr(line.data, 0, line.size) && parse_line(text, &id, bytes);
    explicit_bzero(text, sizeof text);
    if (!good)
        return wrong(r, "expected a key as ID and 64 hex digits");
    if (r->lowest && (id == r->key->id || id == r->lowest))
        return wrong(r, "a key with this ID is defined above");
    if (r->all && r->all->count == PSEUDONYM_KEYS_MAX)
        return wrong(r, "the file has too many keys");
    if (r->all) {
        r->all->items[r->all->count].id = id;
        memcpy(r->all->items[r->all->count++].bytes, bytes, sizeof bytes);
    }
    if (!r->lowest || id > r->key->id) {
        r->key->id = id;
        memcpy(r->key->bytes, bytes, sizeof bytes);
    }
    if (!r->lowest || id < r->lowest) {
        r->lowest = id;
        memcpy(r->key->first, bytes, sizeof bytes);
    }
    explicit_bzero(bytes, sizeof bytes);
    return true;
}

static enum status take_lines(struct reading *r, struct slice text)
{
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;
        if (!take_line(r, slice_sub(text, 0, size)))
            return STATUS_CONFIG;
        text = slice_sub(text, size + 1, text.size);
    }
    if (r->lowest)
        return STATUS_OK;
    problem_say(r->problem,
                "%s holds no key: restore the copy whose keys made the existing pseudonyms; for a "
                "first key, write a line with 1, a blank and 64 random hex digits",
                r->path);
    return STATUS_CONFIG;
}

/* NOT_FOUND: no such file, *problem is unchanged. A file that can't be read to its end provides no
 * key: otherwise an older key would be used silently. */
static enum status read_file(const char *path, struct pseudonym_key *key,
                             struct pseudonym_keys *all, struct problem *reason)
{
    struct writer text;
    struct pseudonym_key read = {.id = 0};
    struct reading r = {.key = &read, .all = all, .path = path, .problem = reason};
    struct problem problem;
    enum status status = trusted_file_read(path, TRUSTED_SECRET, &text, &problem);
    if (status == STATUS_OK)
        status = take_lines(&r, writer_slice(&text));
    else if (status != STATUS_NOT_FOUND)
        problem_say(reason, "%s %s%s", path, problem.text,
                    status == STATUS_REFUSED
                        ? ""
                        : "; keep the file: without its keys the pseudonyms of vehicles are lost");
    if (text.data)
        explicit_bzero(text.data, text.size);
    writer_fini(&text);
    if (status == STATUS_OK)
        *key = read;
    explicit_bzero(&read, sizeof read);
    return status;
}

/* ---- making ---- */

/* Gets its name only if no other process was first: then the other's key is used. */
static bool publish(const char *fresh, const char *path)
{
    if (link(fresh, path) == 0 || errno == EEXIST)
        return unlink(fresh) == 0;
    bool no_links = errno == EPERM || errno == EOPNOTSUPP;
    return no_links && rename(fresh, path) == 0;
}

static bool write_key(int fd)
{
    uint8_t bytes[32];
    char hex[2 * sizeof bytes + 1], text[256];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    int size = snprintf(text, sizeof text,
                        "# keys for vehicle pseudonyms: ID HEX64; the highest id is used. Keep "
                        "this file: without it\n"
                        "# no vehicle can be found again by its VIN.\n1 %s\n",
                        hex);
    errno = ENOSPC; /* for a short write */
    bool good = write(fd, text, (size_t)size) == size;
    fault_point(keys_written);
    good = good && fsync(fd) == 0;
    fault_point(keys_synced);
    return close(fd) == 0 && good;
}

/* Creates the folder of the file if it is missing. */
static enum status make_folder(const char *path, struct problem *problem)
{
    char folder[PATH_MAX];
    struct stat there;
    if (snprintf(folder, sizeof folder, "%s", path) >= PATH_MAX) {
        problem_say(problem, "privacy.keys_file: the path is too long");
        return STATUS_CONFIG;
    }
    const char *name = dirname(folder);
    if (stat(name, &there) == 0)
        return STATUS_OK;
    enum status status = folder_make(name);
    if (status != STATUS_OK)
        problem_say(
            problem,
            "cannot create the folder %s: %s; only the last folder of privacy.keys_file is created",
            name, strerror(errno));
    return status;
}

/* The file gets its name only when it is complete and durable: no event may have a pseudonym whose
 * key a crash can destroy. */
static enum status make_file(const char *path, struct problem *problem)
{
    char fresh[PATH_MAX];
    enum status status = make_folder(path, problem);
    if (status != STATUS_OK)
        return status;
    int size = snprintf(fresh, sizeof fresh, "%s.XXXXXX", path);
    int fd = size < PATH_MAX ? mkostemp(fresh, O_CLOEXEC) : -1;
    if (fd < 0) {
        problem_say(problem, "cannot create %s: %s; set privacy.keys_file to a writable path", path,
                    strerror(errno));
        return status_from_errno(errno);
    }
    bool good = write_key(fd) && publish(fresh, path);
    fault_point(keys_linked);
    if (good && folder_sync(path) == STATUS_OK)
        return STATUS_OK;
    problem_say(problem, "cannot write %s: %s", path, strerror(errno));
    unlink(fresh);
    return STATUS_IO;
}

enum status pseudonym_key_load(const char *path, struct pseudonym_key *key, struct problem *problem)
{
    thread_assert(THREAD_MAIN);
    enum status status = read_file(path, key, NULL, problem);
    if (status == STATUS_NOT_FOUND) {
        status = make_file(path, problem);
        if (status == STATUS_OK)
            status = read_file(path, key, NULL, problem);
    }
    /* A process that died may have created it without syncing its name. If somebody else has put it
     * there, we may not be allowed to sync the folder. */
    enum status synced = status == STATUS_OK ? folder_sync(path) : STATUS_OK;
    (void)synced;
    return status;
}

enum status pseudonym_keys_read(const char *path, struct pseudonym_keys *keys,
                                struct problem *problem)
{
    thread_assert(THREAD_MAIN);
    struct pseudonym_key newest;
    keys->count = 0;
    enum status status = read_file(path, &newest, keys, problem);
    explicit_bzero(&newest, sizeof newest);
    if (status == STATUS_NOT_FOUND)
        problem_say(problem, "%s: there is no such file", path);
    return status;
}

/* The folder of a new file, or the one in which its folder is created. */
static bool can_make(const char *path, struct problem *problem)
{
    char folder[PATH_MAX], above[PATH_MAX];
    struct stat there;
    snprintf(folder, sizeof folder, "%s", path);
    const char *name = dirname(folder);
    if (stat(name, &there) != 0) {
        snprintf(above, sizeof above, "%s", name);
        name = dirname(above);
    }
    if (access(name, W_OK | X_OK) == 0)
        return true;
    problem_say(problem, "%s does not exist and can't be created: %s: %s", path, name,
                strerror(errno));
    return false;
}

enum status pseudonym_key_check(const char *path, struct problem *problem)
{
    struct pseudonym_key key;
    enum status status = read_file(path, &key, NULL, problem);
    explicit_bzero(&key, sizeof key);
    if (status != STATUS_NOT_FOUND)
        return status;
    return can_make(path, problem) ? STATUS_OK : STATUS_CONFIG;
}
