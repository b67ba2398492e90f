/* plugin_file.c: who may write a plug-in may do everything that the server may. Pure, any thread.
 */
#include "server/plugin_file.h"

#include <stdbool.h>
#include <stddef.h>

static bool is_of(const struct stat *st, uid_t user)
{
    return st->st_uid == 0 || st->st_uid == user;
}

static bool others_may_write(const struct stat *st)
{
    return st->st_mode & (S_IWGRP | S_IWOTH);
}

const char *plugin_file_problem(const struct stat *file, uid_t user)
{
    if (!S_ISREG(file->st_mode))
        return "is not a regular file";
    if (!is_of(file, user))
        return "belongs to another user than root and the server's";
    return others_may_write(file) ? "may be written by others than its owner: chmod go-w" : NULL;
}

const char *plugin_folder_problem(const struct stat *folder, uid_t user)
{
    if (!is_of(folder, user))
        return "is in a folder of another user than root and the server's";
    return others_may_write(folder) && !(folder->st_mode & S_ISVTX)
               ? "is in a folder that others than its owner may write: chmod go-w"
               : NULL;
}
