/* pg_job.h: a job of the database. pg_jobs.c runs the jobs in turn; each is one function that works
 * inside a transaction that it neither begins nor ends. */
#ifndef VSOC_STORAGE_PG_JOB_H
#define VSOC_STORAGE_PG_JOB_H

#include <stdint.h>

#include "storage/sinks/postgres/client/pg_connection.h"

struct pg_job_settings {
    unsigned partitions_ahead;   /* days */
    int64_t batch_key_window_ns; /* time that keys are kept */
    const char *evidence_dir;    /* folder of signed heads and holds; NULL: none */
    const char *instance;        /* of this server; set by pg_jobs_start */
};

struct pg_job {
    const char *name;  /* in vsoc.jobs, in logs and as label of metrics */
    int64_t period_ns; /* from the end of a successful run to the next */
    int64_t retry_ns;  /* after a failed run, or while another server runs it */
    /* One step of a run, in a transaction of its own that holds the job's lock. step: 0 for the
     * first of a run. *more, false before: another step follows immediately. Statuses of
     * pg_connection.h. Thread: jobs. */
    enum status (*step)(struct pg_connection *c, const struct pg_job_settings *settings,
                        unsigned step, bool *more, struct pg_error *error);
    const char *by_hand; /* what an operator can run instead, for the log */
};

extern const struct pg_job pg_job_partitions; /* daily partitions ahead */
extern const struct pg_job pg_job_batch_keys; /* deletion of old keys */
extern const struct pg_job pg_job_heads;      /* copies of this server's signed heads */
extern const struct pg_job pg_job_holds;      /* copies of its legal holds */

#endif
