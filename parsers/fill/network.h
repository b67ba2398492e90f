/* network.h: one spelling of addresses and protocols in every event, whatever its format. Thread:
 * the one that parses. */
#ifndef VSOC_PARSERS_NETWORK_H
#define VSOC_PARSERS_NETWORK_H

#include "core/event.h"

#define NETWORK_ADDRESS_BYTES 46

/* Memory of the texts that an event gets here; valid until the next event. */
struct network_texts {
    char source[NETWORK_ADDRESS_BYTES], destination[NETWORK_ADDRESS_BYTES];
    char transport[16];
};

/* IPv6 addresses as RFC 5952 writes them, transport as an IANA keyword in lower case. The event's
 * fields have been checked. */
void network_normalise(struct network_texts *texts, struct event *event);

#endif
