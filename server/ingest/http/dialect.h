/* dialect.h: the protocol of a family of routes. The pipeline of a request (ingest.c) is the same
 * for all of them; a dialect determines which requests belong to it, which format their headers
 * select, and how the report of a batch and an error are written. A compatible protocol is one file
 * with one or more `struct dialect`, and a row each in dialect.c. Everything is const and without
 * state; the functions run on the worker of the request. */
#ifndef VSOC_SERVER_DIALECT_H
#define VSOC_SERVER_DIALECT_H

#include "core/writer.h"
#include "server/http/http.h"

struct request;
struct refusal;
struct config;
struct ingest_shared;

struct json_parser;

/* A body that is a query rather than a batch. */
struct dialect_question {
    const struct request *request;
    struct slice body; /* inflated; JSON_PADDING bytes follow */
    struct json_parser *json;
    const struct config *config;
    const struct ingest_shared *shared;
};

struct dialect {
    const char *route; /* label of the metrics */
    /* Whether a request belongs to this dialect, by path and headers. The first matching row gets
     * it. */
    bool (*claims)(const struct http_exchange *exchange);
    /* Form of an error of any stage: connection, headers, body, spool. write NULL:
     * application/problem+json. */
    struct http_problem_form problem;
    /* Sets request->parser (NULL: the body is probed) from the path and request->media. False with
     * *refusal: answer that. */
    bool (*read_format)(struct request *request, const struct config *config,
                        const struct ingest_shared *shared, struct refusal *refusal);
    /* Parameters of the query that parsers see as headers ?NAME; ended by NULL, may be NULL. */
    const char *const *query_names;
    /* A body without a record is answered as an empty batch; otherwise it is refused with 400.
     * Nothing of it is stored. */
    bool takes_empty;
    /* Appends the report of a durable batch; returns the status to answer with. level: see
     * ack_level. */
    int (*write_report)(struct writer *out, const struct request *request, const char *level);
    const char *report_type; /* its media type */
    /* The body is a query: appends the answer and returns its status; 0 with *refusal: answer that.
     * NULL: the body is a batch. */
    int (*answer_body)(struct writer *out, const struct dialect_question *question,
                       struct refusal *refusal);
    /* The route supports GET: appends the answer and returns its status. busy: why no batches are
     * accepted now, NULL: they are. NULL: the route supports POST. */
    int (*answer_get)(struct writer *out, const struct refusal *busy);
};

/* NULL: the request belongs to no dialect. */
const struct dialect *dialect_of(const struct http_exchange *exchange);

#endif
