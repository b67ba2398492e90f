/* vin_name.h: words and keys before a text that name it a VIN. Pure, any thread. */
#ifndef VSOC_PARSERS_VIN_NAME_H
#define VSOC_PARSERS_VIN_NAME_H

#include "core/slice.h"

/* Does a name of a VIN (vehicle_key_of) precede the byte at `at`? Up to three words may come
 * between them, as in `VIN is …` or `{"vin": {"value": "…`. An escape (%3D, \u003d, \") counts as
 * one character that is not a letter. Reads 64 bytes at most. */
bool vin_is_named(struct slice text, size_t at);

#endif
