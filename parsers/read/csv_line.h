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

/* Cuts size bytes at line at its commas; a field between quotes may hold commas, and a quote
 * written twice. Fields point into the line, which is changed where quotes were. *count: how many
 * there are, also when they are more than max, of which only max are given. False with *problem. */
bool csv_line_split(uint8_t *line, size_t size, struct csv_field *fields, size_t max, size_t *count,
                    struct csv_problem *problem);

#endif
