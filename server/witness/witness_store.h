/* witness_store.h: what a witness remembers: for each log the newest checkpoint that it cosigned,
 * as a signed note in a file of its own, and checkpoints that prove a fork.
 *
 * Files: DIR/<first 32 hex digits of SHA-256(origin)>.head and
 * DIR/<the same>.fork-<size>-<first 16 hex digits of the root>; DIR/lock is held by the process.
 * Thread: main. */
#ifndef VSOC_SERVER_WITNESS_STORE_H
#define VSOC_SERVER_WITNESS_STORE_H

#include "core/log/problem.h"
#include "core/writer.h"

#define WITNESS_FORKS_MAX 100 /* files of forks; later ones are only logged */

struct witness_store;

/* Makes the folder (0750) if it is missing, and locks it. LOCKED: another process has it; IO, …
 * *problem says what to do. */
enum status witness_store_open(const char *dir, struct witness_store **out,
                               struct problem *problem) must_check;
void witness_store_close(struct witness_store *store); /* NULL is allowed */
/* Appends the stored note. NOT_FOUND: this log has none yet. */
enum status witness_store_read(const struct witness_store *store, struct slice origin,
                               struct writer *note) must_check;
/* Replaces it: OK when the new one is durable. On failure either is there. */
enum status witness_store_write(struct witness_store *store, struct slice origin,
                                struct slice note) must_check;
/* Keeps a checkpoint that its log has signed and that contradicts the stored one. OK: it is kept,
 * or was already; TOO_MANY; IO, … */
enum status witness_store_fork(struct witness_store *store, struct slice origin, uint64_t size,
                               const uint8_t root[32], struct slice note) must_check;

#endif
