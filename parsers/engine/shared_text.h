/* shared_text.h: limits texts that occur once in a body and are repeated in its events: resources,
 * envelopes, parameters of the request. The limit grows with the body. Thread: any, one owner. */
#ifndef VSOC_PARSERS_SHARED_TEXT_H
#define VSOC_PARSERS_SHARED_TEXT_H

#include "parsers/parser.h"

/* Budget of what the events of a body may repeat: an amount per byte read, plus a fixed amount,
 * minus an amount per record, which has a cost of its own. 5,000 records of 90 bytes under a
 * resource of 2 KiB stay within it. */
#define SHARED_TEXT_OF_BYTE ((size_t)32)
#define SHARED_TEXT_FREE    ((size_t)16 * 1024)
#define SHARED_TEXT_OF_ITEM ((size_t)768)
/* Columns up to this size are always repeated: names of hosts, vehicles, severities. */
#define SHARED_TEXT_SHORT 256

#define SHARED_TEXT_DETAIL                                                                         \
    "what many events share is over 32 times their bytes: an event before this one has it"

/* Cost of repeating the text: its bytes, and more where it must be scanned for VINs. A unit is
 * about two nanoseconds at most. */
size_t shared_text_cost(struct slice text);
/* Of all that the event has, attributes included. */
size_t shared_text_cost_of_event(const struct event *event);
/* At most as much: without reading the texts. */
size_t shared_text_cost_most(const struct event *event);
/* Removes from the event every column over SHARED_TEXT_SHORT, attributes and lists. */
void shared_text_shorten(struct event *event);

/* Reports bytes of the body as read: its events may repeat more. */
void shared_text_read(const struct parser_context *context, size_t bytes);
/* Takes `cost` from the budget of the body. False: not enough is left. */
bool shared_text_take(const struct parser_context *context, size_t cost);

struct run;
/* A record of the body is read. */
void shared_text_count_item(struct run *run);

#endif
