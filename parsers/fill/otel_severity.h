/* otel_severity.h: OpenTelemetry's SeverityNumber (logs data model). Thread: any. */
#ifndef VSOC_PARSERS_OTEL_SEVERITY_H
#define VSOC_PARSERS_OTEL_SEVERITY_H

#include "core/slice.h"

/* Number of a name in the .proto file (SEVERITY_NUMBER_INFO2); -1: unknown. */
static inline int64_t otel_severity_number(struct slice name)
{
    static const char *const words[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    static const char prefix[] = "SEVERITY_NUMBER_";
    if (!slice_starts_with(name, prefix))
        return -1;
    name = slice_sub(name, sizeof prefix - 1, name.size);
    for (int64_t i = 0; i < 6; i++) {
        size_t size = strlen(words[i]);
        if (!slice_starts_with(name, words[i]))
            continue;
        if (name.size == size)
            return 4 * i + 1;
        uint8_t digit = name.data[size];
        return name.size == size + 1 && digit >= '2' && digit <= '4' ? 4 * i + digit - '0' : -1;
    }
    return slice_equal_text(name, "UNSPECIFIED") ? 0 : -1;
}

/* severity_id of 0 (unspecified), 1 to 4 trace, 5 to 8 debug, 9 to 12 info, 13 to 16 warn, 17 to 20
 * error, 21 to 24 fatal. */
static inline int64_t otel_severity_id(int64_t number)
{
    if (number == 0)
        return 0;
    return number <= 12 ? 1 : (number - 1) / 4 - 1;
}

#endif
