/* One run of the simulated fleet: what all connections share. */
#ifndef LOAD_TESTS_FLEET_RUN_H
#define LOAD_TESTS_FLEET_RUN_H

#include "fleet_batch.h"
#include "fleet_ledger.h"
#include "fleet_options.h"
#include "fleet_random.h"
#include "fleet_stats.h"
#include "fleet_tls.h"

#include <event2/event.h>
#include <sys/socket.h>

struct fleet_client;

/* Shared by main and the connections; only the loop's thread touches it. Pointers are owned by
 * whoever made the run, except `clients`. */
struct fleet_run {
    const struct fleet_options *options;
    struct fleet_source *source;
    struct fleet_ledger *ledger; /* NULL: none wanted */
    struct fleet_tls *tls;       /* NULL: plain HTTP */
    struct event_base *base;
    struct sockaddr_storage address;
    socklen_t address_bytes;
    struct fleet_client **clients;
    uint32_t active;  /* connections that still have work */
    uint32_t opening; /* connections that open ahead of the run (--hold) */
    double cpu_before;
    uint64_t next_batch, batches;
    struct fleet_random random; /* jitter */
    struct fleet_stats stats;
    bool interrupted;
};

/* Resolves the URL's host (blocks) into run->address. False after a message on stderr. */
__attribute__((warn_unused_result)) bool fleet_run_resolve(struct fleet_run *run);

/* A connection is open ahead of the run. After the last one "ready" is printed, and a line on
 * standard input starts the run. */
void fleet_run_opened(struct fleet_run *run);

/* Sends every batch and returns when all have an answer, the deadline has passed or a SIGINT or
 * SIGTERM came. False after a message on stderr when the loop could not be set up. */
__attribute__((warn_unused_result)) bool fleet_run_go(struct fleet_run *run);

#endif
