/* vehicle_key.h: VINs that a record gives under a key which says so, whatever its case, its words
 * and its depth: VIN, vehicle.VIN, vehicleIdentificationNumber. One look at the attributes serves
 * all formats: what a format does not know goes there. Pure, any thread. */
#ifndef VSOC_PARSERS_VEHICLE_KEY_H
#define VSOC_PARSERS_VEHICLE_KEY_H

#include "core/slice.h"
#include "parsers/vin_scan.h"

/* Most of them that are looked at in one record. */
#define VEHICLE_CLAIMS 4

struct vehicle_claim {
    struct slice value;       /* trimmed; points into the attributes or to plain */
    unsigned depth;           /* 0: the key is a member of the attributes themselves */
    bool is_plain;            /* the key is vin and nothing else, whatever its case */
    uint8_t plain[VIN_BYTES]; /* value without the escapes it was written with */
};

struct vehicle_claims {
    struct vehicle_claim items[VEHICLE_CLAIMS];
    size_t count;
    unsigned found; /* count, and those for which there was no room */
    bool may_match; /* vin_scan_may_match of the attributes */
};

/* Does the key name a vehicle identification number? */
bool vehicle_key_is_vin(struct slice key);

/* Claims in the text of a JSON object, in their order. A value counts when it has 17 letters and
 * digits or, under a plain key, whatever it is. */
void vehicle_claims_find(struct slice attributes, struct vehicle_claims *claims);

#endif
