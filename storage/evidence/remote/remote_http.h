/* remote_http.h: HTTP requests of the remote thread, one or several side by side. Thread: remote.
 */
#ifndef VSOC_STORAGE_EVIDENCE_REMOTE_HTTP_H
#define VSOC_STORAGE_EVIDENCE_REMOTE_HTTP_H

#include "storage/evidence/remote/remote.h"

struct remote_http_request {
    const char *url;             /* http or https; its certificate is checked by the system's CAs */
    const char *content_type;    /* of the body */
    const char *accept;          /* NULL: anything */
    struct slice body;           /* of a POST */
    int timeout_ms;              /* for all of it */
    const struct remote *remote; /* its stop ends the request; NULL: none */
};

/* Posts and waits. OK: *code is the status of the answer, of any kind, whose body is appended to
 * *answer. Redirects are not followed. TIMEOUT, UNAVAILABLE (no connection, or it broke),
 * TOO_LARGE: more than *answer may hold; CLOSED: the thread stops; NO_MEMORY. *problem for any but
 * OK. */
enum status remote_http_post(const struct remote_http_request *request, long *code,
                             struct writer *answer, struct problem *problem) must_check;

/* Several requests side by side. */
struct remote_http;

enum status remote_http_create(struct remote_http **out) must_check;
/* Ends what is in flight. NULL is allowed. */
void remote_http_destroy(struct remote_http *http);
/* Begins a request; it is copied, only *answer must live until it is done. NO_MEMORY, TOO_LARGE
 * (the URL): *problem says so, and nothing was begun. */
enum status remote_http_begin(struct remote_http *http, const struct remote_http_request *request,
                              struct writer *answer, void *arg, struct problem *problem) must_check;

struct remote_http_done {
    void *arg;          /* of remote_http_begin */
    enum status status; /* as of remote_http_post, with problem */
    long code;
    struct problem problem;
};

/* Goes on with all requests, for timeout_ms at most, and gives one that is done. False: none is. */
bool remote_http_next(struct remote_http *http, int timeout_ms, struct remote_http_done *done);
/* Nothing is in flight. */
bool remote_http_is_idle(const struct remote_http *http);

#endif
