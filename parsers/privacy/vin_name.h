/* vin_name.h: words and keys before a text that say a VIN follows. Pure, any thread. */
#ifndef VSOC_PARSERS_VIN_NAME_H
#define VSOC_PARSERS_VIN_NAME_H

#include "core/slice.h"

/* Does a name of a VIN (vehicle_key_of) come before the byte at `at`? Between them may be up to
 * three words, as in `VIN is …` or `{"vin": {"value": "…`. Escapes (%3D, \u003d, \") count as one
 * character that is no letter. Looks at 64 bytes at most. */
bool vin_is_named(struct slice text, size_t at);

#endif
