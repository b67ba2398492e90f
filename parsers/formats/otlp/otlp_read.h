/* otlp_read.h: the two encodings of an OTLP logs request. Each finds the log records of a body and
 * emits or rejects them one by one. Thread: any, one owner. */
#ifndef VSOC_PARSERS_OTLP_READ_H
#define VSOC_PARSERS_OTLP_READ_H

#include "parsers/formats/otlp/otlp_event.h"

/* MALFORMED: the body can't be parsed from outcome->offset on. */
void otlp_read_json(struct slice body, const struct parser_context *context,
                    struct parser_outcome *outcome);
void otlp_read_protobuf(struct slice body, const struct parser_context *context,
                        struct parser_outcome *outcome);

#endif
