/* ingest_rights.c: what a sender may send, and how much. Worker threads. The way in identifies the
 * sender. */
#include "server/ingest/ingest_internal.h"

bool submission_may_send(const struct submission *sub, const struct parser *parser,
                         struct refusal *refusal)
{
    const struct identity *id = &sub->identity;
    struct slice format = slice_from_text(parser->name);
    if (identity_may_send(id, format))
        return true;
    bool by_token = !id->listed.size || token_formats_allow(id->formats, format);
    struct slice formats = id->listed.size && by_token ? id->token_formats : id->formats;
    if (!formats.size)
        formats = id->token_formats;
    return refusal_say(refusal, REFUSAL_format_refused, "this %s may send %.*s, not %s",
                       by_token ? "token" : "sender", SLICE_ARGS(formats), parser->name);
}

struct quota_sender submission_quota(const struct submission *sub)
{
    return (struct quota_sender){
        .tenant = sub->identity.tenant,
        .name = sub->identity.sender,
        .events_per_second = sub->identity.events_per_second,
        .burst = sub->identity.burst,
    };
}
