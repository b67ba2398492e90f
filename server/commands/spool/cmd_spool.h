/* cmd_spool.h: what the files of `vsocd spool` share. */
#ifndef VSOC_SERVER_CMD_SPOOL_H
#define VSOC_SERVER_CMD_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/spool/seal/seal_keys.h"
#include "storage/spool/spool_verify.h"

struct config;

#define SPOOL_EXPECTED_MAX 64
#define SPOOL_SETTINGS_MAX 64
#define SPOOL_HEADS_MAX    16

struct spool_command {
    char dir[4096];       /* with the segments */
    const char *bodies;   /* --bodies, or NULL */
    bool is_archive;      /* dir has segments that were fetched from one */
    const char *evidence; /* --evidence: where the keys of archived records are, or NULL */
    const char *keys;     /* --keys, or NULL */
    bool json;
    uint64_t from, to; /* positions, both included */
    /* --expect POSITION=HASH, each */
    struct spool_expectation expected[SPOOL_EXPECTED_MAX];
    size_t expected_count;
    const char *heads[SPOOL_HEADS_MAX]; /* --head FILE, each */
    size_t head_count;
    const char *verifier; /* --verifier KEY or FILE, or NULL */
    bool reparse;         /* --reparse */
    /* -c FILE and --set KEY=VALUE as in argv */
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

/* Loads the command's settings: exit status; EXIT_DONE: the caller destroys *config. */
int spool_load_settings(const struct spool_command *command, struct config **config);
/* The keys of records: of --keys, of the settings, or from their default place beside the spool.
 * *keys NULL: there are none. Exit status: anything but EXIT_DONE if those that were asked for
 * can't be used, which was reported. */
int spool_load_keys(const struct spool_command *command, const struct seal_keys **keys);

/* dir: the spool directory for given, which may be a data_dir that contains spool/. False: the path
 * is too long. */
bool spool_find_dir(const char *given, char dir[4096]);
bool spool_parse_position(const char *text, uint64_t *position);

#endif
