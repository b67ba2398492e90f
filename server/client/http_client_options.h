/* http_client_options.h: where the small client connects to, and with which credentials. */
#ifndef VSOC_SERVER_HTTP_CLIENT_OPTIONS_H
#define VSOC_SERVER_HTTP_CLIENT_OPTIONS_H

#include "server/client/http_url.h"

struct http_client_options {
    const struct http_url *url;    /* outlives the client */
    const char *certificate, *key; /* PEM files; NULL: none */
    const char *ca;                /* PEM file; NULL: the system's CAs */
    int timeout_ms;                /* for connecting and for each wait for bytes */
};

#endif
