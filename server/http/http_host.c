/* http_host.c: checks whether a text is a host, with or without a port. Any thread. Resolves
 * nothing. */
#include "server/http/http_host.h"

#include <arpa/inet.h>

#include "core/hex.h"

#define PORT_DIGITS_MAX 5

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* unreserved or sub-delims */
static bool is_plain(uint8_t c)
{
    return is_alphanumeric(c) || (c && strchr("-._~!$&'()*+,;=", c));
}

static bool is_percent_encoded(struct slice s, size_t at)
{
    return s.data[at] == '%' && at + 2 < s.size && hex_digit_value(s.data[at + 1]) >= 0 &&
           hex_digit_value(s.data[at + 2]) >= 0;
}

/* Bytes of a reg-name or IPv4address at the beginning of s. */
static size_t reg_name(struct slice s)
{
    size_t at = 0;
    while (at < s.size) {
        if (is_percent_encoded(s, at))
            at += 3;
        else if (is_plain(s.data[at]))
            at++;
        else
            break;
    }
    return at;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_future(struct slice s)
{
    size_t at = 1;
    if (!s.size || (s.data[0] | 0x20) != 'v')
        return false;
    while (at < s.size && hex_digit_value(s.data[at]) >= 0)
        at++;
    if (at == 1 || at + 1 >= s.size || s.data[at] != '.')
        return false;
    for (at++; at < s.size; at++)
        if (!is_plain(s.data[at]) && s.data[at] != ':')
            return false;
    return true;
}

/* IPv6address, with a zone after "%25" (RFC 6874). */
static bool is_ipv6(struct slice s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const uint8_t *zone = slice_find_byte(s, '%');
    size_t size = zone ? (size_t)(zone - s.data) : s.size;
    struct slice name = slice_sub(s, size, s.size);
    if (size >= sizeof text)
        return false;
    memcpy(text, s.data, size);
    text[size] = '\0';
    if (zone && (name.size < 4 || memcmp(name.data, "%25", 3) != 0 || reg_name(name) != name.size))
        return false;
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Bytes of the host at the beginning of s; 0: none. */
static size_t host_bytes(struct slice s)
{
    if (!s.size || s.data[0] != '[')
        return reg_name(s);
    const uint8_t *end = memchr(s.data, ']', s.size);
    size_t size = end ? (size_t)(end - s.data) : 0;
    struct slice inside = slice_sub(s, 1, size ? size - 1 : 0);
    return end && (is_future(inside) || is_ipv6(inside)) ? size + 1 : 0;
}

bool http_host_is_valid(struct slice host)
{
    size_t at = host_bytes(host);
    if (!at)
        return false;
    if (at == host.size)
        return true;
    if (host.data[at] != ':' || host.size - at - 1 > PORT_DIGITS_MAX)
        return false;
    for (at++; at < host.size; at++)
        if (host.data[at] < '0' || host.data[at] > '9')
            return false;
    return true;
}
