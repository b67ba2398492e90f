/* uds_words.h: UDS requests and answers that a log line tells in words. One owner, one event. */
#ifndef VSOC_PARSERS_UDS_WORDS_H
#define VSOC_PARSERS_UDS_WORDS_H

#include "parsers/fill/text_event.h"

/* Takes service, subfunction, identifiers and response code from texts such as "0x27 refused, NRC
 * 0x35" or "UDS SID=0x22 DID=0xF190". A text without one of the words UDS and NRC changes
 * nothing. */
void uds_words_read(struct text_event *t, struct slice text);

#endif
