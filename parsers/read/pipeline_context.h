/* pipeline_context.h: what a built-in parser may ask of the pipeline that runs it (pipeline.c).
 * Thread: the one that parses. */
#ifndef VSOC_PARSERS_PIPELINE_CONTEXT_H
#define VSOC_PARSERS_PIPELINE_CONTEXT_H

#include "parsers/parser.h"
#include "parsers/read/work.h"

/* For built-in parsers that scan much without emitting: the work of the run that calls them. NULL:
 * it never pauses. */
struct work *pipeline_work(const struct parser_context *context);

/* For built-in parsers that find their records themselves: the batch will be refused in any case */
bool pipeline_is_over(const struct parser_context *context);

/* The bytes of the current record in the body; at most limits.event_bytes, which is all that is
 * known of formats that find their records themselves. */
size_t pipeline_record_bytes(const struct parser_context *context);

#endif
