/* address.c: IP addresses in text. Pure, any thread. IPv4 is read here, because inet_pton needs a
 * copy with a byte 0 behind it and takes three times as long. */
#include "parsers/fill/address.h"

#include <arpa/inet.h>

bool address_is_ipv4(struct slice text)
{
    unsigned dots = 0, value = 0, digits = 0;
    if (text.size < sizeof "0.0.0.0" - 1 || text.size > sizeof "255.255.255.255" - 1)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit <= 9) {
            if (digits && !value)
                return false; /* a zero before it */
            value = value * 10 + digit;
            digits++;
            if (value > 255)
                return false;
        } else if (text.data[i] == '.' && digits) {
            dots++;
            value = digits = 0;
        } else {
            return false;
        }
    }
    return dots == 3 && digits;
}

static bool is_ipv6(struct slice text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr bytes;
    if (!text.size || text.size >= sizeof address || memchr(text.data, 0, text.size))
        return false;
    memcpy(address, text.data, text.size);
    address[text.size] = '\0';
    return inet_pton(AF_INET6, address, &bytes) == 1;
}

bool address_is_valid(struct slice text)
{
    return address_is_ipv4(text) || is_ipv6(text);
}
