/* vin_look.h: the first look at a text: most can't hold a VIN in any form, and are read no further.
 * Pure, any thread. Finds no VINs: vin_scan.h, vin_spaced.h, vin_hidden.h. */
#ifndef VSOC_PARSERS_VIN_LOOK_H
#define VSOC_PARSERS_VIN_LOOK_H

#include "core/slice.h"

/* Something that vin_scan_may_match may accept: 17 letters, digits, %, backslashes or bytes outside
 * ASCII in a row. */
#define VIN_LOOK_WORDS 1
/* Something that vin_spaced_may_match may accept: four digits in a row, after two characters that
 * may be part of a VIN in groups. */
#define VIN_LOOK_GROUPS 2

/* What the text may hold; 0: neither. One pass over its bytes. Hex digits with a separator between
 * each two (vin_hidden.h) are looked for in texts of VIN_HIDDEN_SPACED_BYTES anyway. */
unsigned vin_look(struct slice text);

/* Is there "vin" of any case? */
bool vin_look_for_name(struct slice text);

#endif
