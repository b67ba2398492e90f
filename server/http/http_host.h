/* http_host.h: the grammar of Host and of a target's authority (RFC 9110 §7.2, RFC 3986 §3.2).
 * Pure. Thread: any. */
#ifndef VSOC_SERVER_HTTP_HOST_H
#define VSOC_SERVER_HTTP_HOST_H

#include "core/slice.h"

/* uri-host [":" port] with a host that is not empty. */
bool http_host_is_valid(struct slice host);

#endif
