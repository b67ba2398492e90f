/* data_folders.c: warns of folders of evidence that other users could change. Main thread. */
#define LOG_COMPONENT "app"
#include "server/data_folders.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"

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
