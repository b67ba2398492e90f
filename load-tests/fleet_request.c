/* Writes the head of the request that carries a batch. Pure. It does not send. */
#include "fleet_request.h"

#include "fleet_text.h"

#include <inttypes.h>
#include <string.h>

/* Nothing where there is no value. */
static void write_header(struct fleet_text *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    fleet_text_puts(out, name);
    fleet_text_puts(out, value);
    fleet_text_puts(out, "\r\n");
}

static void write_optional_headers(const struct fleet_options *options,
                                   const struct fleet_batch *batch, struct fleet_text *out,
                                   size_t *key_at)
{
    if (options->source.encoding != FLEET_IDENTITY)
        fleet_text_printf(out, "Content-Encoding: %s\r\n",
                          fleet_encoding_name(options->source.encoding));
    if (!options->no_idempotency_key) {
        fleet_text_printf(out, "Idempotency-Key: %08" PRIx32 "-b", options->source.plan.run);
        *key_at = out->used;
        fleet_text_printf(out, "%0*" PRIu64 "\r\n", FLEET_KEY_DIGITS, batch->number);
    }
    write_header(out, "VSOC-Ack: ", options->ack);
    write_header(out, "Authorization: Bearer ", options->token);
}

size_t fleet_request_head(const void *context, const struct fleet_batch *batch, char *out,
                          size_t capacity, size_t *key_at)
{
    const struct fleet_options *options = context;
    const struct fleet_url *url = &options->url;
    struct fleet_text text = {.data = out, .capacity = capacity};
    bool brackets = strchr(url->host, ':') != NULL; /* an IPv6 address */
    const char *type =
        options->source.format == FLEET_NDJSON ? "application/x-ndjson" : "application/json";
    fleet_text_puts(&text, "POST ");
    fleet_text_puts(&text, url->path);
    fleet_text_printf(&text, " HTTP/1.1\r\nHost: %s%.300s%s:%.8s\r\nUser-Agent: fleet\r\n",
                      brackets ? "[" : "", url->host, brackets ? "]" : "", url->port);
    fleet_text_printf(&text, "Content-Type: %s\r\nContent-Length: %zu\r\n", type,
                      batch->body_bytes);
    write_optional_headers(options, batch, &text, key_at);
    fleet_text_puts(&text, "\r\n");
    return text.overflow ? 0 : text.used;
}
