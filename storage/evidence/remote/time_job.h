/* time_job.h: asks time-stamp authorities for a token over the newest head: at the first head, then
 * once an interval while heads come. Thread: main makes it, remote runs it. */
#ifndef VSOC_STORAGE_EVIDENCE_TIME_JOB_H
#define VSOC_STORAGE_EVIDENCE_TIME_JOB_H

#include "storage/evidence/remote/remote.h"
#include "storage/evidence/remote/time_store.h"
#include "storage/evidence/remote/time_token.h"

struct time_job;

struct time_job_options {
    const char *dir;         /* data_dir/evidence; copied */
    const char *const *urls; /* of authorities, TIME_AUTHORITIES_MAX at most; copied */
    size_t url_count;
    struct time_trust *trust; /* given away, also on failure */
    int64_t interval_ns;
};

/* NO_MEMORY; TOO_MANY authorities. */
enum status time_job_create(const struct time_job_options *options,
                            struct time_job **out) must_check;
/* The thread has ended; NULL is allowed. */
void time_job_destroy(struct time_job *job);
/* For remote_add. */
struct remote_job time_job_remote(struct time_job *job);

#endif
