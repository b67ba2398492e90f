/* vin_spaced.h: finds VINs with separators inside, such as 1M8-GDM9AX-KP042788. Pure, any thread.
 * VINs without separators: vin_scan.h. */
#ifndef VSOC_PARSERS_VIN_SPACED_H
#define VSOC_PARSERS_VIN_SPACED_H

#include "parsers/privacy/vin_scan.h"

struct vin_spaced_scan {
    struct slice text;
    const struct vin_window *known; /* as in struct vin_scan */
    size_t known_count;
    size_t at; /* the scan's own; zero at the start */
};

/* The next VIN whose last four characters are digits (ISO 3779) in one group. A known VIN ends
 * where its digits end, and has up to three of blank . - _ : / and , between two of its characters.
 * An unknown VIN has no letter or digit on either side, two to nine groups separated by one such
 * character, everywhere the same, no mixed case, three letters, one of them not a hex digit, and
 * either a valid check digit or a name of a VIN before it (vin_name.h). False: no further VIN. */
bool vin_spaced_next(struct vin_spaced_scan *scan, struct vin_match *match);

/* Can the text contain one? False for most texts, after one check per 16 bytes: a number of four
 * digits or more must end 17 letters and digits, three of them letters, or end as a known VIN does,
 * with only the separators above between them. */
bool vin_spaced_may_match(const struct vin_spaced_scan *scan);

#endif
