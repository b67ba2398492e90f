/* plugin_file.h: may code be loaded from this file? Thread: any. */
#ifndef VSOC_SERVER_PLUGIN_FILE_H
#define VSOC_SERVER_PLUGIN_FILE_H

#include <sys/stat.h>

/* What speaks against a file, or the folder that it is in, that a process of user may be made to
 * run: NULL, or words that go on after its name. Only root, user or nobody may change either. */
const char *plugin_file_problem(const struct stat *file, uid_t user);
const char *plugin_folder_problem(const struct stat *folder, uid_t user);

#endif
