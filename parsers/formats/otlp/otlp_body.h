/* otlp_body.h: a log record's body that is a map with the names of the native event. Thread: any,
 * one owner. */
#ifndef VSOC_PARSERS_OTLP_BODY_H
#define VSOC_PARSERS_OTLP_BODY_H

#include "parsers/fill/text_event.h"
#include "parsers/formats/otlp/otlp_record.h"

/* Gives json, the body as a JSON object, to the parser of native events. t holds the other values
 * of the record, which the event takes for fields that it does not set. True: its event was
 * emitted, or *outcome is MALFORMED because memory ran out. False: it is not a native event; t has
 * a note when it is a broken one. */
bool otlp_body_hand_on(struct text_event *t, struct slice json, const struct otlp_record *record,
                       struct parser_outcome *outcome);

#endif
