/* pg_jobs.h: the jobs thread of a database: runs maintenance jobs in turn, each under a lock that
 * servers on the same database share. */
#ifndef VSOC_STORAGE_PG_JOBS_H
#define VSOC_STORAGE_PG_JOBS_H

#include "storage/sinks/postgres/jobs/pg_job.h"

struct pg_jobs;

/* Starts the thread for the database of dsn; dsn, instance and settings are copied. It connects and
 * reconnects by itself. Statuses of pg_connection_create; BUSY: no thread available. Thread: the
 * first lane's. */
enum status pg_jobs_start(const char *dsn, const char *instance,
                          const struct pg_job_settings *settings, struct pg_jobs **out) must_check;
/* Stops thread and connection, within a few seconds whatever the server does; the server rolls back
 * an incomplete step. NULL is allowed. Thread: any except the jobs thread. */
void pg_jobs_stop(struct pg_jobs *jobs);

#endif
