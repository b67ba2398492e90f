/* config.h: the settings. One immutable struct, made from config.def; reload makes a new one and
 * swaps the pointer. */
#ifndef VSOC_SERVER_CONFIG_H
#define VSOC_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/arena.h"
#include "core/status.h"

/* Most items of a LIST and entries of a MAP. */
#define CONFIG_ITEMS_MAX 256

struct config_list {
    const char *const *items;
    size_t count;
};

struct config_map {
    const char *const *names;
    const char *const *values;
    size_t count;
};

#define CONFIG_TYPE_TEXT     const char *
#define CONFIG_TYPE_BOOL     bool
#define CONFIG_TYPE_UINT     uint64_t
#define CONFIG_TYPE_SIZE     uint64_t
#define CONFIG_TYPE_DURATION int64_t
#define CONFIG_TYPE_ENUM     unsigned /* place of the word in its row, from 0 */
#define CONFIG_TYPE_LIST     struct config_list
#define CONFIG_TYPE_MAP      struct config_map

#define CONFIG_RELOAD 1u /* taken on SIGHUP */
#define CONFIG_SECRET 2u /* masked in --print */
#define CONFIG_SECRET_VALUES                                                                       \
    4u /* MAP: values whose name holds password, secret, key or jaas are masked */
#define CONFIG_PATH                                                                                \
    8u /* TEXT, LIST: files; relative ones in the file are relative to its folder                  \
        */
#define CONFIG_LATER 16u /* has no effect in this version: any value but the default is refused */

struct senders;
struct tokens;

struct config {
#define CONFIG(key, member, kind, fallback, min, max, flags, help) CONFIG_TYPE_##kind member;
#include "server/config/config.def"
#undef CONFIG
    struct tokens *tokens;   /* of identity.tokens_file; NULL: none are taken */
    struct senders *senders; /* of identity.senders_file; NULL: none are listed */
    struct arena arena;      /* holds every text */
    struct config *texts_of; /* whose arena the texts are in; NULL: its own */
    unsigned borrowers;      /* settings whose texts are in this arena */
    bool gone;               /* destroyed, but for the borrowers */
    char *path; /* of the file, NULL: none; relative paths in it are relative to its folder */
};

/* Words of the ENUM rows, in the order of their rows in config.def. */
enum config_hec_ack { HEC_ACK_OFF, HEC_ACK_SPOOL, HEC_ACK_KAFKA, HEC_ACK_POSTGRES, HEC_ACK_ALL };
enum config_evidence { EVIDENCE_REFUSE, EVIDENCE_EVICT };
enum config_client_eku { CLIENT_EKU_REQUIRED, CLIENT_EKU_OPTIONAL };
enum config_client_auth { CLIENT_AUTH_REQUIRED, CLIENT_AUTH_OPTIONAL, CLIENT_AUTH_OFF };

/* One mistake. */
struct config_problem {
    char source[256];    /* file name, "environment" or "--set" */
    size_t line, column; /* 1-based; 0 when the source has none */
    char text[512];      /* what is wrong and what would be right */
};

struct config_problems {
    struct config_problem items[32];
    size_t count; /* found in all; only the first 32 are kept */
};

/* Thread of all below: any but a worker (files are read).
 *
 * Defaults < file < environment (VSOCD_LISTEN__INGEST__ADDRESS) < sets ("listen.ingest.address=…").
 * Reads *_file settings and checks what rows can't say (both needed, files readable). CONFIG with
 * every mistake in *problems; a status of status_is_passing(), with the same, when a file could not
 * be read for a reason that may pass. *out untouched then. path NULL: no file. */
enum status config_load(const char *path, const char *const *sets, size_t set_count,
                        char *const *environment, struct config **out,
                        struct config_problems *problems) must_check;
/* The same; files false: does not look whether files that settings name can be read (commands that
 * use few of them). */
enum status config_load_checked(const char *path, const char *const *sets, size_t set_count,
                                char *const *environment, bool files, struct config **out,
                                struct config_problems *problems) must_check;
/* The same settings with the files of tokens and senders read anew. CONFIG with every mistake in
 * *problems, NO_MEMORY; *out untouched. Thread: main, which destroys both. */
enum status config_renew(struct config *config, struct config **out,
                         struct config_problems *problems) must_check;
/* NULL is allowed. */
void config_destroy(struct config *config);
/* The effective settings as YAML on stdout's writer, secrets masked. */
struct writer;
void config_print(const struct config *config, struct writer *out);
/* docs/configuration.md, from the rows. */
void config_reference(struct writer *out);
/* First key that differs and is not reloadable, or NULL. */
const char *config_needs_restart(const struct config *old_config, const struct config *new_config);

/* True when a --set gives a connection string: every user of the machine sees it in the list of
 * processes. */
bool config_sets_show_dsn(const char *const *sets, size_t count);

#endif
