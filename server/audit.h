/* audit.h: the audit log: a line for every sender that is turned away. Thread: any. */
#ifndef VSOC_SERVER_AUDIT_H
#define VSOC_SERVER_AUDIT_H

#include "server/http.h"

/* Says that a request was refused for who sends it (401, 403). credential: of the sender, as
 * struct identity has it; empty: none that is known. Neither token nor VIN is logged. */
void audit_refusal(const struct http_exchange *exchange, int status, const char *code,
                   struct slice tenant, struct slice credential);

#endif
