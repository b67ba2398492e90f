/* dialect.c: the list of dialects. Worker threads. Pure. */
#include "server/ingest/http/dialect.h"

#define DIALECTS(X)                                                                                \
    X(cloudevents_batch)                                                                           \
    X(otlp_json)                                                                                   \
    X(otlp_plain)                                                                                  \
    X(otlp_protobuf)                                                                               \
    X(hec_event)                                                                                   \
    X(hec_raw)                                                                                     \
    X(hec_ack)                                                                                     \
    X(hec_health)                                                                                  \
    X(health)                                                                                      \
    X(native)

#define X(name) extern const struct dialect dialect_##name;
DIALECTS(X)
#undef X

static const struct dialect *const dialects[] = {
#define X(name) &dialect_##name,
    DIALECTS(X)
#undef X
};

const struct dialect *dialect_of(const struct http_exchange *exchange)
{
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (dialects[i]->claims(exchange))
            return dialects[i];
    return NULL;
}
