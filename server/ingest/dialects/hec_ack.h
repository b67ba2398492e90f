/* hec_ack.h: acknowledgements of Splunk's HTTP Event Collector. The id of a batch is its position
 * in the spool, with 13 bits above it that identify spool, sender and channel. No state is kept,
 * ids survive a restart, and an id is valid only for the client that received it. Thread: worker.
 */
#ifndef VSOC_SERVER_HEC_ACK_H
#define VSOC_SERVER_HEC_ACK_H

#include "core/json/json.h"
#include "core/writer.h"
#include "server/config/config.h"
#include "server/ingest/ingest.h"

/* The bits for ids of this channel. */
uint64_t hec_ack_tag(const struct ingest_shared *shared, struct slice tenant, struct slice sender,
                     struct slice channel);
/* Id of a batch; below 2^53, so that every JSON reader keeps it exactly. */
uint64_t hec_ack_id(uint64_t tag, uint64_t position);
/* The sinks that hec.ack requires; none if it is off or spool. UNSUPPORTED: one that does not run
 * here. */
enum status hec_ack_sinks(const struct config *config, const struct ack_sinks *running,
                          ack_mask_t *sinks) must_check;

/* Answers {"acks":[1,2]} with {"acks":{"1":true,"2":false}}: true if all `sinks` have the batch.
 * body is followed by JSON_PADDING bytes. MALFORMED: not of this form. */
enum status hec_ack_answer(struct json_parser *json, struct slice body, uint64_t tag,
                           ack_mask_t sinks, const struct ingest_shared *shared,
                           struct writer *out) must_check;

#endif
