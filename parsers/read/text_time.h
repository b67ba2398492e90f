/* text_time.h: the date formats of CEF and LEEF. Thread: any. */
#ifndef VSOC_PARSERS_TEXT_TIME_H
#define VSOC_PARSERS_TEXT_TIME_H

#include "core/slice.h"
#include "core/status.h"

/* Epoch ms (or s, µs, ns by size), RFC 3339, or "MMM dd [yyyy] HH:mm:ss[.SSS] [zone]"; zone: UTC,
 * GMT, Z or an offset; when the text has none `zone` counts (may be empty). *inferred: year or zone
 * is a guess. MALFORMED, OUT_OF_RANGE. */
enum status text_time_read(struct slice text, struct slice zone, int64_t received_ns, int64_t *ns,
                           bool *inferred) must_check;
/* The same by a pattern of java.text.SimpleDateFormat: the letters G, y, M, d, E, a, H, k, K, h, m,
 * s, S, z, Z, X, and quoted text. MALFORMED: the text does not follow it, or another letter. */
enum status text_time_read_by(struct slice pattern, struct slice text, int64_t received_ns,
                              int64_t *ns, bool *inferred) must_check;

#endif
