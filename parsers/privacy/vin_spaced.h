/* vin_spaced.h: finds VINs with other characters inside, as 1M8-GDM9AX-KP042788. Pure, any thread.
 * VINs in one piece: vin_scan.h. */
#ifndef VSOC_PARSERS_VIN_SPACED_H
#define VSOC_PARSERS_VIN_SPACED_H

#include "parsers/privacy/vin_scan.h"

struct vin_spaced_scan {
    struct slice text;
    const struct vin_window *known; /* as in struct vin_scan */
    size_t known_count;
    size_t at; /* the scan's own; zero at the start */
};

/* The next VIN whose last four characters are digits (ISO 3779) and in one group.
 * A known one ends where its digits end, and has up to three of blank . - _ : / and , between two
 * of its characters. Another one is between characters that are neither letter nor digit, has two
 * to nine groups with one such character between them, the same everywhere, no lower and upper case
 * mixed, three letters, one of them no hex digit, and a check digit that fits or a name of a VIN
 * before it (vin_name.h). False: there is none. */
bool vin_spaced_next(struct vin_spaced_scan *scan, struct vin_match *match);

/* May there be one? False for most texts, at the cost of a look at each 16 bytes: a number of four
 * digits or more must end 17 letters and digits, three of them letters, or end as a known VIN does,
 * with nothing but the characters above between them. */
bool vin_spaced_may_match(const struct vin_spaced_scan *scan);

#endif
