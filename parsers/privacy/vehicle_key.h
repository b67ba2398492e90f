/* vehicle_key.h: which keys name a VIN, in any case and with any separators: VIN, vehicle.VIN,
 * vehicleIdentificationNumber. Pure, any thread. */
#ifndef VSOC_PARSERS_VEHICLE_KEY_H
#define VSOC_PARSERS_VEHICLE_KEY_H

#include "core/slice.h"

/* What a key says of its value. */
enum vehicle_key {
    VEHICLE_KEY_OTHER,
    VEHICLE_KEY_VIN,     /* the VIN of the vehicle that the record is about */
    VEHICLE_KEY_MENTIONS /* a possible VIN, of a list or by another name. It claims nothing */
};

/* What an object under a key is about. */
enum vehicle_subject {
    VEHICLE_SUBJECT_OTHER,
    VEHICLE_SUBJECT_VIN,     /* {"value": …} of it is the VIN */
    VEHICLE_SUBJECT_MENTION, /* the same, but it claims nothing */
    VEHICLE_SUBJECT_VEHICLE, /* {"id": …} of it may be a VIN */
};

/* Longer keys are judged by their last bytes. */
#define VEHICLE_KEY_BYTES 64

/* ASCII letters and digits: the characters of words. */
static inline bool vehicle_key_is_word(uint8_t c)
{
    uint8_t lower = c | 0x20;
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

/* False for most keys: they say nothing, and are about nothing. */
bool vehicle_key_may_name(struct slice key);
enum vehicle_key vehicle_key_of(struct slice key);
/* key_kind: vehicle_key_of the key. */
enum vehicle_subject vehicle_subject_of(struct slice key, enum vehicle_key key_kind);

#endif
