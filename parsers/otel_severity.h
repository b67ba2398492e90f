/* otel_severity.h: OpenTelemetry's SeverityNumber (logs data model). Thread: any. */
#ifndef VSOC_PARSERS_OTEL_SEVERITY_H
#define VSOC_PARSERS_OTEL_SEVERITY_H

#include <stdint.h>

/* severity_id of 0 (unspecified), 1 to 4 trace, 5 to 8 debug, 9 to 12 info, 13 to 16 warn, 17 to 20
 * error, 21 to 24 fatal. */
static inline int64_t otel_severity_id(int64_t number)
{
    if (number == 0)
        return 0;
    return number <= 12 ? 1 : (number - 1) / 4 - 1;
}

#endif
