/* shared_text.h: what stands once in a body and is repeated in its events: resources, envelopes,
 * parameters of the request. Bounded by the body. Thread: any, one owner. */
#ifndef VSOC_PARSERS_SHARED_TEXT_H
#define VSOC_PARSERS_SHARED_TEXT_H

#include "parsers/parser.h"

/* What the events of a body may repeat: so much for each byte that was read, and so much beside,
 * less so much for each record, which costs something itself. 5,000 records of 90 bytes under a
 * resource of 2 KiB are below. */
#define SHARED_TEXT_OF_BYTE ((size_t)32)
#define SHARED_TEXT_FREE    ((size_t)16 * 1024)
#define SHARED_TEXT_OF_ITEM ((size_t)768)
/* Columns that are repeated whatever was repeated before: names of hosts, vehicles, severities. */
#define SHARED_TEXT_SHORT 256

#define SHARED_TEXT_CODE "not_repeated"
#define SHARED_TEXT_DETAIL                                                                         \
    "what many events share is over 32 times their bytes: an event before this one has it"

/* What repeating the text costs: its bytes, and more where it must be looked through for VINs. A
 * unit is about two nanoseconds at most. */
size_t shared_text_cost(struct slice text);
/* Of all that the event has, attributes included. */
size_t shared_text_cost_of_event(const struct event *event);
/* Takes off the event what is over SHARED_TEXT_SHORT, attributes and lists. */
void shared_text_shorten(struct event *event);

/* So many bytes of the body were read: its events may repeat more. */
void shared_text_read(const struct parser_context *context, size_t bytes);
/* Takes `cost` of what the events of the body may repeat. False: so much is not left. */
bool shared_text_take(const struct parser_context *context, size_t cost);

struct run;
/* A record of the body is read. */
void shared_text_count_item(struct run *run);

#endif
