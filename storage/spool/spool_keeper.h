/* spool_keeper.h: the thread beside the writer: work on segments that no batch waits for. It makes
 * the indexes of sealed segments and removes kept keys that the window no longer needs. */
#ifndef VSOC_STORAGE_SPOOL_KEEPER_H
#define VSOC_STORAGE_SPOOL_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "core/thread.h"

struct spool;

/* The index of a removed segment, kept for the keys in it. */
struct spool_keys {
    uint64_t first, newest; /* name; position of its last record */
};

struct spool_keeper {
    struct thread thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* monotonic clock: there is work, or it ends */
    pthread_cond_t done;  /* an index was made, or could not be */
    bool work, ending;
    struct spool_keys *keys; /* ascending */
    size_t key_count, key_room;
    uint64_t keys_from; /* keys of older positions are not needed; UINT64_MAX: none are */
};

void spool_keeper_init(struct spool_keeper *keeper);
void spool_keeper_fini(struct spool_keeper *keeper);
/* Starts the thread. */
enum status spool_keeper_start(struct spool *spool) must_check;
/* Finishes the indexes of the segments that were just sealed, within limits, and joins. */
void spool_keeper_stop(struct spool *spool);
/* There is something to do. Thread: any. */
void spool_keeper_wake(struct spool *spool);
/* Adds an index that is kept without its segment. NO_MEMORY. Thread: opener, writer, keeper. */
enum status spool_keeper_add_keys(struct spool *spool, uint64_t first, uint64_t newest) must_check;
/* First position of the kept keys that may have this position; 0: none. Thread: any. */
uint64_t spool_keeper_keys_of(struct spool *spool, uint64_t position);
/* Before the oldest segment is removed: keeps its index while keys in it are needed, otherwise
 * removes it. Waits for an index that is being made. Thread: writer. */
void spool_keeper_release(struct spool *spool);
/* The last segment gets no more records in this process: makes its index. Thread: the one that
 * closes. */
void spool_keeper_close(struct spool *spool);

#endif
