/* s3_request.h: one signed request to an object store (AWS Signature Version 4, which libcurl
 * makes). Blocks. Thread: the target's. */
#ifndef VSOC_EVIDENCE_S3_REQUEST_H
#define VSOC_EVIDENCE_S3_REQUEST_H

#include "storage/evidence/archive/archive_target.h"

struct s3_connection;                             /* keeps its connection from request to request */
struct s3_connection *s3_connection_create(void); /* NULL: no memory */
void s3_connection_destroy(struct s3_connection *connection);

#define S3_HEADERS_MAX 8

struct s3_request {
    const struct archive_target *target; /* settings and stop */
    const char *url;
    const char *headers[S3_HEADERS_MAX]; /* "name: value"; NULL ends them */
    bool head_only;                      /* HEAD */
    const struct archive_body *body;     /* PUT; NULL: GET */
    archive_take_fn take;                /* of a 200's body; NULL: it is dropped */
    void *arg;
};

/* *code: the answer's. UNAVAILABLE: no answer, *problem says why; CLOSED; take's status; CONFIG,
 * REFUSED: the credentials can't be used. An answer that is no 200 is OK; *problem has its code and
 * what it says. */
enum status s3_request_run(struct s3_connection *connection, const struct s3_request *request,
                           long *code, struct problem *problem) must_check;

#endif
