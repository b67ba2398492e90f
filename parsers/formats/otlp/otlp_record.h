/* otlp_record.h: one log record of OTLP as decoded, whatever its encoding. Plain data, one owner.
 */
#ifndef VSOC_PARSERS_OTLP_RECORD_H
#define VSOC_PARSERS_OTLP_RECORD_H

#include "parsers/formats/otlp/otlp_value.h"

#define OTLP_TRACE_ID_BYTES 16
#define OTLP_SPAN_ID_BYTES  8

/* A log record as decoded; texts may hold any bytes. */
struct otlp_record {
    size_t offset, size;                              /* in the body */
    uint64_t time_unix_nano, observed_time_unix_nano; /* 0: not known */
    int64_t severity_number;
    struct slice severity_text, event_name;
    struct otlp_value body;
    struct otlp_cursor attributes;
    uint64_t dropped_attributes_count, flags;
    struct slice trace_id, span_id; /* as sent: hex in JSON, made hex of bytes */
    struct slice old_name;          /* event_name until version 0.12 of the protocol */
};

#endif
