/* audit.c: refusals of senders in the log, under the component "audit". Any thread. */
#include "server/audit.h"

#define LOG_COMPONENT "audit"
#include "core/log.h"

void audit_refusal(const struct http_exchange *exchange, int status, const char *code,
                   struct slice tenant, struct slice credential)
{
    const struct http_peer *peer = http_peer(exchange);
    log_warn("sender refused", LOG_TEXT("peer", peer->address), LOG_I64("status", status),
             LOG_TEXT("code", code), LOG_SLICE("tenant", tenant),
             LOG_SLICE("credential", credential.size ? credential : peer->fingerprint));
}
