/* ingest.h: THE PIPELINE of a submission: admission → body → inflate → records → events → batch →
 * spool → report. One struct ingest per worker; everything in it runs on that worker's thread and
 * never blocks. */
#ifndef VSOC_SERVER_INGEST_H
#define VSOC_SERVER_INGEST_H

#include "core/reasons/refusal.h"
#include "core/writer.h"
#include "parsers/catalog/catalog.h"
#include "server/config/config.h"
#include "server/ingest/ingest_shared.h"

struct ingest;

/* config and catalog are borrowed until ingest_reconfigure or ingest_destroy. NULL when memory or
 * descriptors are out. shed: bodies of this ingest were dropped, its thread must call
 * ingest_take_shed; called on any thread. */
struct ingest *ingest_create(struct ingest_shared *shared, const struct config *config,
                             const struct catalog *catalog, void (*shed)(void *arg),
                             void *shed_arg);
/* The ingest that a callback got as its arg; ends the process when arg is something else. */
struct ingest *ingest_from(void *arg);
/* All requests must be over. */
void ingest_destroy(struct ingest *ingest);
/* Sets need_turn, which makes the loop call ingest_take_turn soon; further calls before that have
 * no effect. Call before the first request. */
void ingest_on_need_turn(struct ingest *ingest, void (*need_turn)(void *arg), void *arg);
/* Continues to read bodies, for about two milliseconds at most. True: call it again after polling
 * the sockets. */
bool ingest_take_turn(struct ingest *ingest);
/* False: bodies are being read with the current settings. No other body starts until
 * ingest_reconfigure: ask again after a turn. */
bool ingest_may_reconfigure(struct ingest *ingest);
/* New settings from the next request on, the catalogue from the next body. */
void ingest_reconfigure(struct ingest *ingest, const struct config *config,
                        const struct catalog *catalog);
/* Ids without a row in the current catalogue. Thread: any. */
struct catalog_unknown *ingest_unknown_ids(struct ingest *ingest);

/* For the ways in (submission.h). Thread: the worker's. */

/* Why no batch is accepted now; false: batches are. */
bool ingest_is_busy(const struct ingest *ingest, struct refusal *refusal);
/* The same, and counts that a batch was refused. */
bool ingest_turns_away(struct ingest *ingest, struct refusal *refusal);
/* The server is stopping: probes report it; batches on open connections are still accepted. */
bool ingest_is_leaving(const struct ingest *ingest, struct refusal *refusal);
/* Borrowed until the next turn of the loop. */
const struct config *ingest_config(const struct ingest *ingest);
const struct ingest_shared *ingest_shared_of(const struct ingest *ingest);
struct pseudonym *ingest_pseudonym(const struct ingest *ingest);
/* An empty writer of 1 MiB at most, for an answer; the next call empties it. */
struct writer *ingest_scratch(struct ingest *ingest);
/* "veh:" and the hex pseudonym of a vehicle of a tenant, NUL-terminated; "" when vin is empty. */
#define VEHICLE_NAME_BYTES (sizeof "veh:" + 2 * SHA256_BYTES)
void ingest_name_vehicle(struct ingest *ingest, struct slice tenant, struct slice vin,
                         char name[VEHICLE_NAME_BYTES]);

/* Readable when the writer has returned verdicts; then call ingest_take_verdicts. */
int ingest_verdict_fd(const struct ingest *ingest);
void ingest_take_verdicts(struct ingest *ingest);
/* Answers the senders whose bodies were dropped. */
void ingest_take_shed(struct ingest *ingest);
/* Answers the senders whose sinks have delivered their batch or whose timeouts.ack is over. Call
 * when a sink has advanced, and periodically. */
void ingest_check_acks(struct ingest *ingest);
/* Answers 503 if a batch has waited for the disk for timeouts.commit. Thread: the worker's. */
void ingest_check_commits(struct ingest *ingest);
/* Requests waiting for sinks: when 0, nobody needs ingest_check_acks. Thread: any. */
size_t ingest_ack_waiters(const struct ingest *ingest);
/* Number of unanswered requests. */
size_t ingest_in_flight(const struct ingest *ingest);

#endif
