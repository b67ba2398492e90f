/* pseudonym.h: vehicle_pid = HMAC-SHA-256(key of the tenant, VIN). Keys come from a file; the
 * newest makes pseudonyms. */
#ifndef VSOC_SERVER_PSEUDONYM_H
#define VSOC_SERVER_PSEUDONYM_H

#include "core/log/problem.h"
#include "core/keyed/keyed_digest.h"
#include "core/keyed/siphash.h"
#include "core/slice.h"
#include "core/status.h"

struct pseudonym_key {
    int64_t id; /* 1 … 32767 */
    uint8_t bytes[32];
    uint8_t first[32]; /* of the lowest id */
};

/* The keys by which repeats are recognised. They come from the first key of the file, so that a new
 * key does not change them: a batch or an event that was sent before is still recognised.
 */
struct repeat_keys {
    struct hmac_key batch;            /* batch_meta.key */
    struct keyed_digest_key inflated; /* batch_meta.inflated_digest */
    struct siphash event;             /* dedup_key */
};
void repeat_keys_derive(const struct pseudonym_key *key, struct repeat_keys *keys);

/* Reads the newest key of the file: lines `ID HEX64`, `#` comments; the highest id is the newest. A
 * missing file is created with one random key and mode 0600, and its folder with mode 0750. CONFIG:
 * its content is wrong; otherwise the system's error while reading or creating it. With a sentence
 * in *problem, which never advises to remove keys. Thread: main, at start. */
enum status pseudonym_key_load(const char *path, struct pseudonym_key *key,
                               struct problem *problem) must_check;
/* All keys of the file, in its order. */
#define PSEUDONYM_KEYS_MAX 256
struct pseudonym_keys {
    size_t count;
    struct {
        int64_t id;
        uint8_t bytes[32];
    } items[PSEUDONYM_KEYS_MAX];
};
/* Reads them. NOT_FOUND: no such file. CONFIG, or the system's error, with a sentence in *problem.
 * Thread: main. */
enum status pseudonym_keys_read(const char *path, struct pseudonym_keys *keys,
                                struct problem *problem) must_check;
/* Whether that would succeed. Creates nothing. Thread: main. */
enum status pseudonym_key_check(const char *path, struct problem *problem) must_check;

/* The pseudonym generator of one worker: vehicle_pid = HMAC-SHA-256(HMAC-SHA-256(key, label,
 * tenant), VIN): a vehicle has a different pseudonym with each tenant. NULL: no memory. */
struct pseudonym;
struct pseudonym *pseudonym_create(const struct pseudonym_key *key);
void pseudonym_destroy(struct pseudonym *p);
/* Callback of struct normaliser; arg is the struct pseudonym. Returns the key's id. */
int64_t pseudonym_make(void *arg, struct slice tenant, struct slice vin, uint8_t pid[32]);

#endif
