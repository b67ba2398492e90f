/* event_check.h: does an event keep the rules of its table? Thread: any. */
#ifndef VSOC_PARSERS_EVENT_CHECK_H
#define VSOC_PARSERS_EVENT_CHECK_H

#include "core/event.h"
#include "core/status.h"

/* Most texts in one LIST field. Four such fields: no event has more than the spool's encoding takes
 * (EVENT_LIST_ITEMS_MAX). */
#define EVENT_CHECK_LIST_MAX 64

/* First field, in table order, that breaks its row: *field. text_is_clean: whoever made the event
 * checked its texts already (UTF-8 without byte 0). OK; OUT_OF_RANGE (numbers, sizes), WRONG_TYPE
 * (no address, no JSON), TOO_MANY (texts of a list), INVALID_UTF8, REFUSED (byte 0 in a text). */
enum status event_check(const struct event *event, bool text_is_clean,
                        const struct event_field_info **field) must_check;

#endif
