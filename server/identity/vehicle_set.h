/* vehicle_set.h: the vehicles that a sender may name: VINs, and the beginnings of VINs. Immutable
 * once made, counted: a request keeps the set that it began with. Thread: any. */
#ifndef VSOC_SERVER_VEHICLE_SET_H
#define VSOC_SERVER_VEHICLE_SET_H

#include "core/slice.h"
#include "core/status.h"

/* Beginnings of VINs in one set; VINs are not limited. */
#define VEHICLE_SET_PREFIXES_MAX 64

struct vehicle_set;

/* Makes a set of texts, each a VIN in any case or the beginning of one and `*` (`1M8*`; `*` alone:
 * every vehicle). OUT_OF_RANGE: *bad is the place of a text that is neither; TOO_MANY beginnings;
 * NO_MEMORY. */
enum status vehicle_set_create(const struct slice *texts, size_t count, struct vehicle_set **out,
                               size_t *bad) must_check;
/* One more reference; NULL is allowed. */
struct vehicle_set *vehicle_set_hold(struct vehicle_set *set);
/* Gives a reference back; NULL is allowed. */
void vehicle_set_release(struct vehicle_set *set);
/* Is this VIN (17 bytes, upper case) in it? */
bool vehicle_set_has(const struct vehicle_set *set, struct slice vin);

#endif
