/* split_scan.h: finds the end of a JSON object or array without reading its contents. Thread: any.
 */
#ifndef VSOC_PARSERS_SPLIT_SCAN_H
#define VSOC_PARSERS_SPLIT_SCAN_H

#include "parsers/read/work.h"

enum split_scan_result {
    SPLIT_SCAN_COMPLETE, /* *end is the byte after the closing bracket */
    SPLIT_SCAN_BROKEN,   /* no JSON value can continue at *end: a line end in a string, or a bracket
                            where none may open */
    SPLIT_SCAN_UNTERMINATED, /* body ends first */
};

/* body.data[start] is { or [. Brackets are counted, not matched by kind: the parser finds the rest.
 * Reads each byte once, up to *end (rounded up to 64, never past the body). UNTERMINATED too when
 * the work was stopped. work may be NULL. */
enum split_scan_result split_scan_value(struct slice body, size_t start, struct work *work,
                                        size_t *end);

#endif
