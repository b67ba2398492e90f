/* vin_scan.h: finds VINs in any text: known ones, and those that a check digit or a name
 * identifies. Pure, any thread. Does not replace them: scrub.h. */
#ifndef VSOC_PARSERS_VIN_SCAN_H
#define VSOC_PARSERS_VIN_SCAN_H

#include "core/slice.h"
#include "core/vin.h"

struct vin_window;

struct vin_scan {
    struct slice text;
    /* Text of a JSON value, where a backslash is never a character of its own. */
    bool is_json;
    /* Binary data: up to three letters and digits next to a VIN may be a length or a type. */
    bool is_bytes;
    /* Known VINs: found everywhere, also inside longer words, also with O or Q for 0 and I for 1.
     */
    const struct vin_window *known;
    size_t known_count;
    /* The scan's own; zero at the start. */
    size_t at;
    bool is_glued;  /* what ends at `at` is a VIN */
    size_t run_end; /* of the run that it is in */
};

struct vin_match {
    size_t start, end; /* of the text, escapes included */
    uint8_t vin[VIN_BYTES];
    size_t known; /* its number; known_count: it is another one */
};

/* The next VIN of the text. An unknown VIN has 17 characters A-H J-N P R-Z 0-9 of any case, no
 * letter or digit on either side, and either a valid check digit (49 CFR 565) or a name of a VIN
 * before it (VIN=…, vin_name.h). It is not searched for inside longer words, since every eleventh
 * part of a hash or an id would match. Characters may be written as %31 or \u0031, or full-width.
 * False: no further VIN. */
bool vin_scan_next(struct vin_scan *scan, struct vin_match *match);

/* Can the text contain a VIN? False for most texts; reads only some bytes of every 17. */
bool vin_scan_may_match(struct slice text);

/* The next run from `from` on of at least VIN_BYTES letters, digits (also full-width), % and
 * backslashes. */
bool vin_scan_run(struct slice text, size_t from, size_t *start, size_t *end);

#endif
