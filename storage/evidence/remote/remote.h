/* remote.h: the thread for everything about heads that goes over the network. Jobs run one after
 * the other; each bounds its own waits. */
#ifndef VSOC_STORAGE_EVIDENCE_REMOTE_H
#define VSOC_STORAGE_EVIDENCE_REMOTE_H

#include <stdbool.h>
#include "storage/evidence/evidence.h"

struct remote;

struct remote_job {
    const char *name; /* for the log */
    /* Does what is due. Called when there is a new head, and when the time that it returned has
     * come: the monotonic time at the latest (INT64_MAX: a new head only). Thread: remote. */
    int64_t (*run)(void *arg, struct remote *remote);
    void *arg; /* outlives the thread */
};

#define REMOTE_JOBS_MAX 8

/* evidence outlives it. NULL: no memory. Thread: main, like all below but the last two. */
struct remote *remote_create(struct evidence *evidence);
/* Before the start. */
void remote_add(struct remote *remote, const struct remote_job *job);
/* Starts the thread, unless there is no job. BUSY, NO_MEMORY. */
enum status remote_start(struct remote *remote) must_check;
/* Ends the thread within the wait of one request; NULL is allowed. */
void remote_stop(struct remote *remote);
void remote_destroy(struct remote *remote); /* stopped; NULL is allowed */

/* True: a job returns soon. Thread: remote. */
bool remote_is_stopping(const struct remote *remote);
/* Thread: remote. */
struct evidence *remote_evidence(const struct remote *remote);

#endif
