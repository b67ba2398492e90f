/* ingest_http.h: HTTP as a way in: the handler of the ingest listener. Thread: worker. */
#ifndef VSOC_SERVER_INGEST_HTTP_H
#define VSOC_SERVER_INGEST_HTTP_H

#include "server/http/http.h"

/* See struct http_handler; its arg is the worker's struct ingest. */
void ingest_on_headers(void *ingest, struct http_exchange *exchange);
void ingest_on_body(void *ingest, struct http_exchange *exchange, struct slice span);
void ingest_on_end(void *ingest, struct http_exchange *exchange);
void ingest_on_gone(void *ingest, struct http_exchange *exchange);
bool ingest_name_certificate(void *ingest, const void *x509, struct http_certificate_name *name);

#endif
