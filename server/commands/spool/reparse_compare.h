/* reparse_compare.h: compares a stored event with the one that its record gives now. For reparse.c.
 * Thread: any. */
#ifndef VSOC_SERVER_REPARSE_COMPARE_H
#define VSOC_SERVER_REPARSE_COMPARE_H

#include "core/event.h"

/* First field in which they differ, or NULL. Values that do not come from the body are not
 * compared: those of the batch's record, the vehicle and values derived from it, notes of the
 * parser. If the server replaced a VIN by vin:…, any VIN or vin:… matches. ecu_id and sw_baseline
 * may come from headers: a body without them is no difference. */
const struct event_field_info *reparse_compare(const struct event *stored,
                                               const struct event *again);

/* Whether the field may come from the catalogue, so that another catalogue gives another value. */
bool reparse_is_of_catalogue(const struct event_field_info *field);

#endif
