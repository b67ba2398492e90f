/* vehicle_key.h: VINs that a record gives under a key which says so, whatever its case, its words
 * and its depth: VIN, vehicle.VIN, vehicleIdentificationNumber. One look at the attributes serves
 * all formats: what a format does not know goes there. Pure, any thread. */
#ifndef VSOC_PARSERS_VEHICLE_KEY_H
#define VSOC_PARSERS_VEHICLE_KEY_H

#include "core/slice.h"
#include "parsers/privacy/vin_scan.h"

/* Most different ones that are looked at in one record. */
#define VEHICLE_CLAIMS 16

/* What a key says of its value. */
enum vehicle_key {
    VEHICLE_KEY_OTHER,
    VEHICLE_KEY_VIN,     /* the VIN of the vehicle that the record is about */
    VEHICLE_KEY_MENTIONS /* a VIN, if it is one: of a list or by another name. It claims nothing */
};

struct vehicle_claim {
    struct slice value;       /* trimmed; points into the attributes or to plain */
    unsigned depth;           /* 0: the key is a member of the attributes themselves */
    bool is_plain;            /* the key is vin and nothing else, whatever its case */
    bool is_mention;          /* no claim: a VIN that may be shown to nobody */
    uint8_t plain[VIN_BYTES]; /* value without the escapes it was written with */
};

struct vehicle_claims {
    struct vehicle_claim items[VEHICLE_CLAIMS];
    size_t count;
    bool is_full;   /* there were more for which there was no room */
    bool may_match; /* vin_scan_may_match of the attributes */
};

enum vehicle_key vehicle_key_of(struct slice key);

/* Claims and mentions in the text of a JSON object, in their order, each VIN once, at its least
 * depth. A value counts when it has 17 letters and digits or, under a plain key, whatever it is. */
void vehicle_claims_find(struct slice attributes, struct vehicle_claims *claims);

#endif
