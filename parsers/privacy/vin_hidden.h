/* vin_hidden.h: finds VINs encoded as hex digits ("314d38…", "31 4D 38 …") or base64, as parsers
 * show the bytes of a record. Pure, any thread. VINs in clear: vin_scan.h. */
#ifndef VSOC_PARSERS_VIN_HIDDEN_H
#define VSOC_PARSERS_VIN_HIDDEN_H

#include "parsers/privacy/vin_scan.h"

/* Bytes of a VIN in spaced hex. */
#define VIN_HIDDEN_SPACED_BYTES (3 * VIN_BYTES - 1)

/* Bytes written in a text. */
struct vin_view {
    size_t start; /* of the text: where the first byte is written */
    size_t count; /* bytes */
    enum vin_coding { VIN_HEX, VIN_SPACED_HEX, VIN_BASE64 } coding;
};

struct vin_hidden {
    struct vin_view view;
    size_t index; /* of the VIN's first byte in the view */
    uint8_t vin[VIN_BYTES];
    size_t known; /* as in struct vin_match */
};

struct vin_hidden_scan {
    struct slice text; /* may be exchanged for a copy between calls */
    const struct vin_window *known;
    size_t known_count;
    /* The scan's own; zero at the start. */
    size_t at, end;   /* the current run */
    size_t words_end; /* of the sequence of words that contains it */
    size_t next;      /* byte of its view */
    size_t run_end;   /* of the letters and digits that byte is among, once a VIN was found there */
    struct vin_view open;      /* in which a VIN was found: not made again while run_end is set */
    unsigned view;             /* of the stretch, from 1; 0: none is open */
    size_t hex_start, hex_end; /* hex digits of the stretch, for the views of them */
    /* The second pass, for spaced hex, is running; true at the start: the text has no long words.
     */
    bool is_spaced;
};

/* The next VIN, found as by vin_scan_next. Up to three letters and digits may adjoin it, because
 * bytes have no word boundaries. False: no further VIN. */
bool vin_hidden_next(struct vin_hidden_scan *scan, struct vin_hidden *hidden);

/* Overwrites the VIN: bytes are VIN_BYTES bytes, text is the text it was found in, now writable. */
void vin_hidden_write(const struct vin_hidden *hidden, uint8_t *text,
                      const uint8_t bytes[VIN_BYTES]);

#endif
