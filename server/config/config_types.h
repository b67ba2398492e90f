/* config_types.h: the settings as one struct, generated from config.def. It is immutable: a reload
 * creates a new one and swaps the pointer. */
#ifndef VSOC_SERVER_CONFIG_TYPES_H
#define VSOC_SERVER_CONFIG_TYPES_H

#include "core/arena.h"
#include "core/settings.h"

/* Maximum number of items of a LIST and entries of a MAP. */
#define CONFIG_ITEMS_MAX 256

#define CONFIG_RELOAD 1u /* taken on SIGHUP */
#define CONFIG_SECRET 2u /* masked in --print */
#define CONFIG_SECRET_VALUES                                                                       \
    4u /* MAP: values whose name holds password, secret, key or jaas are masked */
#define CONFIG_PATH                                                                                \
    8u /* TEXT, LIST: files; relative ones in the file are relative to its folder                  \
        */
#define CONFIG_LATER 16u /* has no effect in this version: any value but the default is refused */

struct config_checks;
struct senders;
struct tokens;

struct config {
#define CONFIG(key, member, kind, fallback, min, max, flags, help) SETTING_TYPE_##kind member;
#include "server/config/config.def"
#undef CONFIG
    const struct config_checks *checks; /* it was loaded with; NULL: none, and no credentials */
    struct tokens *tokens;              /* of identity.tokens_file; NULL: tokens are disabled */
    struct senders *senders;            /* of identity.senders_file; NULL: none are listed */
    struct arena arena;                 /* holds every text */
    struct config *texts_of;            /* whose arena the texts are in; NULL: its own */
    unsigned borrowers;                 /* settings whose texts are in this arena */
    bool gone;                          /* destroyed, but for the borrowers */
    char *path; /* of the file, NULL: none; relative paths in it are relative to its folder */
};

/* Words of the ENUM rows, in the order of their rows in config.def. */
enum config_hec_ack { HEC_ACK_OFF }; /* the others are levels of VSOC-Ack, see ack.h */
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

#endif
