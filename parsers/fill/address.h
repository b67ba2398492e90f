/* address.h: is a text an IP address? Pure, any thread. */
#ifndef VSOC_PARSERS_ADDRESS_H
#define VSOC_PARSERS_ADDRESS_H

#include "core/slice.h"

/* Four numbers from 0 to 255 in decimal without zeros before them, as inet_pton takes them. */
bool address_is_ipv4(struct slice text);
/* An IPv4 or IPv6 address as inet_pton takes it. */
bool address_is_valid(struct slice text);

#endif
