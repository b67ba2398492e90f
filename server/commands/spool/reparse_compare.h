/* reparse_compare.h: is an event that was stored the one that its record gives again? For
 * reparse.c. Thread: any. */
#ifndef VSOC_SERVER_REPARSE_COMPARE_H
#define VSOC_SERVER_REPARSE_COMPARE_H

#include "core/event.h"

/* First field in which they differ, or NULL. Not compared is what does not come from the body: what
 * the record of the batch carries, the vehicle and what is made of it, notes of the parser. Where
 * the server put vin:… in place of a VIN, any VIN or vin:… will do. ecu_id and sw_baseline may come
 * from headers: a body that says nothing of them is no difference. */
const struct event_field_info *reparse_compare(const struct event *stored,
                                               const struct event *again);

/* May the field come from the catalogue, so that another one gives another value? */
bool reparse_is_of_catalogue(const struct event_field_info *field);

#endif
