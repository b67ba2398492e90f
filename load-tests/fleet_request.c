/* Writes the request that carries a batch. Runs on the generator's only thread. It does not send.
 */
#include "fleet_request.h"

#include <inttypes.h>

static void write_optional_headers(const struct fleet_options *options,
                                   const struct fleet_batch *batch, struct evbuffer *out)
{
    if (options->source.encoding != FLEET_IDENTITY)
        evbuffer_add_printf(out, "Content-Encoding: %s\r\n",
                            fleet_encoding_name(options->source.encoding));
    if (!options->no_idempotency_key)
        evbuffer_add_printf(out, "Idempotency-Key: %08" PRIx32 "-b%" PRIu64 "\r\n",
                            options->source.plan.run, batch->number);
    if (options->ack != NULL)
        evbuffer_add_printf(out, "VSOC-Ack: %s\r\n", options->ack);
    if (options->token != NULL)
        evbuffer_add_printf(out, "Authorization: Bearer %s\r\n", options->token);
}

void fleet_request_write(const struct fleet_options *options, const struct fleet_batch *batch,
                         struct evbuffer *out)
{
    const struct fleet_url *url = &options->url;
    bool brackets = strchr(url->host, ':') != NULL; /* an IPv6 address */
    const char *type =
        options->source.format == FLEET_NDJSON ? "application/x-ndjson" : "application/json";
    evbuffer_add_printf(out, "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nUser-Agent: fleet\r\n",
                        url->path, brackets ? "[" : "", url->host, brackets ? "]" : "", url->port);
    evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
                        batch->body_bytes);
    write_optional_headers(options, batch, out);
    evbuffer_add(out, "\r\n", 2);
    evbuffer_add(out, batch->body, batch->body_bytes);
}
