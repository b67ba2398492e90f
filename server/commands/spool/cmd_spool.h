/* cmd_spool.h: what the files of `vsocd spool` share. */
#ifndef VSOC_SERVER_CMD_SPOOL_H
#define VSOC_SERVER_CMD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/spool/spool_verify.h"

#define SPOOL_EXPECTED_MAX 64
#define SPOOL_SETTINGS_MAX 64

struct spool_command {
    char dir[4096];     /* with the segments */
    const char *bodies; /* --bodies, or NULL */
    bool json;
    uint64_t from, to; /* positions, both included */
    /* --expect POSITION=HASH, each */
    struct spool_expectation expected[SPOOL_EXPECTED_MAX];
    size_t expected_count;
    /* --reparse, and its settings: -c FILE and --set KEY=VALUE as in argv */
    bool reparse;
    const char *settings[2 * SPOOL_SETTINGS_MAX];
    int settings_count;
};

/* One verb each; exit status. Main thread. */
int spool_list(const struct spool_command *command);
int spool_check(const struct spool_command *command);
int spool_verify(const struct spool_command *command);
int spool_export(const struct spool_command *command);
/* The same with settings: argv[2] is the directory. */
int spool_replay(int argc, char **argv);

/* dir: the spool directory for given, which may be a data_dir that contains spool/. False: the path
 * is too long. */
bool spool_find_dir(const char *given, char dir[4096]);
bool spool_parse_position(const char *text, uint64_t *position);

#endif
