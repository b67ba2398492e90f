/* spool_config.c: options of the spool from the settings. Main thread. Opens nothing. */
#include "server/ingest/spool_config.h"

#include <stdio.h>

/* Maximum number of batches that wait for the writer; beyond it requests are refused, so that
 * memory and latency stay bounded. */
#define SPOOL_QUEUE_BATCHES 4096

struct spool_options spool_options_from_config(const struct config *c,
                                               char dir[SPOOL_CONFIG_DIR_BYTES])
{
    snprintf(dir, SPOOL_CONFIG_DIR_BYTES, "%s/spool", c->data_dir);
    return (struct spool_options){
        .dir = dir,
        .segment_bytes = c->spool_segment_bytes,
        .max_bytes = c->spool_max_bytes,
        .reserve_bytes = c->spool_reserve_bytes,
        .commit_interval_ns = c->spool_commit_interval,
        .evidence_ns = c->evidence_retention,
        .evidence_bytes = c->evidence_max_bytes,
        .evict = c->evidence_when_full == EVIDENCE_EVICT,
        .queue_batches = SPOOL_QUEUE_BATCHES,
        .queue_bytes = c->limit_memory,
        .keys_max = c->dedup_max_batches,
    };
}
