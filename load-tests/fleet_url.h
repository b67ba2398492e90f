/* Takes a URL apart. */
#ifndef LOAD_TESTS_FLEET_URL_H
#define LOAD_TESTS_FLEET_URL_H

#include <stdbool.h>

/* The parts point into the URL's own buffer, so the struct must not be copied. */
struct fleet_url {
    char buffer[512];
    bool tls;
    const char *host, *port, *path; /* host of an IPv6 address without brackets; path never empty */
};

/* Reads http://host[:port][/path] or https://...; the path defaults to /v1/events, the port to the
 * scheme's. False when the text is no such URL or too long. Thread: any. */
__attribute__((warn_unused_result)) bool fleet_url_read(const char *text, struct fleet_url *url);

#endif
