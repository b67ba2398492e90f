/* cef_time.h: the date formats of CEF. Thread: any. */
#ifndef VSOC_PARSERS_CEF_TIME_H
#define VSOC_PARSERS_CEF_TIME_H

#include "core/slice.h"
#include "core/status.h"

/* Epoch ms (or s, µs, ns by size), RFC 3339, or "MMM dd [yyyy] HH:mm:ss[.SSS] [zone]"; zone: UTC,
 * GMT, Z or an offset; dtz, the record's deviceTimeZone, when the text has none (may be empty).
 * *inferred: year or zone is a guess. MALFORMED, OUT_OF_RANGE. */
enum status cef_time_read(struct slice text, struct slice dtz, int64_t received_ns, int64_t *ns,
                          bool *inferred) must_check;

#endif
