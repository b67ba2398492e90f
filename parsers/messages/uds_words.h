/* uds_words.h: UDS requests and responses that a log line describes in words. One owner, one event.
 */
#ifndef VSOC_PARSERS_UDS_WORDS_H
#define VSOC_PARSERS_UDS_WORDS_H

#include "parsers/fill/text_event.h"

/* Extracts service, subfunction, identifiers and response code from texts such as "0x27 refused,
 * NRC 0x35" or "UDS SID=0x22 DID=0xF190". A text without UDS or NRC changes nothing. */
void uds_words_read(struct text_event *t, struct slice text);

#endif
