/* folder.h: names that survive a power cut: syncing a file does not sync its name, which is stored
 * in the folder. */
#ifndef VSOC_STORAGE_FOLDER_H
#define VSOC_STORAGE_FOLDER_H

#include "core/status.h"

/* Makes the name `path`, made, renamed or removed before, durable in the folder that holds it. On
 * failure errno says why; TOO_LARGE: the path is too long. Thread: any that may wait for the disk.
 */
enum status folder_sync(const char *path) must_check;
/* Makes the folder `path` (0750) unless it is there; a new one's name is durable. On failure errno
 * says why. */
enum status folder_make(const char *path) must_check;

#endif
