/* otlp_body.h: a log record's body that is a map with the native event's names. Thread: any, one
 * owner. */
#ifndef VSOC_PARSERS_OTLP_BODY_H
#define VSOC_PARSERS_OTLP_BODY_H

#include "parsers/fill/text_event.h"
#include "parsers/formats/otlp/otlp_record.h"

/* Gives json, the body as a JSON object, to the parser of native events; t holds what the record
 * says beside it, which the event takes where it says nothing. True: its event was emitted, or
 * *outcome is MALFORMED for want of memory. False: it is no native event; of one that is broken t
 * has a note. */
bool otlp_body_hand_on(struct text_event *t, struct slice json, const struct otlp_record *record,
                       struct parser_outcome *outcome);

#endif
