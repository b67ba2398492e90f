/* number.h: numbers in text written by people. Thread: any. */
#ifndef VSOC_PARSERS_NUMBER_H
#define VSOC_PARSERS_NUMBER_H

#include "core/slice.h"

/* Decimal, or 0x and hex digits, and nothing else. False, and *value untouched, when it is not a
 * number or exceeds max. */
bool number_read(struct slice text, int64_t max, int64_t *value);

#endif
