/* http.h: HTTP as a request handler sees it. The connection (conn.c) drives it, on one worker's
 * loop.
 *
 * Order of calls for one exchange: on_headers once; then either http_reply at once (no body byte is
 * read), or http_admit and on_body for each span (already without transfer coding) and on_end once;
 * then http_reply, now or later in the same thread. on_gone: the client left, a deadline passed or
 * the server stops before the reply: the exchange is dead, do not reply; called at most once, never
 * after http_reply. */
#ifndef VSOC_SERVER_HTTP_H
#define VSOC_SERVER_HTTP_H

#include "core/slice.h"
#include "core/status.h"
#include "core/writer.h"
#include "server/net/peer.h"

struct http_exchange;
struct refusal;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_OTHER };

/* Description of a certificate for logs: never contains a VIN. */
struct http_certificate_name {
    char vehicle[72];  /* "veh:" and the pseudonym; empty: not a vehicle's certificate */
    char subject[160]; /* VINs in it are labels */
};

struct http_handler {
    void (*on_headers)(void *arg, struct http_exchange *exchange);
    void (*on_body)(void *arg, struct http_exchange *exchange, struct slice span);
    void (*on_end)(void *arg, struct http_exchange *exchange);
    void (*on_gone)(void *arg, struct http_exchange *exchange);
    void *arg;
    /* Describes a refused certificate (X509 *) that a CA of senders has signed. May be NULL. False:
     * it identifies nobody. */
    bool (*name_certificate)(void *arg, const void *x509, struct http_certificate_name *name);
};

enum http_method http_method(const struct http_exchange *exchange);
/* Path without query, as sent; query without '?'. */
struct slice http_path(const struct http_exchange *exchange);
struct slice http_query(const struct http_exchange *exchange);
/* Value of a header (name in lower case), trimmed; false when absent. If a header was sent more
 * than once, *count (may be NULL) has the number and the first value is returned. */
bool http_header(const struct http_exchange *exchange, const char *lower_name, struct slice *value,
                 unsigned *count);
/* Header at index i, in the order sent (name in any case); false after the last. */
bool http_header_at(const struct http_exchange *exchange, size_t i, struct slice *name,
                    struct slice *value);
/* Announced body size; -1 when chunked, 0 when none. */
int64_t http_content_length(const struct http_exchange *exchange);
const struct http_peer *http_peer(const struct http_exchange *exchange);
/* Handler's own pointer. It is set while the exchange is open: not in on_gone, which may read it.
 */
void http_set_context(struct http_exchange *exchange, void *context);
void *http_context(const struct http_exchange *exchange);

/* From on_headers: admits the body (answers Expect: 100-continue). body_limit: maximum body bytes;
 * if there are more, the connection calls on_gone and answers 413. */
void http_admit(struct http_exchange *exchange, uint64_t body_limit);
/* The connection applies timeouts.write to the reply. */

struct http_reply_header {
    const char *name;
    const char *value;
};
/* Answers; copies everything. body may be empty; HEAD sends no body. extra: more headers, may be
 * NULL. route: static label for metrics. Before the whole body was read, the connection closes
 * after the answer. */
void http_reply(struct http_exchange *exchange, int code, const char *content_type,
                struct slice body, const struct http_reply_header *extra, size_t extra_count,
                const char *route);
/* Form of errors other than application/problem+json. */
struct http_problem_form {
    const char *content_type;
    /* Appends the body; returns the status to answer with, which may differ. */
    int (*write)(struct writer *out, const struct refusal *refusal);
};
/* Sets the form from now on, also for answers of the connection itself on this exchange. form is
 * borrowed; without write the default form is used. */
void http_set_problem_form(struct http_exchange *exchange, const struct http_problem_form *form);
/* Answers with application/problem+json (RFC 9457): type about:blank, title of the status, status,
 * code (machine word), detail; or in the exchange's own form. Adds Retry-After and the refusal's
 * own header where it has them; 429 and 503 always have Retry-After. Copies everything. Counts
 * vsocd_refusals_total{reason=code}. route: static label for metrics. */
void http_problem(struct http_exchange *exchange, const struct refusal *refusal, const char *route);
const char *http_reason(int code);

#endif
