/* archive_dir.c: fetches archived segments for the commands that read a spool directory. They hold
 * the keys of their records, which an erasure must reach: no file with a name ever has them, only
 * links to descriptors of this process. Main thread. Does not read records. */
#include "server/commands/spool/archive_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/exit_status.h"
#include "server/daemon/archive_config.h"
#include "storage/evidence/archive/archive_keys.h"
#include "storage/evidence/archive/archive_restore.h"
#include "storage/spool/spool_cursor.h"
#include "storage/spool/spool_segment.h"

static char folder[4096];

bool spool_is_archive(const char *given)
{
    return strstr(given, "://") != NULL;
}

/* Async-signal-safe. */
static void empty_folder(void)
{
    _Alignas(struct dirent64) char entries[4096];
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (ssize_t n; fd >= 0 && (n = getdents64(fd, entries, sizeof entries)) > 0;)
        for (ssize_t at = 0; at < n;) {
            const struct dirent64 *e = (const struct dirent64 *)(entries + at);
            if (e->d_name[0] != '.')
                (void)unlinkat(fd, e->d_name, 0);
            at += e->d_reclen;
        }
    if (fd >= 0)
        close(fd);
}

static void remove_folder(void)
{
    empty_folder();
    (void)rmdir(folder);
}

/* The signal ends the process as it would have. */
static void on_signal(int number)
{
    remove_folder();
    (void)raise(number); /* SA_RESETHAND */
}

/* A folder with links is all that a command leaves that was killed; not even that otherwise. */
static void remove_at_end(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, old;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &action, NULL);
    atexit(remove_folder);
}

static void on_finding(void *arg, enum archive_finding finding, const struct archive_entry *entry,
                       const char *text)
{
    (void)arg;
    (void)entry;
    fprintf(stderr, "vsocd: archive: %s: %s\n", archive_finding_text(finding), text);
}

static bool is_wanted(const struct archive_want *want, const struct archive_entry *e)
{
    return e->last >= want->from && e->first <= want->to && e->newest_ns >= want->from_ns &&
           e->oldest_ns < want->to_ns;
}

/* All segments of a range are open at once. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* The segment in the folder: a link to a file without a name. *fd: -1 if it is not there. */
static enum status fetch_one(struct archive_target *target, const struct archive_entry *e, int dir,
                             int keys, int *fd, struct problem *problem)
{
    char name[SPOOL_NAME_BYTES], link[32];
    *fd = -1;
    enum status status = archive_fetch_unnamed(target, e, dir, keys, fd, problem);
    if (status != STATUS_OK)
        return status;
    spool_segment_name(e->segment, name);
    snprintf(link, sizeof link, "/proc/self/fd/%d", *fd);
    if (symlinkat(link, dir, name) == 0)
        return STATUS_OK;
    problem_say(problem, "%s/%s: %s", folder, name, strerror(errno));
    return STATUS_IO;
}

static int fetch_range(const struct archive_want *want, struct archive_target *target,
                       const struct archive_catalog *catalog, int keys)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = EXIT_DONE;
    if (fd < 0)
        return EXIT_DISK;
    allow_files();
    for (size_t i = 0; code == EXIT_DONE && i < catalog->count; i++) {
        const struct archive_entry *e = &catalog->entries[i];
        struct problem problem = {""};
        int segment;
        if (!is_wanted(want, e))
            continue;
        enum status s = fetch_one(target, e, fd, keys, &segment, &problem);
        if (s != STATUS_OK)
            fprintf(stderr, "vsocd: archive: %s\n",
                    problem.text[0] ? problem.text : status_text(s));
        if (s != STATUS_OK && s != STATUS_CORRUPT && s != STATUS_NOT_FOUND)
            code = EXIT_UNAVAILABLE;
        else if (want->each)
            code = s == STATUS_OK ? want->each(want->arg, folder) : EXIT_FAILED;
        if (want->each)
            empty_folder();
        if (want->each && segment >= 0)
            close(segment);
    }
    close(fd);
    return code;
}

static bool make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.3000s/vsocd-archive-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder)) {
        fprintf(stderr, "vsocd: %s: %s\n", folder, strerror(errno));
        return false;
    }
    remove_at_end();
    return true;
}

int spool_archive_fetch(const struct archive_want *want, char dir[4096])
{
    struct problem problem = {""};
    struct archive_target *target;
    struct archive_catalog catalog;
    struct archive_settings settings =
        want->config ? archive_settings_of(want->config) : (struct archive_settings){0};
    int keys = -1, code = EXIT_UNAVAILABLE;
    settings.url = want->url;
    enum status s = archive_target_open(&settings, &target, &problem);
    if (s == STATUS_OK) {
        s = archive_catalog_read(target, want->spool_uid, on_finding, NULL, &catalog, &problem);
        if (s == STATUS_OK) {
            if (want->evidence_dir &&
                archive_keys_lock(want->evidence_dir, false, &keys) != STATUS_OK)
                keys = -1;
            code = make_folder() ? fetch_range(want, target, &catalog, keys) : EXIT_DISK;
            snprintf(dir, 4096, "%s", folder);
            archive_catalog_fini(&catalog);
            if (keys >= 0)
                close(keys);
        }
        archive_target_close(target);
    }
    if (s != STATUS_OK)
        fprintf(stderr, "vsocd: %.300s: %s\n", want->url,
                problem.text[0] ? problem.text : status_text(s));
    return code;
}

void spool_archive_cursors(const char *evidence_dir)
{
    char path[4200];
    struct spool_cursor_table table;
    snprintf(path, sizeof path, "%.4000s/../spool", evidence_dir);
    int spool = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), file;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool >= 0 && fd >= 0 && spool_cursor_load(spool, &table) == STATUS_OK &&
        spool_cursor_create(fd, &file) == STATUS_OK) {
        enum status s = spool_cursor_store(file, &table);
        (void)s; /* as if there were none */
        close(file);
    }
    if (spool >= 0)
        close(spool);
    if (fd >= 0)
        close(fd);
}
