/* vehicle_claims.h: VINs that a record gives under a key that names one (vehicle_key.h), at any
 * depth:
 * {"vehicle": {"VIN": …}}. One walk through the attributes serves all formats, since what a format
 * does not map goes there. Pure, any thread. */
#ifndef VSOC_PARSERS_VEHICLE_CLAIMS_H
#define VSOC_PARSERS_VEHICLE_CLAIMS_H

#include "core/slice.h"
#include "core/vin.h"

/* Maximum of different ones per record. */
#define VEHICLE_CLAIMS 16

struct vehicle_claim {
    struct slice value;       /* trimmed; points into the attributes or to plain */
    unsigned depth;           /* 0: the key is a member of the attributes themselves */
    bool is_plain;            /* the key is vin alone, in any case */
    bool is_mention;          /* not a claim: a VIN that must not be shown */
    uint8_t plain[VIN_BYTES]; /* value without the escapes it was written with */
};

struct vehicle_claims {
    struct vehicle_claim items[VEHICLE_CLAIMS];
    size_t count;
    bool is_full;  /* there were more for which there was no room */
    unsigned look; /* vin_look of the attributes */
};

/* Claims and mentions in the text of a JSON object, in order; each VIN once, at its smallest depth.
 * A value counts when it has 17 letters and digits; under a plain key every value counts. */
void vehicle_claims_find(struct slice attributes, struct vehicle_claims *claims);

#endif
