/* cmd_archive.h: what the files of `vsocd archive` share. Thread: main. */
#ifndef VSOC_SERVER_CMD_ARCHIVE_H
#define VSOC_SERVER_CMD_ARCHIVE_H

#include "server/config/config.h"
#include "storage/evidence/archive/archive_restore.h"
#include "storage/spool/spool_segment.h"

struct archive_command {
    struct config *config;
    const char *url;  /* given, or of the settings */
    const char *to;   /* restore: data_dir */
    const char *keys; /* restore: folder of evidence/ with keys, or NULL */
    bool json;
    struct archive_target *target;
    struct archive_catalog catalog;
    uint64_t findings;
    struct writer listed; /* findings as JSON members */
};

/* Prints a finding, or adds it to the JSON. */
void archive_tell(struct archive_command *c, enum archive_finding finding,
                  const struct archive_entry *entry, const char *text);
/* Exit status. */
int archive_restore_into(struct archive_command *c);

#endif
