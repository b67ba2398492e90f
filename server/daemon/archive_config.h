/* archive_config.h: the settings of the archive, as its room takes them. Thread: any. */
#ifndef VSOC_SERVER_ARCHIVE_CONFIG_H
#define VSOC_SERVER_ARCHIVE_CONFIG_H

#include "server/config/config_types.h"
#include "storage/evidence/archive/archive_target.h"

/* Its texts are the settings'. */
static inline struct archive_settings archive_settings_of(const struct config *c)
{
    return (struct archive_settings){
        .url = c->archive_url,
        .region = c->archive_region,
        .endpoint = c->archive_endpoint,
        .credentials_file = c->archive_credentials_file,
        .ca = c->archive_ca,
        .bandwidth = c->archive_bandwidth,
        .lock = (enum archive_lock)c->archive_lock,
    };
}

#endif
