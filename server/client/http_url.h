/* http_url.h: a URL, split for the small client. */
#ifndef VSOC_SERVER_HTTP_URL_H
#define VSOC_SERVER_HTTP_URL_H

#include <stdbool.h>
#include "core/log/problem.h"
#include "core/status.h"

/* Bytes of the reason that functions of the client and of its URL write. */

struct http_url {
    bool tls;
    char host[256]; /* without the brackets of IPv6 */
    char port[8];
    char path[1024]; /* with query; "/" when the URL has none */
};

/* http://host[:port][/path] or https://…. MALFORMED with what is wrong in *problem. Thread: any. */
enum status http_url_parse(const char *text, struct http_url *out,
                           struct problem *problem) must_check;

#endif
