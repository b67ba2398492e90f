/* http_client.h: a small blocking HTTP/1.1 client for the program's own subcommands: one
 * connection, kept open, one request at a time. Thread: main; never a worker. */
#ifndef VSOC_SERVER_HTTP_CLIENT_H
#define VSOC_SERVER_HTTP_CLIENT_H

#include "core/log/problem.h"
#include "core/slice.h"
#include "core/status.h"
#include "server/client/http_client_options.h"

struct http_client;

struct http_reply_seen {
    int status;
    unsigned retry_after_s; /* 0: none */
    struct slice body;      /* the client's, until its next call */
};

/* Connects later, at the first request. CONFIG when a PEM file can't be used, with *problem;
 * NO_MEMORY.
 */
enum status http_client_create(const struct http_client_options *options, struct http_client **out,
                               struct problem *problem) must_check;
/* NULL is allowed. */
void http_client_destroy(struct http_client *client);

/* Sends one request with `headers` ("Name: value\r\n" each, "" for none; Host and Content-Length
 * are added) and waits for the answer. An idle connection that the server has closed meanwhile is
 * opened anew once. UNAVAILABLE: no connection; TIMEOUT; CLOSED: the answer broke off; MALFORMED:
 * no HTTP answer; REFUSED: TLS does not trust the server (or it us): another try will not help.
 * *problem says more. */
enum status http_client_request(struct http_client *client, const char *method, const char *path,
                                const char *headers, struct slice body,
                                struct http_reply_seen *reply, struct problem *problem) must_check;

#endif
