/* worker.h: one ingest thread: its event loop, its HTTP server and its ingest. */
#ifndef VSOC_SERVER_WORKER_H
#define VSOC_SERVER_WORKER_H

#include "parsers/catalog/catalog_unknown.h"
#include "server/connection/http_server.h"
#include "server/ingest/ingest.h"

struct worker;

struct worker_options {
    unsigned number;              /* from 0, for the thread's name */
    int listen_fd;                /* borrowed */
    struct ingest_shared *shared; /* outlives the worker */
    uint64_t sink_files;          /* open files that the sinks need */
    /* Valid until the worker has taken the next ones, see worker_reload. */
    const struct config *config;
    const struct catalog *catalog;
    struct tls_context *tls; /* NULL: plain HTTP */
    struct conn_counts *counts;
    struct balance *balance; /* of all workers; outlives them */
};

/* Creates the loop and starts to listen; nothing is accepted before worker_start. Thread: main. */
enum status worker_create(const struct worker_options *options, struct worker **out) must_check;
enum status worker_start(struct worker *worker) must_check;
/* All functions below, except worker_join and worker_destroy, only notify the worker. Thread: any.
 */
/* Takes new settings at its next loop turn; worker_generation shows when. */
void worker_reload(struct worker *worker, const struct config *config,
                   const struct catalog *catalog, struct tls_context *tls, unsigned generation);
unsigned worker_generation(struct worker *worker);
/* The ids that the worker has met without a row of its catalogue. Thread: any. */
struct catalog_unknown *worker_unknown_ids(struct worker *worker);
/* A sink has advanced: checks the submissions that wait for it. */
void worker_sink_moved(struct worker *worker);
/* Stops accepting and finishes requests in flight. */
void worker_drain(struct worker *worker);
/* True if no connection and no request is left. */
bool worker_is_drained(struct worker *worker);
/* Stops now; requests in flight get no answer, but the worker waits for batches that the spool
 * writer has. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_destroy(struct worker *worker);
/* Sets the gauges and counters of the worker that are read at a scrape: its processor time. Thread:
 * main, while the worker runs. */
void worker_refresh_metrics(struct worker *worker);
/* monotonic ns of the last loop turn. */
int64_t worker_heartbeat_ns(struct worker *worker);

#endif
