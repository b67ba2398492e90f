/* can_uds.h: diagnostic messages (ISO 14229) that fit in one CAN frame (ISO 15765-2 single frames).
 * Thread: any. */
#ifndef VSOC_PARSERS_CAN_UDS_H
#define VSOC_PARSERS_CAN_UDS_H

#include "core/event.h"

/* Sets the uds_* columns, event_name, event_category and, for refusals that concern access,
 * severity_id. False, with nothing set, when the frame is not diagnostic: positive responses are
 * recognised only under the ids of ISO 15765-4 and 15765-2, negative responses under every id. */
bool can_uds_fill(struct event *event, uint32_t id, bool is_extended, struct slice data);

#endif
