/* time_guess.h: times of JSON members that have no specified form. Thread: any. */
#ifndef VSOC_PARSERS_TIME_GUESS_H
#define VSOC_PARSERS_TIME_GUESS_H

#include "core/event.h"
#include "core/json/json.h"
#include "core/status.h"

/* RFC 3339, usually with an offset without colon; a time without an offset counts as UTC, and
 * *inferred is set. Statuses of timestamp_rfc3339. */
enum status time_guess_text(struct slice text, int64_t *ns, bool *inferred) must_check;
/* Sets the event's time from an epoch number from the year 2000 on, its digits as text, or a text
 * as above; with time_quality when the zone is inferred. False: the value is not such a time,
 * nothing is set. */
bool time_guess_take(const struct json_node *value, struct event *event);

#endif
