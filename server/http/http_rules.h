/* http_rules.h: further rules for a parsed head: framing, Host, target, expectations (RFC 9112 and
 * RFC 9110). Pure. Thread: any. */
#ifndef VSOC_SERVER_HTTP_RULES_H
#define VSOC_SERVER_HTTP_RULES_H

#include "server/http/http_request.h"
#include "server/http/http_scan.h"

/* Checks method, target and fields of *request and fills the derived members: path, query,
 * keep_alive, expect_continue, chunked, content_length. method, fields and version_11 are set by
 * the caller. False: refused; *refusal has the reason. */
bool http_rules_apply(struct http_request *request, struct slice target, struct refusal *refusal);

#endif
