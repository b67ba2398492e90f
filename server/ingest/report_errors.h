/* report_errors.h: errors[] of a batch's report. Its JSON text is durable: the spool keeps it, and
 * a repeat is answered with it after a restart too. Only this file writes and reads the text. Pure;
 * thread: any. */
#ifndef VSOC_SERVER_REPORT_ERRORS_H
#define VSOC_SERVER_REPORT_ERRORS_H

#include "core/reasons/record_code.h"
#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"
#include "parsers/engine/pipeline_options.h"

/* One record that was quarantined. */
struct report_error {
    uint32_t index;        /* 0-based place in the batch */
    enum record_code code; /* OTHER: a plug-in's own word */
};

/* Appends the array. out->status is the result. */
void report_errors_write(struct writer *out, const struct pipeline_error *errors, uint32_t count);
/* The first record of the array. NOT_FOUND: the array is empty, or the text is; MALFORMED:
 * report_errors_write did not write the text. *first is then unchanged. */
enum status report_errors_first(struct slice text, struct report_error *first) must_check;

#endif
