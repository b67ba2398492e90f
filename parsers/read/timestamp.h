/* timestamp.h: times as text or numbers → ns since 1970 UTC. Pure. Thread: any. */
#ifndef VSOC_PARSERS_TIMESTAMP_H
#define VSOC_PARSERS_TIMESTAMP_H

#include "core/slice.h"
#include "core/status.h"

/* RFC 3339 (any case of T and Z, a space for T, 1 to 9 fraction digits, further ones ignored,
 * offset ±hh:mm or ±hhmm); leap second 60 counts as 59.999999999. MALFORMED or OUT_OF_RANGE
 * (outside 1677-09-21 … 2262-04-11, days that do not exist). */
enum status timestamp_rfc3339(struct slice text, int64_t *ns) must_check;
/* "Mmm dd hh:mm:ss" of RFC 3164 (also "Mmm dd yyyy hh:mm:ss", with a fraction). A missing year is
 * the latest that puts the time at most 31 days after received_ns, since logs are old rather than
 * new; the zone is UTC. *consumed: bytes read. MALFORMED, OUT_OF_RANGE. */
enum status timestamp_rfc3164(struct slice text, int64_t received_ns, int64_t *ns,
                              size_t *consumed) must_check;
/* Epoch number; its size determines the unit: < 1e11 s, < 1e14 ms, < 1e17 µs, else ns; negative
 * alike. */
enum status timestamp_epoch_int(int64_t value, int64_t *ns) must_check;
/* Same for a number with a fraction (seconds, ms, … by size). */
enum status timestamp_epoch_real(double value, int64_t *ns) must_check;
/* Decimal digits, optional sign and fraction, exact to the ns: as the two above. */
enum status timestamp_epoch_text(struct slice text, int64_t *ns) must_check;
/* Days of the civil calendar since 1970-01-01. */
int64_t timestamp_days_from_civil(int64_t year, unsigned month, unsigned day);

#endif
