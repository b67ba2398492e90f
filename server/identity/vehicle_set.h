/* vehicle_set.h: the vehicles that a sender may name: VINs, and VIN prefixes. Immutable and
 * reference-counted: a request keeps the set with which it started. Thread: any. */
#ifndef VSOC_SERVER_VEHICLE_SET_H
#define VSOC_SERVER_VEHICLE_SET_H

#include "core/slice.h"
#include "core/status.h"

/* Maximum number of VIN prefixes in one set; VINs are not limited. */
#define VEHICLE_SET_PREFIXES_MAX 64

struct vehicle_set;

/* Creates a set from texts, each a VIN in any case or a prefix and `*` (`1M8*`; `*` alone: every
 * vehicle). OUT_OF_RANGE: *bad is the index of a text that is neither; TOO_MANY prefixes;
 * NO_MEMORY. */
enum status vehicle_set_create(const struct slice *texts, size_t count, struct vehicle_set **out,
                               size_t *bad) must_check;
/* One more reference; NULL is allowed. */
struct vehicle_set *vehicle_set_hold(struct vehicle_set *set);
/* Releases a reference; NULL is allowed. */
void vehicle_set_release(struct vehicle_set *set);
/* Whether this VIN (17 bytes, upper case) is in it. */
bool vehicle_set_has(const struct vehicle_set *set, struct slice vin);

#endif
