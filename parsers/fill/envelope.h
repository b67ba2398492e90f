/* envelope.h: values of an outer format for the events that it carries. Pure, any thread. */
#ifndef VSOC_PARSERS_ENVELOPE_H
#define VSOC_PARSERS_ENVELOPE_H

#include "parsers/parser.h"

/* Takes fields that *event does not set from the envelope: the times together, the severities
 * together. The envelope's attributes become a member of the event's, named member. False: out of
 * memory. */
bool envelope_apply(const struct parser_context *context, const char *member,
                    const struct event *envelope, struct event *event);
/* The same without attributes, which never fails. Into an event that is clear: copies all that is
 * set but attributes. */
void envelope_columns(const struct event *envelope, struct event *event);
/* Adds a JSON object to the event's attributes as the member `name`, with one or more _ appended
 * when that name exists. False: out of memory. */
bool attributes_nest(const struct parser_context *context, struct slice object, struct slice name,
                     struct event *event);

#endif
