/* remote_http.h: one HTTP request of the remote thread. Thread: remote. */
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

#endif
