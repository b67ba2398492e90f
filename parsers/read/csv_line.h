/* csv_line.h: one line of CSV (RFC 4180, without line ends inside fields) → its fields. Thread:
 * any.
 */
#ifndef VSOC_PARSERS_CSV_LINE_H
#define VSOC_PARSERS_CSV_LINE_H

#include "core/slice.h"

struct csv_field {
    struct slice text;
    size_t column; /* 1-based, bytes: where it starts in the line */
};

struct csv_problem {
    size_t column;
    const char *detail;
};

/* Splits size bytes at line at its commas; a field in quotes may contain commas, and a quote
 * written twice. Fields point into the line, which is modified where quotes were. *count: number of
 * fields, even when it exceeds max, of which only max are returned. False with *problem. */
bool csv_line_split(uint8_t *line, size_t size, struct csv_field *fields, size_t max, size_t *count,
                    struct csv_problem *problem);

#endif
