/* trial.h: what ingestion makes of a body, without a server: a submission that goes the way of any
 * other (rights, memory, content coding, parser, limits, codec) and ends before the spool. For
 * `vsocd parse` and the fuzz target of whole submissions.
 *
 * What a trial does not show: repeats of other batches, quotas, and refusals of spool and disk.
 * Thread: one at a time, without a role or a worker's. */
#ifndef VSOC_SERVER_TRIAL_H
#define VSOC_SERVER_TRIAL_H

#include "parsers/catalog/catalog.h"
#include "parsers/engine/split.h"
#include "server/config/config.h"
#include "server/ingest/submission.h"

struct trial;

/* A body, with what its way in knows of it. */
struct trial_body {
    struct slice tenant, header_vin;
    const struct parser *parser; /* NULL: probe the body */
    enum split_prefix prefix;
    enum inflate_coding coding;
    struct slice content_type;     /* as sent; empty: none */
    struct parser_header *headers; /* for the parsers */
    size_t header_count;
    struct submission_trial trial;
    struct slice body;
};

/* What became of it. */
struct trial_counts {
    uint32_t accepted, duplicates, quarantined;
};

/* config: the limits, and identity.vin_mismatch; it, registry and catalog are borrowed. NULL when
 * memory or descriptors are out. */
struct trial *trial_create(const struct config *config, const struct registry *registry,
                           const struct catalog *catalog);
/* NULL is allowed. */
void trial_destroy(struct trial *trial);

/* Reads the body. Each event and reject of the batch that would be stored goes to take(arg, item),
 * decoded from the batch's bytes, without what the record's header carries (batch_complete_event).
 * OK: *counts. REFUSED: no batch would be stored, *refusal is the answer. CORRUPT: the batch's
 * bytes can't be decoded, which is an error of this program. NO_MEMORY. */
enum status trial_run(struct trial *trial, const struct trial_body *body,
                      void (*take)(void *arg, const struct event_item *item), void *arg,
                      struct trial_counts *counts, struct refusal *refusal) must_check;

#endif
