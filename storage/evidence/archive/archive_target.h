/* archive_target.h: a place for objects that are written once: a directory or an object store.
 * Calls block; one thread at a time. */
#ifndef VSOC_EVIDENCE_ARCHIVE_TARGET_H
#define VSOC_EVIDENCE_ARCHIVE_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/hash.h"
#include "core/log/problem.h"
#include "core/writer.h"

enum archive_lock { ARCHIVE_LOCK_COMPLIANCE, ARCHIVE_LOCK_GOVERNANCE, ARCHIVE_LOCK_NONE };

/* Texts outlive the target. */
struct archive_settings {
    const char *url;              /* file:///folder or s3://bucket/prefix */
    const char *region;           /* s3 */
    const char *endpoint;         /* s3: https://host:port, NULL: Amazon's of the region */
    const char *credentials_file; /* s3: as of the AWS tools, section [default] */
    const char *ca;               /* s3: PEM file; NULL: the system's */
    uint64_t bandwidth;           /* bytes a second that are sent; 0: no limit */
    enum archive_lock lock;       /* s3: Object Lock */
};

/* The bytes of an object, which can be read several times. */
struct archive_body {
    uint64_t size;
    const uint8_t *sha256;
    enum status (*read)(void *arg, uint64_t offset, void *bytes, size_t size);
    void *arg;
};
/* Bytes in memory as a body; both outlive it. */
struct archive_bytes {
    unsigned magic; /* set by archive_body_of */
    struct slice bytes;
    uint8_t sha256[SHA256_BYTES]; /* set by archive_body_of */
};
struct archive_body archive_body_of(struct archive_bytes *bytes);

/* Takes the next bytes of an object. */
typedef enum status (*archive_take_fn)(void *arg, struct slice bytes);
typedef enum status (*archive_name_fn)(void *arg, struct slice name);

struct archive_target;
/* CONFIG: the settings are wrong; NO_MEMORY. Connects to nothing. */
enum status archive_target_open(const struct archive_settings *settings,
                                struct archive_target **out, struct problem *problem) must_check;
void archive_target_close(struct archive_target *target);
/* Transfers end early with CLOSED once this is true. Set before the first call; may be NULL. */
void archive_target_stop_on(struct archive_target *target, const atomic_bool *stop);

/* Creates the object, whole or not at all, durable on return; locked until retain_until_ns where
 * that is possible (0: not). EXISTS: there is one of this name; nothing is changed. On failure
 * *problem says why. */
enum status archive_target_put(struct archive_target *target, const char *name,
                               const struct archive_body *body, int64_t retain_until_ns,
                               struct problem *problem) must_check;
/* Gives the object's bytes in order. NOT_FOUND; take's status if it is not OK. */
enum status archive_target_get(struct archive_target *target, const char *name,
                               archive_take_fn take, void *arg, struct problem *problem) must_check;
/* Gives all names, in ascending order. */
enum status archive_target_list(struct archive_target *target, archive_name_fn fn, void *arg,
                                struct problem *problem) must_check;

/* The object's hash and size, from its bytes as they are stored. */
enum status archive_target_hash(struct archive_target *target, const char *name,
                                uint8_t sha256[SHA256_BYTES], uint64_t *size,
                                struct problem *problem) must_check;
/* A small object's bytes, appended to w. */
enum status archive_target_read(struct archive_target *target, const char *name, struct writer *w,
                                struct problem *problem) must_check;

/* --- for the kinds of targets --------------------------------------------------------------- */

struct archive_target_ops {
    enum status (*put)(struct archive_target *target, const char *name,
                       const struct archive_body *body, int64_t retain_until_ns,
                       struct problem *problem);
    enum status (*get)(struct archive_target *target, const char *name, archive_take_fn take,
                       void *arg, struct problem *problem);
    enum status (*list)(struct archive_target *target, archive_name_fn fn, void *arg,
                        struct problem *problem);
    void (*close)(struct archive_target *target);
};

/* First member of each kind's struct. */
struct archive_target {
    const struct archive_target_ops *ops;
    struct archive_settings settings;
    const atomic_bool *stop;
};
static inline bool archive_target_is_stopped(const struct archive_target *t)
{
    return t->stop && atomic_load(t->stop);
}

enum status archive_directory_open(const struct archive_settings *settings,
                                   struct archive_target **out, struct problem *problem) must_check;
enum status archive_s3_open(const struct archive_settings *settings, struct archive_target **out,
                            struct problem *problem) must_check;

#endif
