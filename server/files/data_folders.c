/* data_folders.c: warns of folders of evidence that other users could change. Main thread. */
#define LOG_COMPONENT "app"
#include "server/files/data_folders.h"
#include "core/log/problem.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/log.h"

bool data_folder_is_open(uid_t owner, mode_t mode, uid_t user)
{
    return (mode & S_IWOTH) || (owner != 0 && owner != user);
}

void data_folders_check(const char *data_dir)
{
    static const char *const folders[] = {"", "/spool", "/spool/corrupt", "/audit"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[4300];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", data_dir, folders[i]);
        if (stat(path, &st) != 0 || !data_folder_is_open(st.st_uid, st.st_mode, geteuid()))
            continue;
        log_warn("other users may remove or replace evidence in this folder: give it to the "
                 "server's user and chmod o-w",
                 LOG_TEXT("dir", path));
    }
}

static bool has_batches(const char *data_dir)
{
    char path[4300];
    bool found = false;
    snprintf(path, sizeof path, "%s/spool", data_dir);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && !found && (entry = readdir(folder))) {
        const char *dot = strrchr(entry->d_name, '.');
        found = dot && !strcmp(dot, ".seg");
    }
    if (folder)
        closedir(folder);
    return found;
}

enum status data_keys_missing(const char *data_dir, const char *keys_file, struct problem *problem)
{
    if (access(keys_file, F_OK) == 0 || errno != ENOENT || !has_batches(data_dir))
        return STATUS_OK;
    problem_say(
        problem,
        "is missing, but data_dir has batches made with its keys: restore the copy; to continue "
        "with new pseudonyms, write a line with 1, a blank and 64 random hex digits to %s",
        keys_file);
    return STATUS_CONFIG;
}
