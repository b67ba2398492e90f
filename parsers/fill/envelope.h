/* envelope.h: what an outer format says of the events that it carries. Pure, any thread. */
#ifndef VSOC_PARSERS_ENVELOPE_H
#define VSOC_PARSERS_ENVELOPE_H

#include "parsers/parser.h"

/* Fields that *event does not set are taken from the envelope: the times together, the severities
 * together; its attributes become a member of the event's, named member. False: memory is out. */
bool envelope_apply(const struct parser_context *context, const char *member,
                    const struct event *envelope, struct event *event);
/* Makes a JSON object the member `name` of the event's attributes; with a _ behind it, or more,
 * when they have that one. False: memory is out. */
bool attributes_nest(const struct parser_context *context, struct slice object, struct slice name,
                     struct event *event);

#endif
