/* pipeline.h: the record loop that the server and `vsocd parse` share: inflated body → split →
 * parser → normalise → callbacks. Pure but for the callbacks and the arena. Thread: any; a call
 * and what its options point to have one owner. */
#ifndef VSOC_PARSERS_PIPELINE_H
#define VSOC_PARSERS_PIPELINE_H

#include "core/status.h"
#include "parsers/engine/normalise.h"
#include "parsers/engine/pipeline_options.h"
#include "parsers/parser.h"
#include "parsers/read/pipeline_context.h"

/* Bytes of the body per record that this format must average. */
size_t pipeline_item_bytes(const struct parser *parser);

/* Reads all of body, which must be followed by PIPELINE_PADDING readable bytes, and calls back in
 * the order of the records. *result is filled in any case. OK also when every record was
 * quarantined; TOO_MANY when there are more than batch_events items, or their records are too short
 * (result->too_short); NO_MEMORY when the arena's limit is reached; CLOSED when the work was
 * stopped. After any status but OK the batch must be refused as a whole, despite the callbacks made
 * so far. */
enum status pipeline_run(const struct pipeline_options *options, struct slice body,
                         struct pipeline_result *result) must_check;

#endif
