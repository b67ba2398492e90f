/* event_check.h: checks an event against its table. Thread: any. */
#ifndef VSOC_PARSERS_EVENT_CHECK_H
#define VSOC_PARSERS_EVENT_CHECK_H

#include "core/event.h"
#include "core/status.h"

/* Maximum of texts in one LIST field. Four such fields: no event exceeds the spool's encoding
 * (EVENT_LIST_ITEMS_MAX). */
#define EVENT_CHECK_LIST_MAX 64

/* First field, in table order, that violates its row: *field. text_is_clean: the event's texts were
 * checked already (UTF-8 without byte 0). OK; OUT_OF_RANGE (numbers, sizes), WRONG_TYPE (not an
 * address, not JSON), TOO_MANY (texts of a list), INVALID_UTF8, REFUSED (byte 0 in a text). */
enum status event_check(const struct event *event, bool text_is_clean,
                        const struct event_field_info **field) must_check;
/* The same for an event without lists, whose JSON is an object and whose texts are clean and whose
 * numbers and sizes are known to be within their fields' limits: addresses and severities are left.
 */
enum status event_check_within(const struct event *event,
                               const struct event_field_info **field) must_check;

#endif
