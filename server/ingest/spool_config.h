/* spool_config.h: what the configuration says to the spool. Thread: main. */
#ifndef VSOC_SERVER_SPOOL_CONFIG_H
#define VSOC_SERVER_SPOOL_CONFIG_H

#include "server/config/config.h"
#include "storage/spool/spool_options.h"

#define SPOOL_CONFIG_DIR_BYTES 4200

/* The options; their dir is *dir, the folder of the spool in data_dir. */
struct spool_options spool_options_from_config(const struct config *config,
                                               char dir[SPOOL_CONFIG_DIR_BYTES]);

#endif
