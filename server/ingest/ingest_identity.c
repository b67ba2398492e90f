/* ingest_identity.c: who sends: the certificate, a token, or both. Worker threads. Does not look at
 * what is sent; which formats a token may send is checked where the format is known. */
#include "server/identity/credential.h"
#include "server/http/http_query.h"
#include "server/ingest/ingest_internal.h"

#define MEMORY_DETAIL "request memory is used up"

/* 401: the answer says which credential is asked for. */
static bool ask(struct refusal *refusal, const struct config *config, const char *code,
                const char *detail)
{
    refuse_with(refusal, 401, code, detail);
    refusal->header = "WWW-Authenticate";
    refusal->header_value = config->tokens ? "Bearer" : "Mutual";
    return false;
}

/* The token as shown; empty: none is. */
static bool read_shown(struct request *r, const struct config *config, struct slice *shown,
                       struct refusal *refusal)
{
    struct slice value;
    unsigned count = 0;
    enum status s = STATUS_OK;
    *shown = SLICE_EMPTY;
    if (http_header(r->exchange, "authorization", &value, &count))
        s = count == 1 ? credential_of_header(value, &r->batch->arena, shown) : STATUS_MALFORMED;
    else if (config->identity_tokens_in_query)
        s = http_query_value(http_query(r->exchange), "token", &r->batch->arena, shown);
    if (s == STATUS_OK || s == STATUS_NOT_FOUND)
        return true;
    if (s == STATUS_NO_MEMORY)
        return refuse_with(refusal, 503, "memory", MEMORY_DETAIL);
    return ask(refusal, config, "bad_authorization",
               "Authorization is Bearer TOKEN, Splunk TOKEN, or Basic with the token as password");
}

/* The good token that the request shows; NULL: it shows none. */
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
        (void)!identity_from_token(*token, &r->batch->arena, &r->identity); /* for the audit log */
        return refuse_with(refusal, 403, "token_revoked", "this token is revoked");
    default:
        return ask(refusal, config, "invalid_token", "there is no such token");
    }
}

/* A token where none is taken helps nobody and leaks: say so. */
static bool is_token_in_query(struct request *r)
{
    struct slice unused;
    return http_query_value(http_query(r->exchange), "token", &r->batch->arena, &unused) ==
           STATUS_OK;
}

static bool read_peer(struct request *r, const struct config *config, struct refusal *refusal)
{
    struct identity_refusal why;
    switch (
        identity_from_peer(http_peer(r->exchange), config, &r->batch->arena, &r->identity, &why)) {
    case STATUS_OK:
        return true;
    case STATUS_REFUSED:
        if (config->tokens && is_token_in_query(r))
            return ask(refusal, config, "token_in_query",
                       "a token in the query is not taken: identity.tokens_in_query is off");
        return ask(refusal, config, "no_credential",
                   config->tokens ? "a token or a client certificate of the fleet's CA is needed"
                                  : "a client certificate of the fleet's CA is needed");
    case STATUS_CONFLICT:
        return refuse_with(refusal, 403, why.code, why.detail);
    default:
        return refuse_with(refusal, 503, "memory", MEMORY_DETAIL);
    }
}

/* The certificate says who it is; the token narrows what it may send. */
static bool narrow(struct identity *id, struct identity *token, struct refusal *refusal)
{
    if (!slice_equal(id->tenant, token->tenant))
        return refuse_with(refusal, 403, "tenant_mismatch",
                           "the token is of another tenant than the certificate");
    if (identity_narrow(id, token) != STATUS_OK)
        return refuse_with(refusal, 403, "vehicle_refused",
                           "the token is not for the certificate's vehicle");
    return true;
}

bool request_read_identity(struct request *r, const struct config *config, struct refusal *refusal)
{
    const struct token *token;
    struct identity of_token;
    if (!read_token(r, config, &token, refusal))
        return false;
    if (token && identity_from_token(token, &r->batch->arena, &of_token) != STATUS_OK)
        return refuse_with(refusal, 503, "memory", MEMORY_DETAIL);
    if (token && !http_peer(r->exchange)->certificate) {
        r->identity = of_token;
        return true;
    }
    bool good =
        read_peer(r, config, refusal) && (!token || narrow(&r->identity, &of_token, refusal));
    if (token)
        identity_fini(&of_token);
    return good;
}

bool request_may_send(const struct request *r, const struct parser *parser, struct refusal *refusal)
{
    const struct identity *id = &r->identity;
    struct slice format = slice_from_text(parser->name);
    if (identity_may_send(id, format))
        return true;
    bool by_token = !id->listed.size || token_formats_allow(id->formats, format);
    struct slice formats = id->listed.size && by_token ? id->token_formats : id->formats;
    if (!formats.size)
        formats = id->token_formats;
    return refuse_with(refusal, 403, "format_refused",
                       arena_format(&r->batch->arena, "this %s may send %.*s, not %s",
                                    by_token ? "token" : "sender", SLICE_ARGS(formats),
                                    parser->name));
}

struct quota_sender request_quota(const struct request *r)
{
    return (struct quota_sender){
        .tenant = r->identity.tenant,
        .name = r->identity.sender,
        .events_per_second = r->identity.events_per_second,
        .burst = r->identity.burst,
    };
}
