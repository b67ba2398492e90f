/* data_folders.h: checks who may write to the folders below data_dir. */
#ifndef VSOC_SERVER_DATA_FOLDERS_H
#define VSOC_SERVER_DATA_FOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/log/problem.h"
#include "core/status.h"

/* Whether a folder with this owner and mode lets anybody except user (of the process) and root
 * remove or replace its contents. The folder's group may. Pure. */
bool data_folder_is_open(uid_t owner, mode_t mode, uid_t user);

/* Logs a warning for each such folder of data_dir. The server continues, because the folder may be
 * a volume whose mode the operator can't choose. Thread: main. */
void data_folders_check(const char *data_dir);

/* CONFIG, with a sentence in *problem, when keys_file is not there although data_dir holds batches:
 * a silently created new key would change the pseudonym of every vehicle. Thread: main, at start.
 */
enum status data_keys_missing(const char *data_dir, const char *keys_file,
                              struct problem *problem) must_check;

#endif
