/* config_check.h: the meaning of settings, for config_load: files that they name, settings that
 * need each other, the credentials that senders are known by. Thread: any but a worker. */
#ifndef VSOC_SERVER_CONFIG_CHECK_H
#define VSOC_SERVER_CONFIG_CHECK_H

#include "server/config/config.h"

extern const struct config_checks config_checks;
/* Does not look whether files that settings name can be read: for commands that use few of them. */
extern const struct config_checks config_checks_without_files;

#endif
