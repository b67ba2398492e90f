/* head_signer.h: what signs the heads of the tree, as the settings say: the key in a file, made at
 * the first start. Thread: main, at start. */
#ifndef VSOC_SERVER_HEAD_SIGNER_H
#define VSOC_SERVER_HEAD_SIGNER_H

#include "core/uuid7.h"
#include "server/config/config.h"
#include "storage/evidence/evidence_signer.h"

struct head_signer_options {
    const struct config *config;
    const char *dir;          /* data_dir/evidence, which exists */
    const char *instance;     /* of this process: part of a new key's name */
    const uint8_t *spool_uid; /* UUID_BYTES: the other part */
    unsigned generation;      /* of the tree (storage/evidence/restart.h) */
};

/* Makes the signer, and with it `head.vkey` in dir, by which others check heads. Makes the key if
 * evidence.signing_key is null and dir has neither a key nor heads. CONFIG: the key is missing,
 * can't be read, or evidence.origin is not valid; IO, NO_SPACE, NO_MEMORY. *problem says what to
 * do. The caller owns *out. */
enum status head_signer_make(const struct head_signer_options *options,
                             struct evidence_signer **out, struct problem *problem) must_check;

#endif
