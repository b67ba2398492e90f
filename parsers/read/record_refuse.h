/* record_refuse.h: how built-in parsers refuse records: by a row of record_codes.def. Plug-ins give
 * texts (parser_malformed of parser.h). Pure; thread: any. */
#ifndef VSOC_PARSERS_RECORD_REFUSE_H
#define VSOC_PARSERS_RECORD_REFUSE_H

#include "core/reasons/record_code.h"
#include "parsers/parser.h"

/* The record is MALFORMED at offset. */
static inline void record_refuse(struct parser_outcome *outcome, size_t offset,
                                 enum record_code code, const char *detail)
{
    parser_malformed(outcome, offset, record_code_text(code), detail);
}

/* Quarantines size bytes at offset of the record; the parser goes on behind them. */
static inline void record_reject(const struct parser_context *context, size_t offset, size_t size,
                                 enum record_code code, const char *detail)
{
    context->reject(context, offset, size, record_code_text(code), detail);
}

/* The same for the reason of an outcome, of the parser itself or of one below it. */
static inline void record_reject_outcome(const struct parser_context *context, size_t offset,
                                         size_t size, const struct parser_outcome *outcome)
{
    context->reject(context, offset, size, outcome->code, outcome->detail);
}

/* Why an outcome is MALFORMED; detail: its sentence, or otherwise. */
static inline struct record_reason record_reason_of(const struct parser_outcome *outcome,
                                                    const char *otherwise)
{
    return record_reason_read(outcome->code, outcome->detail ? outcome->detail : otherwise);
}

#endif
