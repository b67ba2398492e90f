/* network.c: addresses in the form of RFC 5952 section 4, protocols as keywords. Pure. Runs on the
 * thread that parses. Does not check values: event_check does. */
#include "parsers/fill/network.h"
#include "parsers/fill/transport.h"

#include <arpa/inet.h>

_Static_assert(NETWORK_ADDRESS_BYTES >= INET6_ADDRSTRLEN, "room for every address");

/* IPv4 has one spelling already. */
static void respell(struct slice *address, char text[NETWORK_ADDRESS_BYTES])
{
    struct in6_addr bytes;
    if (!address->size || address->size >= NETWORK_ADDRESS_BYTES ||
        !memchr(address->data, ':', address->size))
        return;
    memcpy(text, address->data, address->size);
    text[address->size] = '\0';
    if (inet_pton(AF_INET6, text, &bytes) == 1 &&
        inet_ntop(AF_INET6, &bytes, text, NETWORK_ADDRESS_BYTES))
        *address = slice_from_text(text);
}

static void respell_transport(struct event *event, char text[16])
{
    struct slice written = event->transport;
    bool rest_is_lost;
    if (transport_read(written, &event->transport, &rest_is_lost) || written.size > 16)
        return;
    for (size_t i = 0; i < written.size; i++) {
        uint8_t c = written.data[i];
        text[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    event->transport = slice_make(text, written.size);
}

void network_normalise(struct network_texts *texts, struct event *event)
{
    if (EVENT_HAS(event, src_ip))
        respell(&event->src_ip, texts->source);
    if (EVENT_HAS(event, dst_ip))
        respell(&event->dst_ip, texts->destination);
    if (EVENT_HAS(event, transport))
        respell_transport(event, texts->transport);
}
