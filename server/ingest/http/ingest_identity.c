/* ingest_identity.c: identifies the sender by certificate, token, or both. Worker threads. Does not
 * read the body; the formats that a token may send are checked where the format is known. */
#include "server/identity/credential.h"
#include "server/http/http_query.h"
#include "server/ingest/http/ingest_request.h"

/* 401: the answer names the credential that is required. */
static bool ask(struct refusal *refusal, const struct config *config, enum refusal_reason reason)
{
    refusal_set(refusal, reason);
    refusal->header = "WWW-Authenticate";
    refusal->header_value = config->tokens ? "Bearer" : "Mutual";
    return false;
}

/* The token as sent; empty: none. */
static bool read_shown(struct request *r, const struct config *config, struct slice *shown,
                       struct refusal *refusal)
{
    struct slice value;
    unsigned count = 0;
    enum status s = STATUS_OK;
    *shown = SLICE_EMPTY;
    if (http_header(r->exchange, "authorization", &value, &count))
        s = count == 1 ? credential_of_header(value, &r->sub.batch->arena, shown)
                       : STATUS_MALFORMED;
    else if (config->identity_tokens_in_query)
        s = http_query_value(http_query(r->exchange), "token", &r->sub.batch->arena, shown);
    if (s == STATUS_OK || s == STATUS_NOT_FOUND)
        return true;
    if (s == STATUS_NO_MEMORY)
        return refusal_set(refusal, REFUSAL_memory);
    return ask(refusal, config, REFUSAL_bad_authorization);
}

/* The valid token of the request; NULL: it has none. */
static bool read_token(struct request *r, const struct config *config, const struct token **token,
                       struct refusal *refusal)
{
    struct slice shown;
    *token = NULL;
    if (!config->tokens)
        return true;
    if (!read_shown(r, config, &shown, refusal))
        return false;
    if (!shown.size)
        return true;
    switch (tokens_check(config->tokens, shown, token)) {
    case STATUS_OK:
        return true;
    case STATUS_REFUSED:
        (void)!identity_from_token(*token, &r->sub.batch->arena,
                                   &r->sub.identity); /* for the audit log */
        return refusal_set(refusal, REFUSAL_token_revoked);
    default:
        return ask(refusal, config, REFUSAL_invalid_token);
    }
}

/* A token that is not accepted is useless and leaks, so refuse it. */
static bool is_token_in_query(struct request *r)
{
    struct slice unused;
    return http_query_value(http_query(r->exchange), "token", &r->sub.batch->arena, &unused) ==
           STATUS_OK;
}

static bool read_peer(struct request *r, const struct config *config, struct refusal *refusal)
{
    switch (identity_from_peer(http_peer(r->exchange), config, &r->sub.batch->arena,
                               &r->sub.identity, refusal)) {
    case STATUS_OK:
        return true;
    case STATUS_REFUSED:
        if (config->tokens && is_token_in_query(r))
            return ask(refusal, config, REFUSAL_token_in_query);
        return ask(refusal, config, REFUSAL_no_credential);
    case STATUS_CONFLICT:
        return false;
    default:
        return refusal_set(refusal, REFUSAL_memory);
    }
}

/* The certificate identifies the sender; the token restricts what it may send. */
static bool narrow(struct identity *id, struct identity *token, struct refusal *refusal)
{
    if (!slice_equal(id->tenant, token->tenant))
        return refusal_set(refusal, REFUSAL_tenant_mismatch);
    if (identity_narrow(id, token) != STATUS_OK)
        return refusal_set(refusal, REFUSAL_vehicle_refused);
    return true;
}

bool request_read_identity(struct request *r, const struct config *config, struct refusal *refusal)
{
    const struct token *token;
    struct identity of_token;
    if (!read_token(r, config, &token, refusal))
        return false;
    if (token && identity_from_token(token, &r->sub.batch->arena, &of_token) != STATUS_OK)
        return refusal_set(refusal, REFUSAL_memory);
    if (token && !http_peer(r->exchange)->certificate) {
        r->sub.identity = of_token;
        return true;
    }
    bool good =
        read_peer(r, config, refusal) && (!token || narrow(&r->sub.identity, &of_token, refusal));
    if (token)
        identity_fini(&of_token);
    return good;
}
