/* dialect_health.c: GET /health, for load balancers that probe the port that they send to. Worker
 * threads. Probes of the process are on the admin listener: admin.c. */
#include "server/ingest/http/ingest_request.h"

static bool claims(const struct http_exchange *exchange)
{
    return slice_equal_text(http_path(exchange), "/health");
}

static int answer_get(struct writer *out, const struct refusal *busy)
{
    writer_text(out, busy ? busy->code : "ok");
    writer_text(out, "\n");
    return busy ? 503 : 200;
}

const struct dialect dialect_health = {
    .route = "/health",
    .claims = claims,
    .report_type = "text/plain",
    .answer_get = answer_get,
};
