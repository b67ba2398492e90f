/* vin.h: form and check digit of a vehicle identification number. Pure, any thread. */
#ifndef VSOC_CORE_VIN_H
#define VSOC_CORE_VIN_H

#include <stdbool.h>
#include "core/slice.h"

#define VIN_BYTES 17

/* VIN form (ISO 3779): 17 of A-H J-N P R-Z 0-9, upper case after trimming. */
bool vin_is_valid(struct slice vin);
/* Check digit at position 9 (49 CFR 565): true when it fits. Not compulsory outside North America.
 */
bool vin_check_digit_fits(struct slice vin);

#endif
