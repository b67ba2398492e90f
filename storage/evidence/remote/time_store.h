/* time_store.h: the tokens of a tree: data_dir/evidence/tokens/SIZE-AUTHORITY.tsr, each the
 * response of an authority (DER, RFC 3161) over the head of SIZE leaves (20 digits). A file is
 * written once and never changes. Thread: remote writes; any may read. */
#ifndef VSOC_STORAGE_EVIDENCE_TIME_STORE_H
#define VSOC_STORAGE_EVIDENCE_TIME_STORE_H

#include "core/writer.h"

/* A token's name. */
struct time_place {
    uint64_t size;      /* of the head that it is over */
    unsigned authority; /* place in evidence.time_authorities, 0 … */
};

#define TIME_AUTHORITIES_MAX 16

/* dir is data_dir/evidence, which exists. Makes the token durable under its name. EXISTS, NO_SPACE,
 * IO, REFUSED; errno says why. */
enum status time_store_put(const char *dir, const struct time_place *place,
                           struct slice response) must_check;
/* Appends the response of a place. NOT_FOUND, TOO_LARGE, IO, NO_MEMORY. */
enum status time_store_get(const char *dir, const struct time_place *place,
                           struct writer *out) must_check;
/* Calls on_place for each token of the folder, in no order, until it returns false. A missing
 * folder is OK. IO. */
enum status time_store_walk(const char *dir,
                            bool (*on_place)(void *arg, const struct time_place *place),
                            void *arg) must_check;
/* The token over the largest head; of an authority, or with NULL of all. NOT_FOUND, IO. */
enum status time_store_newest(const char *dir, const unsigned *authority,
                              struct time_place *out) must_check;

#endif
