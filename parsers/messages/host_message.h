/* host_message.h: builds a sentence for people from the columns of a host event without a message.
 * One owner, one event. */
#ifndef VSOC_PARSERS_HOST_MESSAGE_H
#define VSOC_PARSERS_HOST_MESSAGE_H

#include "parsers/fill/text_event.h"

/* Sets message when more is known than `what`: what happened, how ("denied", may be empty), of what
 * ("read", may be empty), then process, user, file and addresses as far as the event has them.
 * Values are cut at 200 bytes. */
void host_message_set(struct text_event *t, struct slice what, struct slice how, struct slice of);

#endif
